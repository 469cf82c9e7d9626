"""Whom an account that moved away has become, as far as we know them."""

from collections.abc import Sequence

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx


async def moved_to(tx: Tx, account: Account) -> Account | None:
    """Return where `account` moved to; None when it did not, or to somebody not known here."""
    return (await successors(tx, [account])).get(account.id)


async def successors(tx: Tx, accounts: Sequence[Account]) -> dict[int, Account]:
    """Return, by their ids, whom those of `accounts` that moved have become."""
    wanted = {account.moved_to_uri for account in accounts if account.moved_to_uri is not None}
    if not wanted:
        return {}
    rows = await tx.scalars(select(Account).where(Account.uri.in_(wanted)))
    by_uri = {row.uri: row for row in rows}
    return {
        account.id: by_uri[account.moved_to_uri]
        for account in accounts
        if account.moved_to_uri in by_uri and by_uri[account.moved_to_uri].id != account.id
    }
