"""Claiming work from a table, so that one worker at a time holds a row and none is ever lost.

A row is due when `run_at` has passed and nobody's lease on it is alive. A worker that dies leaves a
lease behind; when it runs out, another takes the row. So work is done at least once.

`lane` keeps order: a row waits while an earlier row of the same lane is held, not yet due, or due
later than itself. What is due is taken in the order of `run_at`, so a worker receives a lane as a run,
in order. `band` divides a table into queues that are claimed each by itself (see `bands.py` of the
federation): a lane that has rows in several goes on in one only when it is done in the other.

On PostgreSQL two workers claim at the same moment, and neither sees what the other has not committed
yet; nor does a claim see the rows that somebody is just putting off. So a claim looks again: a row
that still has an earlier one outside the claim goes back at once. The earlier row's holder keeps it,
because nothing is before it.

A holder writes only while its lease is the one in the row (`still_held`): one that was too slow, and
whose rows another has taken by now, changes nothing.

Claims are the hot path of everything that waits: the statements are built once for each table, and
what comes back are small objects of the pump's own (`into`), not mapped rows.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    exists,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from fedispace.db.base import Base, table_of
from fedispace.db.engine import Tx

Columns = ReadOnlyColumnCollection[str, Column[Any]]
Condition = Callable[[Columns], ColumnElement[bool]]
Lane = tuple[str, ...]
"""The columns whose values make a lane."""


@dataclass(slots=True, kw_only=True, eq=False)
class Held:
    """A claimed row. A pump's own kind adds the columns it works with, by their names."""

    id: int
    attempts: int
    leased_until: datetime
    """The end of the lease; it moves when the lease is renewed."""


Work = TypeVar("Work", bound=Held)


def _any(_columns: Columns) -> ColumnElement[bool]:
    return true()


def due(columns: Columns) -> ColumnElement[bool]:
    """Return the condition that a row may be claimed at `:now`, lanes apart."""
    now = bindparam("now", type_=columns.run_at.type)
    return and_(columns.run_at <= now, or_(columns.leased_until.is_(None), columns.leased_until <= now))


async def claim(
    tx: Tx,
    table: type[Base],
    into: type[Work],
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    where: Condition = _any,
    lane: Lane = (),
    band: int | None = None,
    without: Sequence[str] = (),
) -> list[Work]:
    """Take up to `limit` due rows, the longest due first, and lease them. Each claim counts as an attempt.

    With a `band`, only rows of that band are taken, and none whose host is among `without`.
    """
    names = tuple(field.name for field in fields(into))
    taking = _taking(table, names, where, lane, band is not None)
    said: dict[str, Any] = {"now": now, "until": now + lease, "at_most": limit}
    if band is not None:
        said |= {"of_band": band, "hosts": list(without)}
    rows = sorted(
        (into(**dict(zip(names, row, strict=True))) for row in await tx.core(taking, said)),
        key=lambda row: row.id,
    )
    if lane and rows and tx.dialect_name == "postgresql":
        ids = [row.id for row in rows]
        overtaking = set((await tx.core(_overtaking(table, where, lane), {"ids": ids})).scalars())
        await give_back(tx, table, [row for row in rows if row.id in overtaking])
        rows = [row for row in rows if row.id not in overtaking]
    return rows


@functools.cache
def _taking(table: type[Base], names: tuple[str, ...], where: Condition, lane: Lane, banded: bool) -> Update:
    target = table_of(table)
    chosen = select(target.c.id).where(due(target.c), where(target.c))
    if banded:
        chosen = chosen.where(
            target.c.band == bindparam("of_band"),
            target.c.host.not_in(bindparam("hosts", expanding=True)),
        )
    if lane:
        earlier = target.alias("earlier")
        hindrances = [
            earlier.c.run_at > target.c.run_at,
            earlier.c.leased_until > bindparam("now", type_=target.c.run_at.type),
        ]
        if banded:
            hindrances.append(earlier.c.band != target.c.band)
        before = _before(target, earlier.c, where, lane)
        chosen = chosen.where(~exists().where(before, or_(*hindrances)))
    chosen = (
        chosen.order_by(target.c.run_at, target.c.id)
        .limit(bindparam("at_most"))
        .with_for_update(skip_locked=True)
    )
    return (
        update(target)
        .where(target.c.id.in_(chosen))
        .values(leased_until=bindparam("until"), attempts=target.c.attempts + 1)
        .returning(*(target.c[name] for name in names))
    )


@functools.cache
def _overtaking(table: type[Base], where: Condition, lane: Lane) -> Select[tuple[int]]:
    """Find the claimed rows that have an earlier row of their lane outside the claim."""
    target = table_of(table)
    earlier = target.alias("earlier")
    claimed: BindParameter[int] = bindparam("ids", expanding=True)
    before = exists().where(_before(target, earlier.c, where, lane), earlier.c.id.not_in(claimed))
    return select(target.c.id).where(target.c.id.in_(claimed), before)


def _before(target: Table, earlier: Columns, where: Condition, lane: Lane) -> ColumnElement[bool]:
    same_lane = (earlier[column] == target.c[column] for column in lane)
    return and_(where(earlier), earlier.id < target.c.id, *same_lane)


def still_held(table: type[Base]) -> ColumnElement[bool]:
    """Return the condition that finds those of `holding(rows)` whose lease is still the holder's."""
    columns = table_of(table).c
    leases = bindparam("held_until", expanding=True, type_=columns.leased_until.type)
    return and_(columns.id.in_(bindparam("held", expanding=True)), columns.leased_until.in_(leases))


def holding(rows: Sequence[Held]) -> dict[str, Any]:
    """Return what `still_held` is asked about."""
    return {"held": [row.id for row in rows], "held_until": list({row.leased_until for row in rows})}


async def give_back(
    tx: Tx,
    table: type[Base],
    rows: Sequence[Held],
    *,
    run_at: datetime | None = None,
    begun: bool = False,
) -> None:
    """Let go of claimed rows. The attempt does not count, unless it was `begun`."""
    if rows:
        said: dict[str, Any] = holding(rows)
        if run_at is not None:
            said["later"] = run_at
        await tx.core(_giving_back(table, run_at is not None, begun), said)


@functools.cache
def _giving_back(table: type[Base], later: bool, begun: bool) -> Update:
    target = table_of(table)
    values: dict[str, Any] = {"leased_until": None}
    if not begun:
        values["attempts"] = target.c.attempts - 1
    if later:
        values["run_at"] = bindparam("later")
    return update(target).where(still_held(table)).values(values)


async def renew(tx: Tx, table: type[Base], rows: Sequence[Held], until: datetime) -> bool:
    """Hold rows of one claim until `until`; False when they are somebody else's by now."""
    kept = (await tx.core(_renewing(table), {"until": until, **holding(rows)})).rowcount

    def durable() -> None:
        for row in rows:
            row.leased_until = until

    tx.after_commit(durable)
    return kept == len(rows)


@functools.cache
def _renewing(table: type[Base]) -> Update:
    return update(table_of(table)).where(still_held(table)).values(leased_until=bindparam("until"))


async def release_all(tx: Tx, table: type[Base]) -> None:
    """Take back what a former process held: only for a database that has no other worker."""
    target = table_of(table)
    await tx.core(update(target).where(target.c.leased_until.is_not(None)).values(leased_until=None), {})


async def is_any_due(tx: Tx, table: type[Base], now: datetime, where: Condition = _any) -> bool:
    """Tell, without writing, whether a claim could take anything (lanes apart)."""
    return (await tx.core(_looking(table, where), {"now": now})).first() is not None


@functools.cache
def _looking(table: type[Base], where: Condition) -> Select[tuple[int]]:
    target = table_of(table)
    return select(target.c.id).where(due(target.c), where(target.c)).limit(1)
