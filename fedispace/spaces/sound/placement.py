"""On which audio server a room is. All web processes agree, because a row says so.

A room has one home, where everybody is who speaks. Listeners beyond `rtc.max_listeners_per_room` go to
further servers, which take the programme from home (`cascade`); those who enter at the same moment are
not counted for each other, so it may be a few more. A room stays where it is; only when its
server is gone, or is about to end, does the next who enters place it anew. Of two web processes that do so
at once one writes the row and the other reads it.

With one audio server there is nothing to choose and no row is written.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import bindparam, delete, func, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Unavailable
from fedispace.spaces.access import Role
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, RoomPlace, Space
from fedispace.spaces.sound.fleet import Fleet

log = structlog.get_logger()

HOME: Final = 0
_STATE: Final = select(Space.state).where(Space.id == bindparam("id"))
_SETTLED: Final = timedelta(seconds=5)
_BUCKETS: Final = 10


def choose(room: int, loads: Mapping[str, float]) -> str | None:
    """Return the server for a new room: of those that are least full, to a tenth, the one that comes first
    for this room by a hash (rendezvous), so that rooms which are placed at once spread.
    """
    return min(loads, key=lambda name: (int(loads[name] * _BUCKETS), _rank(room, name)), default=None)


def _rank(room: int, name: str) -> bytes:
    return hashlib.sha256(f"{room}\n{name}".encode()).digest()


class Placement:
    """Places rooms, and listeners within them."""

    def __init__(self, fleet: Fleet, clock: Clock, max_listeners: int) -> None:
        self._fleet = fleet
        self._clock = clock
        self._max_listeners = max_listeners

    async def server_for(self, tx: Tx, space_id: int, role: Role) -> str:
        """Return the server on which somebody enters a room; raises `Unavailable` when there is none."""
        only = self._fleet.only()
        if only is not None:
            return only
        loads = {member.name: member.load for member in self._fleet.members()}
        places = await _places(tx, space_id)
        home = await self._home(tx, space_id, places.get(HOME), loads)
        if role == "speaker" or not self._max_listeners:
            return home
        return await self._with_space(tx, space_id, {**places, HOME: home}, loads)

    async def home_of_fed(self, tx: Tx, space_id: int, server: str) -> str | None:
        """Return from where `server` is to take a room's sound, which is live; None if it is not to.

        A home that is gone is replaced first.
        """
        places = await _places(tx, space_id)
        if server not in places.values() or await tx.scalar(_STATE, {"id": space_id}) != Phase.LIVE:
            return None
        home = await self.server_for(tx, space_id, "speaker")
        return None if home == server else home

    async def is_fed(self, tx: Tx, space_id: int, server: str) -> bool:
        """Tell whether `server` takes this room's sound from another."""
        if self._fleet.only() is not None:
            return False
        return (await _places(tx, space_id)).get(HOME) != server

    async def strays(self, tx: Tx, name: str, rooms: Collection[str]) -> list[int]:
        """Return which of `rooms` are not to be on that server any more: they were placed anew meanwhile."""
        if self._fleet.only() is not None:
            return []
        there = [int(room) for room in rooms if room.isdecimal()]
        placed = set(
            await tx.scalars(
                select(RoomPlace.space_id).where(RoomPlace.space_id.in_(there), RoomPlace.sfu == name)
            )
        )
        return [room for room in there if room not in placed]

    async def _home(self, tx: Tx, space_id: int, now_at: str | None, loads: Mapping[str, float]) -> str:
        if now_at is not None and now_at in loads:
            return now_at
        chosen = choose(space_id, loads)
        if chosen is None:
            raise Unavailable("There is no audio server now.")
        now = self._clock.now()
        # Those which held a part of the room may hold it no more, and must not be fed from themselves.
        await tx.execute(
            delete(RoomPlace).where(
                RoomPlace.space_id == space_id, RoomPlace.number != HOME, RoomPlace.sfu == chosen
            )
        )
        if now_at is None:
            await self._write(tx, space_id, HOME, chosen)
        else:
            moved = await tx.scalar(
                update(RoomPlace)
                .where(RoomPlace.space_id == space_id, RoomPlace.number == HOME, RoomPlace.sfu == now_at)
                .where(RoomPlace.placed_at < now - _SETTLED)
                .values(sfu=chosen, placed_at=now)
                .returning(RoomPlace.sfu)
            )
            if moved is not None:
                log.info("space.room_moved", space=space_id, gone=now_at, to=chosen)
        return (await _places(tx, space_id))[HOME]

    async def _with_space(
        self, tx: Tx, space_id: int, places: Mapping[int, str], loads: Mapping[str, float]
    ) -> str:
        """Return the first server of the room that may take one more listener, or a further one."""
        counts = await _listeners(tx, space_id)
        there = [places[number] for number in sorted(places) if places[number] in loads]
        for name in there:
            if counts.get(name, 0) < self._max_listeners:
                return name
        further = choose(space_id, _without(loads, places.values()))
        if further is None:
            raise Unavailable("This Space is full.")
        await self._write(tx, space_id, max(places) + 1, further)
        log.info("space.room_extended", space=space_id, to=further)
        return further

    async def _write(self, tx: Tx, space_id: int, number: int, name: str) -> None:
        row = {"space_id": space_id, "number": number, "sfu": name, "placed_at": self._clock.now()}
        await tx.execute(insert(tx, RoomPlace).values(**row).on_conflict_do_nothing())


def _without(loads: Mapping[str, float], names: Collection[str]) -> dict[str, float]:
    return {name: load for name, load in loads.items() if name not in names}


async def _places(tx: Tx, space_id: int) -> dict[int, str]:
    rows = await tx.execute(
        select(RoomPlace.number, RoomPlace.sfu).where(RoomPlace.space_id == space_id).limit(64)
    )
    return {row.number: row.sfu for row in rows}


async def _listeners(tx: Tx, space_id: int) -> dict[str, int]:
    rows = await tx.execute(
        select(LiveSession.sfu, func.count())
        .where(LiveSession.space_id == space_id, LiveSession.role == "listener")
        .where(LiveSession.ended_at.is_(None))
        .group_by(LiveSession.sfu)
    )
    return {row[0]: row[1] for row in rows}
