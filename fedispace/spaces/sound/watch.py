"""Keeps what is heard in step with what the rows say, several times in two seconds, while a Space is live.

    rows: who must go (`intruders`) --one transaction each--> what they hold ends (`exits`)
    rows: which sessions have ended -------------------------> the audio servers hang up
    rows: which Spaces are over, or have lost their maker ---> the rooms are closed

So a block, a suspension, a decision about a server and the end of a Space reach those who are in the room
within a second of being written, from wherever they were written. The first round after a start looks back
ten minutes: what was written while nobody watched is done then.

A round that takes long makes the next one wait, two seconds at most: looking takes little of the time. With
two thousand listeners whose accounts are known it is 30 ms of computing.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Conflict, NotFound, Unavailable
from fedispace.queue.bus import Bus
from fedispace.queue.lookout import Lookout
from fedispace.spaces import presence, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.sound import intruders
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.places import participant_of

log = structlog.get_logger()

LOOK_SECONDS: Final = 0.6
LONGEST_SECONDS: Final = 2.0
_LOOKS_BACK: Final = timedelta(seconds=20)
_LOOKS_BACK_AT_FIRST: Final = timedelta(minutes=10)
_MOST_ENDED: Final = 2000

Verdict = Callable[[str], Awaitable[str | None]]
"""What was decided about a server."""


class Rooms(Protocol):
    """The live side of a Space."""

    async def close(self, space_id: int) -> None: ...


class Ending(Protocol):
    """Ends a Space in its host's place."""

    async def end(self, space_id: int) -> Space: ...


class RoomWatch(Lookout):
    """One instance for each web process, beside its `LiveRooms`."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        bus: Bus,
        fleet: Fleet,
        exits: Exits,
        rooms: Rooms,
        hosting: Ending,
        verdict: Verdict,
    ) -> None:
        super().__init__(clock=clock, name="room watch", every=LOOK_SECONDS, longest=LONGEST_SECONDS)
        self._db = db
        self._bus = bus
        self._fleet = fleet
        self._exits = exits
        self._rooms = rooms
        self._hosting = hosting
        self._verdict = verdict
        self._live: set[int] = set()
        self._hung_up: dict[str, datetime] = {}
        self._has_looked = False

    async def look(self) -> None:
        """Look once, and do what follows."""
        now = self._clock.now()
        async with self._db.reading() as tx:
            live = await queries.live_ids(tx)
            if not live and not self._live and self._has_looked:
                return
            unseen = await intruders.orphaned(tx)
            hosts = await intruders.hosts_there(tx, now)
        shut_out = [host for host in hosts if await self._verdict(host) == "suspend"]
        async with self._db.reading() as tx:
            out = await intruders.intruders(tx, now, shut_out)
        for space_id in unseen:
            await self._end(space_id)
        for space_id, account_id in out:
            await self._send_out(space_id, account_id)
        for space_id in self._live - live:
            await self._close(space_id)
        self._live = live
        if live or not self._has_looked:
            await self._hang_up_the_ended(now)
        self._has_looked = True

    async def _end(self, space_id: int) -> None:
        try:
            await self._hosting.end(space_id)
        except (Conflict, NotFound):
            return
        log.info("space.ended_without_host", space=space_id)

    async def _close(self, space_id: int) -> None:
        """Close a room of a Space that is over; whoever ended it may have been another process."""
        async with self._db.reading() as tx:
            state = await tx.scalar(select(Space.state).where(Space.id == space_id))
        self._bus.publish(presence.topic(space_id), {"event": "state", "state": state or Phase.ENDED})
        await self._rooms.close(space_id)

    async def _send_out(self, space_id: int, account_id: int) -> None:
        async with self._db.transaction() as tx:
            await self._exits.send_out(tx, space_id, account_id)
        for name in self._fleet.names:
            try:
                await self._fleet.client(name).expel(str(space_id), participant_of(account_id))
            except Unavailable:
                log.warning("space.order_not_given", sfu=name)
        log.info("space.sent_out", space=space_id, account=account_id)

    async def _hang_up_the_ended(self, now: datetime) -> None:
        """Have the audio servers end what the rows say has ended; most of it has, there too."""
        since = now - (_LOOKS_BACK if self._has_looked else _LOOKS_BACK_AT_FIRST)
        async with self._db.reading() as tx:
            rows = await tx.execute(
                select(LiveSession.engine_session, LiveSession.sfu)
                .where(LiveSession.ended_at > since, LiveSession.account_id.is_not(None))
                .order_by(LiveSession.ended_at.desc())
                .limit(_MOST_ENDED)
            )
            ended = [(row.engine_session, row.sfu) for row in rows]
        for session, sfu in ended:
            if session not in self._hung_up and sfu in self._fleet.names:
                try:
                    await self._fleet.client(sfu).hang_up(session)
                except Unavailable:
                    continue
                self._hung_up[session] = now
        self._hung_up = {
            session: at for session, at in self._hung_up.items() if at > now - 2 * _LOOKS_BACK_AT_FIRST
        }
