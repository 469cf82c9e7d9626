"""The live side of a Space: who may connect to its audio, and for how long it is believed.

    token or nobody ---(one transaction: judge who it is, write the session)---> grant --> SFU
    SFU events -------(gathered, one transaction)----> connected, ended, listener counts
    SFU status -------(now and then)-----------------> what events did not tell

The database decides about people, the SFU about packets; neither calls the other inside a
transaction. A Space may end between the two steps of entering, so its state is read once more when
the SFU has answered, and whoever came too late is hung up.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Forbidden, NotFound, Unauthenticated, Unavailable
from fedispace.ids import Ids
from fedispace.media.live.messages import Answer, Patched, SessionEvent
from fedispace.queue.bus import Bus
from fedispace.spaces import access, presence
from fedispace.spaces.access import Role
from fedispace.spaces.entry.bearers import Bearers
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession
from fedispace.spaces.sound.cascade import Cascade
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.placement import Placement
from fedispace.spaces.sound.places import Place, Places
from fedispace.spaces.sound.speaking import Speaking
from fedispace.spaces.sound.streaming import Streaming

log = structlog.get_logger()

RECONCILE_SECONDS: Final = 30.0
GATHER_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An answered offer. `resource` is the last part of the WHIP or WHEP resource's address, `etag`
    names its ICE generation."""

    resource: str
    answer: str
    etag: str


class LiveRooms:
    """Opens and ends sessions on the SFU, and keeps the rows in step with it.

    `start()` it in the loop that uses it: the clients of the SFUs and three tasks of ours run until
    `stop()`.
    """

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        speaking: Speaking,
        bus: Bus,
        fleet: Fleet,
        placement: Placement,
        cascade: Cascade,
        secret: bytes,
        bearers: Bearers,
        strangers_listen: bool = True,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._speaking = speaking
        self._bus = bus
        self._fleet = fleet
        self._placement = placement
        self._cascade = cascade
        self._bearers = bearers
        self._places = places = Places(
            db=db,
            ids=ids,
            clock=clock,
            bus=bus,
            fleet=fleet,
            placement=placement,
            secret=secret,
            bearers=bearers,
            strangers_listen=strangers_listen,
        )
        self.streaming = Streaming(
            db=db, ids=ids, clock=clock, bus=bus, fleet=fleet, cascade=cascade, bearers=bearers, places=places
        )
        self._news: dict[str, str] = {}
        self._news_arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect to the SFUs and begin to follow them; returns at once."""
        await self._fleet.start()
        self._tasks = [
            asyncio.create_task(self._listen(), name="live rooms: listen"),
            asyncio.create_task(self._write_down(), name="live rooms: write down"),
            asyncio.create_task(self._reconcile_now_and_then(), name="live rooms: reconcile"),
        ]

    async def stop(self) -> None:
        """Stop following; sessions go on without us."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._write_news()
        await self._cascade.stop()
        await self._fleet.stop()

    async def publish(
        self, space_id: int, bearer: str | None, offer: str, proof: str | None = None
    ) -> Connection:
        """Connect a speaker (WHIP); `bearer` is a ticket (with its `proof`), a pass or an OAuth token."""
        if bearer is None:
            raise Unauthenticated("Speaking needs a ticket.")
        return await self._enter(space_id, bearer, offer, "speaker", proof)

    async def subscribe(
        self, space_id: int, bearer: str | None, offer: str, proof: str | None = None
    ) -> Connection:
        """Connect a listener (WHEP): the same, or nobody known where the Space is open to all."""
        return await self._enter(space_id, bearer, offer, "listener", proof)

    async def leave(self, space_id: int, resource: str) -> None:
        """End a session; ending it twice is fine. Raises `NotFound` for a name never given out."""
        async with self._db.transaction() as tx:
            session = await tx.get(LiveSession, resource)
            if session is None or session.space_id != space_id:
                raise NotFound("There is no such session.")
            await presence.record(
                tx, self._bus, connected=(), ended=(session.engine_session,), now=self._clock.now()
            )
        if session.sfu in self._fleet.names:
            await self._fleet.client(session.sfu).hang_up(session.engine_session)

    async def patch(self, space_id: int, resource: str, matching: list[str], fragment: str) -> Patched:
        """Pass on what a client sends after its offer: candidates, or an ICE restart."""
        async with self._db.reading() as tx:
            session = await tx.get(LiveSession, resource)
        if session is None or session.space_id != space_id or session.ended_at is not None:
            raise NotFound("There is no such session.")
        return await self._fleet.client(session.sfu).patch(session.engine_session, matching, fragment)

    async def close(self, space_id: int) -> None:
        """Send everybody home. If the SFU is away now, reconciling does it when it is back."""
        if not self._tasks:  # a command line: those who watch the rows do it (`watch.py`)
            return
        for name in self._fleet.names:
            try:
                await self._fleet.client(name).close_room(str(space_id))
            except Unavailable:
                log.warning("space.room_not_closed_yet", space=space_id, sfu=name)

    async def reconcile(self) -> None:
        """Bring rows and SFUs together where events did not; raises `Unavailable`."""
        names, missing = self._fleet.names, None
        for name in names:
            try:
                await self._reconcile(name)
            except Unavailable as error:
                missing = error
        if self._fleet.has_looked_out:
            async with self._db.transaction() as tx:
                await presence.forget_the_lost(tx, self._bus, self._fleet.there(), self._clock.now())
        if missing is not None:
            raise missing

    async def _reconcile(self, name: str) -> None:
        now = self._clock.now()
        sfu = self._fleet.client(name)
        status = await sfu.status()
        async with self._db.transaction() as tx:
            orphans = await presence.forget_the_absent(tx, self._bus, name, list(status.rooms), now)
            orphans += await self._placement.strays(tx, name, list(status.rooms))
        for space_id in orphans:
            log.info("space.room_without_space", space=space_id, sfu=name)
            await sfu.close_room(str(space_id))

    async def _enter(
        self, space_id: int, bearer: str | None, offer: str, role: Role, proof: str | None
    ) -> Connection:
        shown = None if bearer is None else await self._bearers.looked_at(bearer, proof)
        async with self._db.transaction() as tx:
            place = await self._places.take(tx, space_id, shown, role)
        await self._places.hang_up_displaced(place)
        if place.is_fed:
            self._cascade.see_to(space_id, place.sfu)
        try:
            answer = await self._ask_sfu(place, offer)
        except FedispaceError:
            async with self._db.transaction() as tx:
                await self._places.give_back(tx, place, shown)
            if not await self._places.is_live(space_id):  # the end of a Space withdraws its grants
                access.require_live(Phase.ENDED)
            raise
        if not await self._places.holds(place):
            await self._fleet.client(place.sfu).hang_up(place.session)
            if not await self._places.is_live(space_id):
                access.require_live(Phase.ENDED)
            raise Forbidden("A host has just decided otherwise.")
        log.info("space.entered", space=space_id, role=role, known=bearer is not None)
        return Connection(resource=place.resource, answer=answer.sdp, etag=answer.etag)

    async def _ask_sfu(self, place: Place, offer: str) -> Answer:
        token = self._places.grant(place, nonce=self._ids.token(), now=self._clock.now())
        sfu = self._fleet.client(place.sfu)
        if place.is_silent:  # the server may be a new one, or the room paused since they came on stage
            await sfu.mute(str(place.space_id), place.participant, True)
        if place.role == "speaker":
            return await sfu.publish(token, offer)
        return await sfu.subscribe(token, offer)

    async def _listen(self) -> None:
        """Gather the SFUs' events; many at once become one transaction."""
        async for server, event in self._fleet.events():
            self._cascade.note(server, event)
            self._speaking.note(event)
            self._gather(event)

    def _gather(self, event: SessionEvent) -> None:
        """Keep the last word on each session: whoever went is gone, though he also came."""
        if event.kind in ("connected", "disconnected"):
            self._news[event.session] = event.kind
            self._news_arrived.set()

    async def _write_down(self) -> None:
        """Write what has come at once, and then wait a moment: a herd is a few transactions, not hundreds."""
        while True:
            await self._news_arrived.wait()
            self._news_arrived.clear()
            await self._write_news()
            await asyncio.sleep(GATHER_SECONDS)

    async def _write_news(self) -> None:
        news, self._news = self._news, {}
        try:
            async with self._db.transaction() as tx:
                await presence.record(
                    tx,
                    self._bus,
                    connected=[name for name, kind in news.items() if kind == "connected"],
                    ended=[name for name, kind in news.items() if kind == "disconnected"],
                    now=self._clock.now(),
                )
        except asyncio.CancelledError:  # in the middle: `stop` writes it once more
            self._news = {**news, **self._news}
            raise
        except Exception:  # a database that is away comes back: this loop owns the retry
            log.exception("space.presence_not_written", sessions=len(news))
            self._news = {**news, **self._news}
            await asyncio.sleep(_RETRY_SECONDS)
            self._news_arrived.set()

    async def _reconcile_now_and_then(self) -> None:
        while True:
            try:
                await self.reconcile()
            except Unavailable:
                log.warning("space.sfu_unavailable")
            except Exception:  # as above: the next round tries again
                log.exception("space.reconcile_failed")
            await asyncio.sleep(RECONCILE_SECONDS)
