"""One browser's session: from its offer to its end.

    opened --STUN proves the password--> path ready --DTLS--> connected --goodbye, idle, hung up--> over

`run` is that life, in one task that the `Sfu` owns. Whatever ends it, the room and the port forget
the session before the task is done.
"""

import asyncio
from collections import Counter

from fedispace.clock import Clock
from fedispace.media.live.dtls import DtlsTransport, HandshakeFailed
from fedispace.media.live.fanout import Slot
from fedispace.media.live.grants import Grant
from fedispace.media.live.path import Address, Path
from fedispace.media.live.publisher import Publisher
from fedispace.media.live.room import Room
from fedispace.media.live.sdp import Offer

_REPORT_SECONDS = 5.0


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
    ) -> None:
        self.grant = grant
        self.room = room
        self.path = path
        self.connected = False
        self.publisher: Publisher | None = None
        self.opened_at = clock.monotonic()
        self._offer = offer
        self._dtls = dtls
        self._clock = clock
        self._refused = refused
        self._slot: Slot | None = None
        self._ended = asyncio.Event()
        self._deadline: asyncio.Timeout | None = None
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why it ended."""
        return self._reason

    @property
    def heard_at(self) -> float:
        """When the peer was last known to be there: a connectivity check, or a packet that decrypts."""
        return max(self.path.heard_at, self.publisher.heard_at if self.publisher else 0.0)

    def end(self, reason: str) -> None:
        """Stop the media now; `run` tidies up."""
        if not self._reason:
            self._reason = reason
        self._detach()
        self._ended.set()
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
                await self.path.ready.wait()
                await self._dtls.secure(self._offer.fingerprints)
        finally:
            self._deadline = None

    async def last(self) -> None:
        """Return when the session has ended: by `end`, or by the peer's goodbye."""
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait((ended, self._dtls.closed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        self.end("left")

    async def close(self) -> None:
        """Say goodbye and let go of everything."""
        self._detach()
        await self._dtls.stop()
        self.path.receive_dtls(None)

    def silence(self, silent: bool) -> None:
        """Drop what this publisher sends, or let it through again."""
        if self.publisher is not None:
            self.publisher.silent = silent
            self.room.leave(self.grant.session)

    def report(self, now: float) -> None:
        """Send the RTCP report when it is due."""
        if self.publisher is not None and now - self.publisher.reported_at >= _REPORT_SECONDS:
            sealed = self.publisher.report(self.room.ssrc, self.room.cname, now)
            if sealed is not None:
                self.path.send(sealed)
        slot = self._slot
        if slot is not None and now - slot.reported_at >= _REPORT_SECONDS:
            plain = self.room.sender_report(slot, now)
            if plain is not None:
                slot.reported_at = now
                self.path.send(self._dtls.seal_rtcp(plain))

    def _attach(self) -> None:
        self.connected = True
        now = self._clock.monotonic()
        if self.grant.role == "publish":
            self.publisher = Publisher(self._offer, self._dtls, self._refused, now)
            self.path.on_media = self._receive
        else:
            # A subscriber's packets stay unread: he may offer to send, nobody will hear it.
            assert self.path.address is not None
            self._slot = self.room.subscribe(self._dtls.outgoing, self._offer.payload_type, self.path.address)
            self.path.on_move = self._move

    def _detach(self) -> None:
        self.connected = False
        self.path.on_media = self.path.on_move = None
        if self._slot is not None:
            self.room.fanout.remove(self._slot)
            self._slot = None
        if self.publisher is not None:
            self.room.leave(self.grant.session)
            self.publisher = None

    def _receive(self, data: bytes) -> None:
        now = self._clock.monotonic()
        assert self.publisher is not None
        packet = self.publisher.receive(data, now)
        if packet is not None:
            self.room.hear(self.grant.session, packet, now)

    def _move(self, address: Address) -> None:
        if self._slot is not None:
            self.room.fanout.move(self._slot, address)
