"""Claiming work from a table, so that one worker at a time holds a row and none is ever lost.

A row is due when `run_at` has passed and nobody's lease on it is alive. A worker that dies leaves a
lease behind; when it runs out, another takes the row. So work is done at least once.

`lane` keeps order: a row waits while an earlier row of the same lane is held or not yet due. Earlier
rows that are due come first in the same claim, so a worker receives a lane as a run, in order.

On PostgreSQL two workers claim at the same moment, and neither sees what the other has not committed
yet; nor does a claim see the rows that somebody is just putting off. So a claim looks again: a row
that still has an earlier one outside the claim goes back at once. The earlier row's holder keeps it,
because nothing is before it.

A holder writes only while its lease is the one in the row (`still_held`): one that was too slow, and
whose rows another has taken by now, changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

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
    rows = sorted(taken.all(), key=lambda row: row.id)
    if lane and rows and tx.dialect_name == "postgresql":
        overtaking = await _overtaking(tx, table, rows, where, lane)
        await give_back(tx, table, [row for row in rows if row.id in overtaking])
        rows = [row for row in rows if row.id not in overtaking]
    return rows


async def _overtaking(
    tx: Tx, table: type[Work], rows: list[Work], where: Condition[Work], lane: Lane
) -> set[int]:
    """Return the ids of claimed rows that have an earlier row of their lane outside the claim."""
    claimed = [row.id for row in rows]
    earlier = aliased(table)
    before = exists().where(
        where(earlier),
        earlier.id < table.id,
        earlier.id.not_in(claimed),
        *(getattr(earlier, column.key) == column for column in lane),
    )
    return set(await tx.scalars(select(table.id).where(table.id.in_(claimed), before)))


def still_held(table: type[Work], rows: Sequence[Work]) -> ColumnElement[bool]:
    """Return the condition that finds those of `rows` whose lease is still the holder's."""
    leases = {row.leased_until for row in rows}
    return and_(table.id.in_([row.id for row in rows]), table.leased_until.in_(leases))


async def give_back(
    tx: Tx,
    table: type[Work],
    rows: Sequence[Work],
    *,
    run_at: datetime | None = None,
    begun: bool = False,
) -> None:
    """Let go of claimed rows. The attempt does not count, unless it was `begun`."""
    if not rows:
        return
    values: dict[str, Any] = {"leased_until": None}
    if not begun:
        values["attempts"] = table.attempts - 1
    if run_at is not None:
        values["run_at"] = run_at
    await tx.execute(
        update(table)
        .where(still_held(table, rows))
        .values(values)
        .execution_options(synchronize_session=False)
    )


async def renew(tx: Tx, table: type[Work], rows: Sequence[Work], until: datetime) -> bool:
    """Hold rows of one claim until `until`; False when they are somebody else's by now."""
    renewed = await tx.scalars(
        update(table).where(still_held(table, rows)).values(leased_until=until).returning(table.id),
        execution_options={"synchronize_session": False},
    )
    kept = set(renewed)

    def durable() -> None:
        for row in rows:
            row.leased_until = until

    tx.after_commit(durable)
    return len(kept) == len(rows)


async def release_all(tx: Tx, table: type[Work]) -> None:
    """Take back what a former process held: only for a database that has no other worker."""
    await tx.execute(
        update(table)
        .where(table.leased_until.is_not(None))
        .values(leased_until=None)
        .execution_options(synchronize_session=False)
    )


async def is_any_due(tx: Tx, table: type[Work], now: datetime, where: Condition[Work] = _any) -> bool:
    """Tell, without writing, whether a claim could take anything (lanes apart)."""
    return (await tx.scalar(select(table.id).where(due(table, now), where(table)).limit(1))) is not None
