"""The list of people who want to be found."""

from typing import Final, Literal

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.standing import is_shown
from fedispace.db.engine import Tx

MAX_LISTED: Final = 80
MAX_OFFSET: Final = 10_000

Order = Literal["active", "new"]


async def listed(tx: Tx, *, order: Order, local: bool, offset: int, limit: int) -> list[Account]:
    """Return people who are discoverable, here or anywhere: who posted last first, or who came last."""
    statement = select(Account).where(
        Account.discoverable.is_(True), is_shown(), Account.moved_to_uri.is_(None)
    )
    if local:
        statement = statement.where(Account.domain == "")
    newest = (
        (Account.id.desc(),)
        if order == "new"
        else (Account.last_status_at.is_(None), Account.last_status_at.desc(), Account.id.desc())
    )
    page = statement.order_by(*newest).limit(max(1, min(limit, MAX_LISTED)))
    return list(await tx.scalars(page.offset(max(0, min(offset, MAX_OFFSET)))))
