"""Who is in a Space, kept in step with what the SFU reports.

The rows of `space_sessions` are the truth about people, the SFU's sessions about sound. They are
brought together by its events, as these come, and by its status now and then, because events may be
lost and both sides may be restarted.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, bindparam, func, or_, select, update

from fedispace.clock import Clock
from fedispace.db.base import UtcDateTime, table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.queue.bus import Bus
from fedispace.spaces import members
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.order_of_locks import take_spaces
from fedispace.spaces.queries import is_present

UNCONNECTED_LASTS: Final = timedelta(seconds=60)
_AT_ONCE: Final = 400
_REMEMBERED: Final = timedelta(days=1)
_sessions: Final = table_of(LiveSession)
_spaces: Final = table_of(Space)
_OF: Final = bindparam("of", type_=BigInteger())
_NOW: Final = bindparam("now", type_=UtcDateTime())
_of_them: Final = (
    update(_sessions)
    .where(_sessions.c.engine_session.in_(bindparam("names", expanding=True)), _sessions.c.ended_at.is_(None))
    .returning(_sessions.c.space_id, _sessions.c.role)
)
_CAME: Final = _of_them.where(_sessions.c.connected_at.is_(None)).values(connected_at=_NOW)
_WENT: Final = _of_them.values(ended_at=_NOW)


def _present(there: FromClause, role: str) -> ColumnElement[bool]:
    is_open = and_(there.c.connected_at.is_not(None), there.c.ended_at.is_(None))
    return and_(there.c.space_id == _OF, there.c.role == role, is_open)


_speaking: Final = _sessions.alias()
_voices: Final = select(_speaking.c.account_id).where(
    _present(_speaking, "speaker"), _speaking.c.account_id.is_not(None)
)
# Who is on stage hears the others by a session of his own, and is no listener.
_is_audience: Final = or_(_sessions.c.account_id.is_(None), _sessions.c.account_id.not_in(_voices))
_audience: Final = (
    select(func.count()).select_from(_sessions).where(_present(_sessions, "listener"), _is_audience)
)
_COUNT: Final = (
    update(_spaces)
    .where(_spaces.c.id == _OF)
    .values(listener_count=_audience.scalar_subquery())
    .returning(_spaces.c.listener_count)
)


def topic(space_id: int) -> str:
    """Return the bus topic of what changes in a Space while it is live."""
    return f"space.{space_id}"


async def record(tx: Tx, bus: Bus, *, connected: Iterable[str], ended: Iterable[str], now: datetime) -> None:
    """Write who came and who went, by the SFU's session names, and count anew where it matters.

    Everybody who comes in passes here once more, so it is asked past the session.
    """
    touched: set[tuple[int, str]] = set()
    came, went = list(connected), list(ended)
    if not came and not went:
        return
    await take_spaces(
        tx, select(LiveSession.space_id).where(LiveSession.engine_session.in_(sorted({*came, *went})))
    )
    await tx.flush()
    for statement, names in ((_CAME, came), (_WENT, went)):
        for some in _in_parts(names):
            rows = await tx.core(statement, {"names": some, "now": now})
            touched |= {(row.space_id, row.role) for row in rows}
    await count_listeners(tx, bus, {space_id for space_id, _ in touched})
    for space_id in {space_id for space_id, role in touched if role == "speaker"}:
        await tell_stage(tx, bus, space_id)


async def tell_stage(tx: Tx, bus: Bus, space_id: int) -> None:
    """Tell a room who is on stage, and which of them are connected."""
    message = {"event": "stage", "stage": await told_stage(tx, space_id)}
    tx.after_commit(lambda: bus.publish(topic(space_id), message))


async def told_stage(tx: Tx, space_id: int) -> list[dict[str, Any]]:
    """Return the stage as it is told on the bus: as `RoomState.stage`, of accounts only the id."""
    connected = await connected_accounts(tx, space_id, "speaker")
    return [
        {
            "account": {"id": str(row.account_id)},
            "role": row.role,
            "is_muted": row.muted_at is not None,
            "may_unmute": row.may_unmute,
            "has_mic_on": row.has_mic_on,
            "is_connected": row.account_id in connected,
        }
        for row in await members.stage(tx, space_id)
    ]


async def sessions_of(tx: Tx, space_id: int, account_id: int) -> list[str]:
    """Return the SFU's names of somebody's sessions in a Space that have not ended."""
    found = await tx.scalars(
        select(LiveSession.engine_session)
        .where(LiveSession.space_id == space_id, LiveSession.account_id == account_id)
        .where(LiveSession.ended_at.is_(None))
        .limit(_AT_ONCE)
    )
    return list(found)


async def open_sessions(tx: Tx, space_id: int, account_id: int) -> Sequence[LiveSession]:
    """Return somebody's sessions in a Space that have not ended."""
    found = await tx.scalars(
        select(LiveSession)
        .where(LiveSession.space_id == space_id, LiveSession.account_id == account_id)
        .where(LiveSession.ended_at.is_(None))
        .limit(_AT_ONCE)
    )
    return found.all()


async def connected_accounts(tx: Tx, space_id: int, role: str | None = None) -> set[int]:
    """Return who is connected to a Space with an account, in any role or in one."""
    statement = select(LiveSession.account_id).where(
        LiveSession.space_id == space_id, LiveSession.account_id.is_not(None), is_present()
    )
    if role is not None:
        statement = statement.where(LiveSession.role == role)
    return set(await tx.scalars(statement.distinct()))


async def count_listeners(tx: Tx, bus: Bus, space_ids: Collection[int]) -> None:
    """Set the listener counts of these Spaces of ours to what the sessions say, and tell who watches."""
    await tx.flush()
    for space_id in sorted(space_ids):
        count = (await tx.core(_COUNT, {"of": space_id})).scalar()
        in_hand = tx.loaded(Space, space_id)
        if in_hand is not None:  # the verb that holds it may still describe it to other servers
            await tx.refresh(in_hand, ["listener_count"])
        tx.after_commit(_telling(bus, space_id, count or 0))


async def forget_the_absent(tx: Tx, bus: Bus, sfu: str, rooms: Collection[str], now: datetime) -> list[int]:
    """End the sessions the SFU called `sfu` cannot have any more, and return the rooms it should not have.

    `rooms` are the rooms the SFU had at `now`; who connected later is not judged by them. A session
    that never connected is over after a minute, which is longer than the SFU waits for a handshake.
    """
    old_enough = now - UNCONNECTED_LASTS
    there = [int(room) for room in rooms if room.isdecimal()]
    is_absent = and_(
        LiveSession.ended_at.is_(None),
        LiveSession.sfu == sfu,
        or_(
            and_(LiveSession.connected_at.is_(None), LiveSession.created_at < old_enough),
            and_(LiveSession.connected_at < now, LiveSession.space_id.not_in(there)),
        ),
    )
    await _end(tx, bus, is_absent, now)
    live = set(
        await tx.scalars(select(Space.id).where(Space.id.in_(there), Space.state == Phase.LIVE, Space.local))
    )
    return [room for room in there if room not in live]


async def forget_the_lost(tx: Tx, bus: Bus, there: Collection[str], now: datetime) -> None:
    """End the sessions of SFUs that are not `there` any more."""
    is_lost = and_(
        LiveSession.ended_at.is_(None), LiveSession.sfu.not_in(there), LiveSession.created_at < now
    )
    await _end(tx, bus, is_lost, now)


async def _end(tx: Tx, bus: Bus, which: ColumnElement[bool], now: datetime) -> None:
    await take_spaces(tx, select(LiveSession.space_id).where(which))
    touched = await tx.scalars(
        update(LiveSession).where(which).values(ended_at=now).returning(LiveSession.space_id)
    )
    await count_listeners(tx, bus, set(touched))


async def prune(db: Database, clock: Clock) -> None:
    """Forget who was connected to a Space a day ago: what is nowhere is told to nobody."""
    await forget(db, LiveSession, LiveSession.ended_at <= clock.now() - _REMEMBERED)


def _in_parts(names: Iterable[str]) -> Iterable[list[str]]:
    """Part a list so that no statement has more variables than SQLite takes."""
    every = list(names)
    return (every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE))


def _telling(bus: Bus, space_id: int, listeners: int) -> Callable[[], None]:
    return lambda: bus.publish(topic(space_id), {"event": "presence", "listener_count": listeners})
