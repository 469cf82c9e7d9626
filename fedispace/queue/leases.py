"""Claiming work from a table, so that one worker at a time holds a row and none is ever lost.

A row is due when `run_at` has passed and nobody's lease on it is alive. A worker that dies leaves a
lease behind; when it runs out, another takes the row. So work is done at least once.

`lane` keeps order: a row waits while an earlier row of the same lane is held or not yet due. Earlier
rows that are due come first in the same claim, so a worker receives a lane as a run, in order.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, exists, or_, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, aliased

from fedispace.db.engine import Tx
from fedispace.queue.models import Leased

Work = TypeVar("Work", bound=Leased)
Condition = Callable[[type[Work]], ColumnElement[bool]]
Lane = Sequence[InstrumentedAttribute[int] | InstrumentedAttribute[str]]


def _any(_table: type[Leased]) -> ColumnElement[bool]:
    return true()


def due(table: type[Work], now: datetime) -> ColumnElement[bool]:
    """Return the condition that a row may be claimed, lanes apart."""
    return and_(table.run_at <= now, or_(table.leased_until.is_(None), table.leased_until <= now))


async def claim(
    tx: Tx,
    table: type[Work],
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    where: Condition[Work] = _any,
    lane: Lane = (),
) -> list[Work]:
    """Take up to `limit` due rows, oldest first, and lease them. Each claim counts as an attempt."""
    chosen = select(table.id).where(due(table, now), where(table)).order_by(table.id).limit(limit)
    if lane:
        earlier = aliased(table)
        chosen = chosen.where(
            ~exists().where(
                where(earlier),
                earlier.id < table.id,
                *(getattr(earlier, column.key) == column for column in lane),
                or_(earlier.run_at > now, earlier.leased_until > now),
            )
        )
    chosen = chosen.with_for_update(skip_locked=True)
    taken = await tx.scalars(
        update(table)
        .where(table.id.in_(chosen))
        .values(leased_until=now + lease, attempts=table.attempts + 1)
        .returning(table),
        execution_options={"synchronize_session": False},
    )
    return sorted(taken.all(), key=lambda row: row.id)


async def is_any_due(tx: Tx, table: type[Work], now: datetime, where: Condition[Work] = _any) -> bool:
    """Tell, without writing, whether a claim could take anything (lanes apart)."""
    return (await tx.scalar(select(table.id).where(due(table, now), where(table)).limit(1))) is not None
