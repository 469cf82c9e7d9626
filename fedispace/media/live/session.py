"""One browser's session: from its offer to its end.

    opened --STUN proves the password--> path ready --DTLS--> connected --goodbye, idle, hung up--> over

`run` is that life, in one task that the `Sfu` owns. Whatever ends it, the room and the port forget
the session before the task is done.
"""

import asyncio
import random
from collections import Counter

from fedispace.clock import Clock
from fedispace.media.live import rtcp
from fedispace.media.live.answer import is_dtls_client
from fedispace.media.live.dtls import DtlsTransport
from fedispace.media.live.feedback import Feedback, Told
from fedispace.media.live.grants import Grant
from fedispace.media.live.handshake import HandshakeFailed
from fedispace.media.live.path import Path
from fedispace.media.live.publisher import Publisher, UplinkCounts
from fedispace.media.live.room import Room
from fedispace.media.live.sdp import Offer
from fedispace.media.live.stage import SLOTS
from fedispace.media.live.subscription import Listening, OnStage, Subscription

_FEWEST_SLOTS = 2
_chance = random.SystemRandom().random


class Session:
    """A publisher's or a subscriber's association with a room."""

    def __init__(
        self,
        *,
        grant: Grant,
        offer: Offer,
        room: Room,
        path: Path,
        dtls: DtlsTransport,
        clock: Clock,
        refused: Counter[str],
        uplink: UplinkCounts,
    ) -> None:
        self.grant = grant
        self.room = room
        self.path = path
        self.connected = False
        self.publisher: Publisher | None = None
        self.opened_at = clock.monotonic()
        self.offer = offer
        self._dtls = dtls
        self._clock = clock
        self._refused = refused
        self._uplink = uplink
        self._subscription: Subscription | None = None
        self._feedback: Feedback | None = None
        self._silent = False
        self._report_at = 0.0
        self._over: asyncio.Future[None] | None = None
        self._deadline: asyncio.Timeout | None = None
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why it ended."""
        return self._reason

    @property
    def slots(self) -> int:
        """How many of the stage's slots this session receives; none who publishes, or hears the programme."""
        sections = len(self.offer.sections)
        if self.grant.role != "subscribe" or not self.grant.stage or sections < _FEWEST_SLOTS:
            return 0
        return min(SLOTS, sections)

    @property
    def heard_at(self) -> float:
        """When the peer was last known to be there: a connectivity check, or a packet that decrypts."""
        media = self.publisher or self._feedback
        return max(self.path.heard_at, media.heard_at if media else 0.0)

    def told(self, now: float) -> Told | None:
        """Return what this subscriber told of late about his reception."""
        return None if self._feedback is None else self._feedback.worst(now)

    @property
    def uplink(self) -> Told | None:
        """How the packets of this publisher arrived of late, as he was told in our last report."""
        return None if self.publisher is None else self.publisher.told

    def end(self, reason: str) -> None:
        """Stop the media now; `run` tidies up."""
        if not self._reason:
            self._reason = reason
        self._detach()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(0)

    async def connect(self, seconds: float) -> bool:
        """Wait for the path and complete the handshake; tell whether the session is connected."""
        try:
            await self._establish(seconds)
        except TimeoutError:
            self.end("timeout")
        except HandshakeFailed:
            self.end("handshake")
        if self._reason:
            return False
        self._attach()
        return True

    async def _establish(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds) as self._deadline:
                if is_dtls_client(self.offer):  # whoever does not begin hears from where the other does
                    await self.path.found()
                await self._dtls.secure(self.offer.fingerprints, on_goodbye=self._leave)
        finally:
            self._deadline = None

    async def last(self) -> None:
        """Return when the session has ended: by `end`, or by the peer's goodbye."""
        if not self._reason:
            self._over = asyncio.get_running_loop().create_future()
            await self._over

    def close(self) -> None:
        """Say goodbye and let go of everything."""
        self._detach()
        self._dtls.stop()

    def _leave(self) -> None:
        self.end("left")

    def silence(self, silent: bool) -> None:
        """Drop what this publisher sends, from the next packet on, or let it through again."""
        self._silent = silent
        if self.publisher is not None:
            self.publisher.silent = silent
            self.room.leave(self.grant.session)

    def report(self, now: float) -> None:
        """Send the RTCP report when it is due."""
        if now < self._report_at:
            return
        sealed = None
        if self.publisher is not None:
            sealed = self.publisher.report(self.room.ssrc, self.room.cname, now)
        elif self._subscription is not None:
            plain = self._subscription.report(now)
            sealed = None if plain is None else self._dtls.seal_rtcp(plain)
        if sealed is not None:
            self.path.send(sealed)
            self._report_at = now + rtcp.interval(_chance())

    def _attach(self) -> None:
        self.connected = True
        now = self._clock.monotonic()
        if self.grant.role == "publish":
            self.publisher = Publisher(
                self.offer.sections[0],
                self._dtls,
                self._refused,
                self._uplink,
                now,
                on_goodbye=self._stop_speaking,
            )
            self.publisher.silent = self._silent
            self.path.on_media = self._receive
        else:
            # He may offer to send, nobody will hear it: of what he sends only reports are read.
            self._subscription = subscription = self._subscribe()
            self._feedback = Feedback(self._dtls, subscription.ssrcs, self._refused, now)
            self.path.on_media = self._receive_feedback
            self.path.on_move = subscription.move

    def _subscribe(self) -> Subscription:
        address, keys = self.path.address, self._dtls.outgoing
        assert address is not None
        if not self.slots:
            red = self.offer.red_payload_type
            return Listening(self.room, self.room.subscribe(keys, self.offer.payload_type, address, red))
        types = [section.payload_type for section in self.offer.sections[: self.slots]]
        return OnStage(self.room, self.room.slots.add(self.grant.participant, keys, types, address))

    def _detach(self) -> None:
        if self.connected:
            # Whoever hears us say so need not wait for silence to tell.
            sources = self._subscription.ssrcs if self._subscription is not None else (self.room.ssrc,)
            self.path.send(self._dtls.seal_rtcp(rtcp.goodbye(sources, self.room.cname)))
        self.connected = False
        self.path.on_media = self.path.on_move = None
        if self._subscription is not None:
            self._subscription.end()
            self._subscription = self._feedback = None
        if self.publisher is not None:
            self.room.leave(self.grant.session)
            self.publisher = None

    def _receive(self, data: bytes) -> None:
        now = self._clock.monotonic()
        assert self.publisher is not None
        for packet in self.publisher.receive(data, now):
            self.room.hear(self.grant.session, self.grant.participant, packet, now)

    def _stop_speaking(self) -> None:
        """His stream is over, the session is not: that ends with its transport."""
        self.room.leave(self.grant.session)

    def _receive_feedback(self, data: bytes) -> None:
        assert self._feedback is not None
        was_losing = self._feedback.is_losing
        self._feedback.receive(data, self._clock.monotonic())
        if self._feedback.is_losing != was_losing and self._subscription is not None:
            self._subscription.protect(not was_losing)
