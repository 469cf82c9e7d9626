"""A room's sound taken from another SFU: a WHEP client with a socket, and nothing to decode.

    offer() --> whoever holds the room's WHEP address posts it --> live(answer): checks, DTLS, packets

What arrives is that room's programme, and goes into ours as it is (`Room.feed`). The other side sees one more
listener. We are the full agent of ICE: a check every second is also what tells that the other side is
gone, and it gets a goodbye when we go.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

from fedispace.clock import Clock
from fedispace.media.live import rtp, stun
from fedispace.media.live.dtls import Credentials, DtlsTransport
from fedispace.media.live.inbox import Inbox
from fedispace.media.live.whep_answer import Far

_OPUS = 111
_TRY_SECONDS = 1.0
_TRY_AGAIN_SECONDS = 0.1
_CHECK_SECONDS = 1.0
_SILENT_SECONDS = 5.0
_HANDSHAKE_SECONDS = 10.0


class Upstream(asyncio.DatagramProtocol):
    """One such session."""

    def __init__(
        self, credentials: Credentials, clock: Clock, feed: Callable[[rtp.Packet, float], None]
    ) -> None:
        self._credentials = credentials
        self._certificate = credentials.certificate(clock.monotonic())
        self._clock = clock
        self._feed = feed
        self._ufrag, self._password = secrets.token_hex(8), secrets.token_hex(16)
        self.inbox = Inbox()
        self._has_left = asyncio.Event()
        self._socket: asyncio.DatagramTransport | None = None
        self._far: Far | None = None
        self._asked: list[bytes] = []
        self._answered = asyncio.Event()
        self._answered_at = 0.0
        self._dtls: DtlsTransport | None = None

    def offer(self) -> str:
        """Return the offer of somebody who listens."""
        fingerprint = self._certificate.fingerprint
        lines = [
            *("v=0", f"o=- {secrets.randbits(62)} 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0"),
            *(f"m=audio 9 UDP/TLS/RTP/SAVPF {_OPUS}", "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly"),
            *("a=rtcp-mux", f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{self._password}"),
            *(f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}", "a=setup:actpass"),
            *(f"a=rtpmap:{_OPUS} opus/48000/2", f"a=fmtp:{_OPUS} minptime=10;useinbandfec=1"),
        ]
        return "\r\n".join(lines) + "\r\n"

    async def live(self, far: Far) -> str:
        """Listen until it ends, and return why: unreachable, lost, or left. Raises `HandshakeFailed`."""
        self._far = far
        try:
            if not await self._find_path(far):
                return "unreachable"
            self._dtls = DtlsTransport(
                self, self._credentials, self._certificate, is_client=not far.is_dtls_client
            )
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                await self._dtls.secure(far.fingerprints, on_goodbye=self._has_left.set)
            return await self._last()
        finally:
            self._close()

    async def _find_path(self, far: Far) -> bool:
        loop = asyncio.get_running_loop()
        for address in far.addresses:
            try:
                # A connected socket hears nobody but that address.
                self._socket, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=address)
            except OSError:
                continue
            began = self._clock.monotonic()
            while not self._answered.is_set() and self._clock.monotonic() - began < _TRY_SECONDS:
                self._check()
                await self._answer_within(_TRY_AGAIN_SECONDS)
            if self._answered.is_set():
                return True
            self._socket.close()
        return False

    async def _answer_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._answered.wait()
        except TimeoutError:
            return

    async def _last(self) -> str:
        while not self._has_left.is_set():
            if self._clock.monotonic() - self._answered_at > _SILENT_SECONDS:
                return "lost"
            self._check()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_SECONDS):
                    await self._has_left.wait()
        return "left"

    def _check(self) -> None:
        assert self._far is not None
        transaction = secrets.token_bytes(12)
        self._asked = [*self._asked[-3:], transaction]
        self.send(stun.request(transaction, f"{self._far.ice_ufrag}:{self._ufrag}", self._far.ice_pwd))

    def datagram_received(self, data: bytes, _: object) -> None:
        if len(data) < 13 or self._far is None:
            return
        first = data[0]
        if first < 4:
            self._receive_stun(data)
        elif 19 < first < 64:
            self.inbox.put(data)
        elif 127 < first < 192 and self._dtls is not None and not rtp.is_rtcp(data):
            plain = self._dtls.open_rtp(data)
            packet = rtp.read(plain, None) if plain is not None else None
            if packet is not None:
                self._feed(packet, self._clock.monotonic())

    def _receive_stun(self, data: bytes) -> None:
        assert self._far is not None
        if stun.is_success(data, self._asked, self._far.ice_pwd):
            self._answered_at = self._clock.monotonic()
            self._answered.set()
        elif stun.user_name(data) is not None and self._socket is not None:
            # A full agent at the other side checks too.
            check = stun.check(data, self._password)
            if check is not None:
                peer = self._socket.get_extra_info("peername")
                self.send(stun.success(check.transaction, (peer[0], peer[1]), self._password))

    def error_received(self, exc: Exception) -> None:
        """Nobody is there (ICMP): the checks find out."""

    def send(self, data: bytes) -> None:
        """Send one datagram to the other side, or drop it."""
        if self._socket is not None and not self._socket.is_closing():
            self._socket.sendto(data)

    def _close(self) -> None:
        if self._dtls is not None:
            self._dtls.stop()
        if self._socket is not None:
            self._socket.close()
