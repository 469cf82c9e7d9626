"""The numbers shown beside posts and profiles: kept with the change they count, never below zero."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Column, bindparam, case, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from fedispace.accounts.models import Account
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Status

_accounts: Final = table_of(Account)
_statuses: Final = table_of(Status)
_COUNTED: Final = ("replies_count", "boosts_count", "favourites_count", "quotes_count")


def _one_more(column: Column[int]) -> ReturningUpdate[int]:
    more = update(_statuses).where(_statuses.c.id == bindparam("post")).values({column: column + 1})
    return more.returning(column)


def _one_less(column: Column[int]) -> ReturningUpdate[int]:
    less = case((column > 0, column - 1), else_=0)
    return (
        update(_statuses).where(_statuses.c.id == bindparam("post")).values({column: less}).returning(column)
    )


_MORE: Final = {name: _one_more(_statuses.c[name]) for name in _COUNTED}
_LESS: Final = {name: _one_less(_statuses.c[name]) for name in _COUNTED}
_latest: Final = bindparam("latest", type_=_accounts.c.last_status_at.type)
_POSTED: Final = (
    update(_accounts)
    .where(_accounts.c.id == bindparam("author"))
    .values(
        statuses_count=_accounts.c.statuses_count + bindparam("number"),
        last_status_at=case(
            (_accounts.c.last_status_at > _latest, _accounts.c.last_status_at), else_=_latest
        ),
    )
)
_REMOVED: Final = (
    update(_accounts)
    .where(_accounts.c.id == bindparam("author"), _accounts.c.statuses_count > 0)
    .values(statuses_count=_accounts.c.statuses_count - 1)
)


async def posted(tx: Tx, account_id: int, visibility: str, at: datetime, number: int = 1) -> None:
    """Count new posts of an account. Direct ones are not counted: the number is public."""
    if visibility != "direct":
        await tx.core(_POSTED, {"author": account_id, "number": number, "latest": at})


async def removed(tx: Tx, account_id: int, visibility: str) -> None:
    """Take a post off an account's count."""
    if visibility != "direct":
        await tx.core(_REMOVED, {"author": account_id})


async def answered(tx: Tx, parent_id: int | None, visibility: str) -> None:
    """Count a reply. Those not everybody may read are not counted, or the number would tell of them."""
    if parent_id is not None and is_distributable(visibility):
        await _change(tx, parent_id, "replies_count", _MORE)


async def unanswered(tx: Tx, parent_id: int | None, visibility: str) -> None:
    if parent_id is not None and is_distributable(visibility):
        await _change(tx, parent_id, "replies_count", _LESS)


async def boosted(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, "boosts_count", _MORE)


async def unboosted(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, "boosts_count", _LESS)


async def favourited(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, "favourites_count", _MORE)


async def unfavourited(tx: Tx, status_id: int) -> None:
    await _change(tx, status_id, "favourites_count", _LESS)


async def quoted(tx: Tx, status_id: int | None, visibility: str) -> None:
    """Count a quote that was let in. Those not everybody may read are not counted, like replies."""
    if status_id is not None and is_distributable(visibility):
        await _change(tx, status_id, "quotes_count", _MORE)


async def unquoted(tx: Tx, status_id: int | None, visibility: str) -> None:
    if status_id is not None and is_distributable(visibility):
        await _change(tx, status_id, "quotes_count", _LESS)


async def _change(tx: Tx, status_id: int, name: str, statements: Mapping[str, ReturningUpdate[int]]) -> None:
    """Add in the database, so that two who count at once are both counted."""
    number = (await tx.core(statements[name], {"post": status_id})).scalar()
    loaded = tx.loaded(Status, status_id)
    if loaded is not None and number is not None:
        set_committed_value(loaded, name, number)
