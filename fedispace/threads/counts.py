"""The numbers shown beside posts and profiles: kept with the change they count, never below zero."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, update
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.util import identity_key

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Status


async def posted(tx: Tx, account_id: int, visibility: str, at: datetime, number: int = 1) -> None:
    """Count new posts of an account. Direct ones are not counted: the number is public."""
    if visibility == "direct":
        return
    latest = case((Account.last_status_at > at, Account.last_status_at), else_=at)
    await tx.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(statuses_count=Account.statuses_count + number, last_status_at=latest)
        .execution_options(synchronize_session=False)
    )


async def removed(tx: Tx, account_id: int, visibility: str) -> None:
    """Take a post off an account's count."""
    if visibility != "direct":
        await tx.execute(
            update(Account)
            .where(Account.id == account_id)
            .values(statuses_count=_less_one(Account.statuses_count))
            .execution_options(synchronize_session=False)
        )


async def answered(tx: Tx, parent_id: int | None, visibility: str) -> None:
    """Count a reply. Those not everybody may read are not counted, or the number would tell of them."""
    if parent_id is not None and is_distributable(visibility):
        await _change(tx, parent_id, replies_count=Status.replies_count + 1)


async def unanswered(tx: Tx, parent_id: int | None, visibility: str) -> None:
    if parent_id is not None and is_distributable(visibility):
        await _change(tx, parent_id, replies_count=_less_one(Status.replies_count))


async def boosted(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, boosts_count=Status.boosts_count + 1)


async def unboosted(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, boosts_count=_less_one(Status.boosts_count))


async def favourited(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, favourites_count=Status.favourites_count + 1)


async def unfavourited(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, favourites_count=_less_one(Status.favourites_count))


async def _change(tx: Tx, status_id: int, **values: ColumnElement[Any]) -> None:
    """Add in the database, so that two who count at once are both counted."""
    await tx.execute(
        update(Status)
        .where(Status.id == status_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    loaded = tx.identity_map.get(identity_key(Status, status_id))
    if loaded is not None:
        await tx.refresh(loaded, list(values))


def _less_one(column: InstrumentedAttribute[int]) -> ColumnElement[int]:
    return case((column > 0, column - 1), else_=0)
