"""A room on more audio servers than one: the others take its sound from where it is (`media/live/feeds`).

    further server --offer (WHEP)--> us --> the room's home --answer--> us --> further server
                   <==================== the programme, as to a listener =====================

The further server is a listener of the room, by the same exchange of WHEP as any; what stands between is
a `Source`. `Home` is our own room; that of another server is a `whep.WhepAddress`, and nothing else here
differs.

A feed that breaks is made anew by whoever hears of it first: its server tells all web processes; when a
home is killed and back, whoever made the feed knows at once, sooner than the feed itself.
"""

import asyncio
import random
from typing import Final, Protocol

import structlog

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Conflict, FedispaceError, NotFound
from fedispace.ids import Ids
from fedispace.media.live import grants
from fedispace.media.live.messages import UPSTREAM, SessionEvent
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.placement import Placement

log = structlog.get_logger()

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_TRIES: Final = 30
_OVER: Final = ("unused", "room_closed", "replaced")
_DELIBERATE: Final = ("left", "room_closed", "replaced")
"""Why a feed ends at its home although nothing broke: the server it fed let go of it, and says why."""


class Source(Protocol):
    """Where a room's sound can be had by WHEP."""

    async def answer(self, offer: str) -> str:
        """Return the answer to a listener's offer."""


class Home:
    """The room's home, on one of our own servers."""

    def __init__(
        self, fleet: Fleet, *, home: str, room: str, session: str, nonce: str, secret: bytes, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._home = home
        self._secret = secret
        self._grant = grants.issue(
            room=room,
            session=session,
            participant=f"cascade {session}",
            role="subscribe",
            nonce=nonce,
            now=clock.now(),
        )

    async def answer(self, offer: str) -> str:
        sfu = self._fleet.client(self._home)
        return (await sfu.subscribe(grants.sign(self._grant, self._secret), offer)).sdp


class Cascade:
    """Sees to it that every further server of a room is fed."""

    def __init__(
        self, *, db: Database, ids: Ids, clock: Clock, fleet: Fleet, placement: Placement, secret: bytes
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._fleet = fleet
        self._placement = placement
        self._secret = secret
        self._ours: dict[str, tuple[int, str]] = {}
        self._fed: set[tuple[int, str]] = set()
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """Make no more feeds; those that are go on without us."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def see_to(self, space_id: int, server: str, *, anew: bool = False) -> None:
        """Have `server` fed with the sound of a Space, soon and until it is."""
        key = (space_id, server)
        if key not in self._tasks and (anew or key not in self._fed):
            task = self._tasks[key] = asyncio.create_task(self._feed(space_id, server, anew))
            task.add_done_callback(lambda _: self._tasks.pop(key, None))

    def note(self, server: str, event: SessionEvent) -> None:
        """Take in what happened at `server`: a feed may have broken."""
        if event.kind != "disconnected":
            return
        if event.participant == UPSTREAM and event.room.isdecimal():
            if event.reason != "replaced":
                self._fed.discard((int(event.room), server))
            if event.reason not in _OVER:
                self.see_to(int(event.room), server)
        elif (fed := self._ours.pop(event.session, None)) is not None and event.reason not in _DELIBERATE:
            self.see_to(*fed, anew=True)

    async def _feed(self, space_id: int, server: str, anew: bool) -> None:
        pause = _FIRST_PAUSE
        for _ in range(_TRIES):
            try:
                async with self._db.transaction() as tx:
                    home = await self._placement.home_of_fed(tx, space_id, server)
                if home is not None:
                    await self.feed(space_id, server, home, anew=anew)
                    self._fed.add((space_id, server))
                return
            except Conflict:  # somebody else did it
                self._fed.add((space_id, server))
                return
            except FedispaceError as error:
                log.info("space.not_fed_yet", space=space_id, sfu=server, error=error.detail)
            await asyncio.sleep(pause * (1 + random.random() / 2))  # noqa: S311 - not a secret
            pause = min(_LONGEST_PAUSE, 2 * pause)

    async def feed(self, space_id: int, server: str, home: str, *, anew: bool = False) -> None:
        """Have `server` take a Space's sound from `home`; raises `Conflict` if it takes it already."""
        session = self._ids.token()
        source = Home(
            self._fleet,
            home=home,
            room=str(space_id),
            session=session,
            nonce=self._ids.token(),
            secret=self._secret,
            clock=self._clock,
        )
        await self.connect(server, str(space_id), source, anew=anew)
        for old in [name for name, fed in self._ours.items() if fed == (space_id, server)]:
            del self._ours[old]
        self._ours[session] = (space_id, server)
        log.info("space.fed", space=space_id, sfu=server, home=home)

    async def connect(self, server: str, room: str, source: Source, *, anew: bool = False) -> None:
        """Have `server` take the sound of its `room` from `source`."""
        sfu = self._fleet.client(server)
        begun = await sfu.open_upstream(room, anew=anew)
        try:
            await sfu.connect_upstream(begun.session, await source.answer(begun.sdp))
        except NotFound:
            raise Conflict("another feed was begun meanwhile") from None
