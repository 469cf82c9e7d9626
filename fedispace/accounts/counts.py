"""How many follow, and are followed by, an account: kept with the rows they count."""

from typing import Any

from sqlalchemy import case, update
from sqlalchemy.orm import InstrumentedAttribute

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx


async def add_to_counts(tx: Tx, account_id: int, *, followers: int = 0, following: int = 0) -> None:
    """Add to an account's counts in the database; they never fall below zero."""
    changes: dict[Any, Any] = {}
    for column, amount in ((Account.followers_count, followers), (Account.following_count, following)):
        if amount:
            changes[column] = _sum(column, amount)
    if changes:
        await tx.execute(
            update(Account)
            .where(Account.id == account_id)
            .values(changes)
            .execution_options(synchronize_session=False)
        )


def _sum(column: InstrumentedAttribute[int], amount: int) -> Any:
    return column + amount if amount > 0 else case((column > -amount, column + amount), else_=0)
