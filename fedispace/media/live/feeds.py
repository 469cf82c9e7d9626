"""The rooms of this SFU that take their sound from another one.

    begin: an offer for whoever commands us --> connect: the answer --> packets, until one side goes

A feed that ends is told like a publisher that goes, and is not tried again from here: whoever commands us
knows where the room's home is now. One that feeds nobody for half a minute is let go.
"""

import asyncio
import secrets
from collections.abc import Callable, Collection

import structlog

from fedispace.clock import Clock
from fedispace.errors import Conflict, NotFound
from fedispace.media.live.dtls import Credentials
from fedispace.media.live.handshake import HandshakeFailed
from fedispace.media.live.messages import UPSTREAM, Answer, SessionEvent
from fedispace.media.live.room import Room
from fedispace.media.live.upstream import Upstream
from fedispace.media.live.whep_answer import Far, read_answer

log = structlog.get_logger()

_ANSWER_SECONDS = 15.0
_UNUSED_SECONDS = 30.0


class _Feed:
    """One room's."""

    def __init__(self, room: Room, upstream: Upstream, now: float) -> None:
        self.room = room
        self.session = secrets.token_hex(16)
        self.upstream = upstream
        self.used_at = now
        self.answered: asyncio.Future[Far] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.reason = ""

    def end(self, reason: str) -> None:
        self.reason = self.reason or reason
        if self.task is not None:
            self.task.cancel()


class Feeds:
    """All of them."""

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        *,
        room_called: Callable[[str], Room],
        let_go: Callable[[Room], None],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._room_called = room_called
        self._let_go = let_go
        self._tell = tell
        self._feeds: dict[str, _Feed] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __contains__(self, room: str) -> bool:
        return room in self._feeds

    def begin(self, name: str, *, anew: bool) -> Answer:
        """Return the offer with which a room's feed begins; raise `Conflict` if it has one, unless `anew`."""
        old = self._feeds.get(name)
        if old is not None and not anew:
            raise Conflict("the room is fed")
        room = self._room_called(name)
        feed = _Feed(room, Upstream(self._credentials, self._clock, room.feed), self._clock.monotonic())
        self._feeds[name] = feed
        if old is not None:
            old.end("replaced")
        feed.task = asyncio.create_task(self._live(feed), name=f"feed of {name}")
        self._ending.add(feed.task)
        feed.task.add_done_callback(self._ending.discard)
        return Answer(session=feed.session, sdp=feed.upstream.offer())

    def connect(self, session: str, text: str) -> None:
        """Go on with the answer; raises `NotFound` when nobody waits for it, `Invalid` when it is none."""
        feed = next((feed for feed in self._feeds.values() if feed.session == session), None)
        if feed is None or feed.answered.done():
            raise NotFound("nobody waits for this answer")
        feed.answered.set_result(read_answer(text))

    def end(self, name: str, reason: str) -> None:
        """End a room's feed, if it has one."""
        if (feed := self._feeds.get(name)) is not None:
            feed.end(reason)

    def tick(self, occupied: Collection[str], now: float) -> None:
        """Let go of those that feed nobody; `occupied` are the rooms with people in them."""
        for name, feed in list(self._feeds.items()):
            if name in occupied:
                feed.used_at = now
            elif now - feed.used_at > _UNUSED_SECONDS:
                feed.end("unused")

    async def close(self) -> None:
        for feed in list(self._feeds.values()):
            feed.end("shutdown")
        if self._ending:
            await asyncio.wait(list(self._ending), timeout=1)

    async def _live(self, feed: _Feed) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                far = await feed.answered
            log.info("sfu.feed_begins", room=feed.room.name)
            feed.reason = await feed.upstream.live(far)
        except TimeoutError:
            feed.reason = "timeout"
        except HandshakeFailed:
            feed.reason = "handshake"
        finally:
            if self._feeds.get(feed.room.name) is feed:
                del self._feeds[feed.room.name]
            log.info("sfu.feed_ended", room=feed.room.name, reason=feed.reason)
            self._tell(
                SessionEvent(
                    kind="disconnected",
                    session=feed.session,
                    room=feed.room.name,
                    participant=UPSTREAM,
                    role="publish",
                    reason=feed.reason,
                )
            )
            self._let_go(feed.room)
