"""Listening over plain HTTP, for whom WebRTC cannot reach: an address that opens once, and what it gives.

    POST: judged as at WHEP, a place written ---> an address, good for `ADDRESS_LASTS`, for one reader
    GET: the address is struck out, a grant -----> the SFU's stream, as long as both sides hold

A player can show no credential, so the address is one: unguessable, in the row until it is opened and nowhere
afterwards, so that a second use finds nothing. Whoever never opens it was never counted, and the row is ended
like that of a handshake that did not come about (`presence`). What holds for a session by WebRTC holds
for this one: the person is judged again when the SFU has answered, and orders reach it at the SFU.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, FedispaceError, Forbidden, NotFound
from fedispace.ids import Ids
from fedispace.media.live.stream_client import Stream
from fedispace.queue.bus import Bus
from fedispace.spaces import access, presence
from fedispace.spaces.entry.bearers import Bearers
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession
from fedispace.spaces.sound.cascade import Cascade
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.places import Place, Places, participant_of

log = structlog.get_logger()

ADDRESS_LASTS: Final = timedelta(seconds=30)
_ADDRESS: Final = re.compile(r"[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """`address` is the last part of where to read, once; `resource` that of the session, as with WHEP."""

    resource: str
    address: str
    expires_at: datetime


class Streaming:
    """Gives out addresses and opens them."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        bus: Bus,
        fleet: Fleet,
        cascade: Cascade,
        bearers: Bearers,
        places: Places,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._fleet = fleet
        self._cascade = cascade
        self._bearers = bearers
        self._places = places
        self._flowing: set[Stream] = set()

    def send_away(self) -> None:
        """End all streams: this process is about to end."""
        for stream in self._flowing:
            stream.cut_off()

    async def invite(self, space_id: int, bearer: str | None, proof: str | None = None) -> Invitation:
        """Return an address for a listener, who is admitted as at WHEP.

        Not for those on stage: they would answer seconds late, and hear themselves.
        """
        shown = None if bearer is None else await self._bearers.looked_at(bearer, proof)
        name = self._ids.token()
        address = f"{name}.{self._ids.token()}"
        async with self._db.transaction() as tx:
            place = await self._places.take(tx, space_id, shown, "listener", resource=address)
            await _require_audience(tx, place)
        await self._places.hang_up_displaced(place)
        return Invitation(resource=name, address=address, expires_at=self._clock.now() + ADDRESS_LASTS)

    @asynccontextmanager
    async def opened(self, space_id: int, address: str) -> AsyncIterator[Stream]:
        """Yield what comes from an address; raises `NotFound` for all but the first in time."""
        stream = await self._open(space_id, address)
        self._flowing.add(stream)
        try:
            yield stream
        finally:
            self._flowing.discard(stream)
            await stream.close()

    async def _open(self, space_id: int, address: str) -> Stream:
        if _ADDRESS.fullmatch(address) is None:
            raise _no_such_address()
        async with self._db.transaction() as tx:
            found = await self._strike_out(tx, space_id, address)
        if found is None:
            raise _no_such_address()
        place, since = found
        try:
            stream = await self._ask_sfu(place, since)
        except FedispaceError:
            await self._end(place)
            if not await self._places.is_live(space_id):
                access.require_live(Phase.ENDED)
            raise
        if not await self._places.holds(place):
            await stream.close()
            await self._end(place)
            if not await self._places.is_live(space_id):
                access.require_live(Phase.ENDED)
            raise Forbidden("A host has just decided otherwise.")
        log.info("space.streamed", space=space_id, known=place.account_id is not None)
        return stream

    async def _strike_out(self, tx: Tx, space_id: int, address: str) -> tuple[Place, datetime] | None:
        """Have an address open nothing any more, and return whose place it was."""
        now = self._clock.now()
        found = await tx.execute(
            update(LiveSession)
            .where(LiveSession.resource == address, LiveSession.space_id == space_id)
            .where(LiveSession.ended_at.is_(None), LiveSession.created_at > now - ADDRESS_LASTS)
            .values(resource=address.partition(".")[0])
            .returning(LiveSession.engine_session, LiveSession.account_id, LiveSession.sfu)
        )
        row = found.first()
        if row is None:
            return None
        account_id = row.account_id
        place = Place(
            resource=address.partition(".")[0],
            session=row.engine_session,
            space_id=space_id,
            participant=f"anonymous {row.engine_session}"
            if account_id is None
            else participant_of(account_id),
            role="listener",
            sfu=row.sfu,
            is_fed=await self._places.is_fed(tx, space_id, row.sfu),
            stage=False,
            is_silent=False,
            account_id=account_id,
        )
        return place, now

    async def _ask_sfu(self, place: Place, now: datetime) -> Stream:
        if place.is_fed:
            self._cascade.see_to(place.space_id, place.sfu)
        token = self._places.grant(place, nonce=self._ids.token(), now=now)
        return await self._fleet.client(place.sfu).stream(token)

    async def _end(self, place: Place) -> None:
        async with self._db.transaction() as tx:
            await presence.record(tx, self._bus, connected=(), ended=(place.session,), now=self._clock.now())


async def _require_audience(tx: Tx, place: Place) -> None:
    if place.account_id is None:
        return
    for session in await presence.open_sessions(tx, place.space_id, place.account_id):
        if session.role == "speaker" and session.connected_at is not None:
            raise Conflict("You are on stage, where sound must not come late. Leave the stage to listen so.")


def _no_such_address() -> NotFound:
    return NotFound("This address was used, or is too old. Ask for another.")
