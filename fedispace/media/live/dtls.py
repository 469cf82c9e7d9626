"""DTLS-SRTP (RFC 5764): a session's keys, and who says goodbye.

    records --> handshake (in a thread, a step at a time) --> SRTP sessions
    records after it --> farewell --> the peer said goodbye

The handshake's steps run in a thread, one at a time, so that a crowd at the door is not heard in the
room: OpenSSL releases the interpreter while it computes. Two steps are enough for one: the peer's
hello, and his proof.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import pylibsrtp

from fedispace.media.live.certificate import Certificate
from fedispace.media.live.farewell import Farewell
from fedispace.media.live.handshake import Handshake, HandshakeFailed, Step
from fedispace.media.live.inbox import Inbox
from fedispace.media.live.sdp import Fingerprint
from fedispace.media.live.worker import Worker

_RENEW_SECONDS = 7 * 86400.0


class SrtpSession(Protocol):
    """The part of `pylibsrtp.Session` that is used; `_srtp` is the C library's own handle."""

    _srtp: Any

    def unprotect(self, packet: bytes) -> bytes: ...

    def unprotect_rtcp(self, packet: bytes) -> bytes: ...

    def protect_rtcp(self, packet: bytes) -> bytes: ...


class Credentials:
    """Our certificate, renewed weekly, and the thread in which handshakes compute."""

    def __init__(self, now: float) -> None:
        self._certificate = Certificate()
        self._made_at = now
        self._worker = Worker("dtls")

    def certificate(self, now: float) -> Certificate:
        """Return the certificate for a new session."""
        if now - self._made_at > _RENEW_SECONDS:
            self._certificate, self._made_at = Certificate(), now
        return self._certificate

    async def compute(self, step: Callable[[], Step]) -> Step:
        """Take one step of a handshake. Who is cancelled meanwhile must not take another."""
        return await self._worker.do(step)

    def close(self) -> None:
        self._worker.close()


class Carrier(Protocol):
    """How records come and go: a `Path`, or an `Upstream`."""

    @property
    def inbox(self) -> Inbox: ...

    def send(self, data: bytes) -> None: ...


class DtlsTransport:
    """A DTLS association over a carrier, and the SRTP sessions it yields."""

    __slots__ = (
        "_carrier",
        "_certificate",
        "_credentials",
        "_farewell",
        "_incoming",
        "_is_client",
        "_on_goodbye",
        "_outgoing",
    )

    def __init__(
        self,
        carrier: Carrier,
        credentials: Credentials,
        certificate: Certificate,
        *,
        is_client: bool,
    ) -> None:
        self._carrier = carrier
        self._credentials = credentials
        self._certificate = certificate
        self._is_client = is_client
        self._farewell: Farewell | None = None
        self._incoming: SrtpSession | None = None
        self._outgoing: SrtpSession | None = None
        self._on_goodbye: Callable[[], None] | None = None

    async def secure(self, fingerprints: tuple[Fingerprint, ...], *, on_goodbye: Callable[[], None]) -> None:
        """Complete the handshake with the holder of `fingerprints`, or raise `HandshakeFailed`."""
        context = self._certificate.context
        handshake = Handshake(context, is_client=self._is_client, fingerprints=fingerprints)
        step = await self._first(handshake)
        while True:
            for datagram in step.outgoing:
                self._carrier.send(datagram)
            if step.has_failed:
                raise HandshakeFailed
            if step.secured is not None:
                break
            step = await self._next(handshake, step.wait)
        self._incoming, self._outgoing = step.secured.incoming, step.secured.outgoing
        self._farewell, self._on_goodbye = step.secured.farewell, on_goodbye
        self._carrier.inbox.hand_to(self._hear)

    async def _first(self, handshake: Handshake) -> Step:
        if self._is_client:
            return await self._credentials.compute(handshake.begin)
        return await self._next(handshake, None)

    async def _next(self, handshake: Handshake, wait: float | None) -> Step:
        """Wait for the peer's next records; repeat ours when he is silent for too long."""
        if wait is None:
            records = await self._carrier.inbox.take()
        else:
            try:
                async with asyncio.timeout(wait):
                    records = await self._carrier.inbox.take()
            except TimeoutError:
                return await self._credentials.compute(handshake.repeat)
        return await self._credentials.compute(lambda: handshake.receive(records))

    @property
    def outgoing(self) -> SrtpSession:
        """The session that encrypts; there is one after the handshake."""
        assert self._outgoing is not None
        return self._outgoing

    def open_rtp(self, data: bytes) -> bytes | None:
        """Decrypt, or return None for what is forged or repeated."""
        assert self._incoming is not None
        try:
            return self._incoming.unprotect(data)
        except pylibsrtp.Error:
            return None

    def open_rtcp(self, data: bytes) -> bytes | None:
        """Decrypt RTCP, or return None."""
        assert self._incoming is not None
        try:
            return self._incoming.unprotect_rtcp(data)
        except pylibsrtp.Error:
            return None

    def seal_rtcp(self, data: bytes) -> bytes:
        """Encrypt RTCP."""
        return self.outgoing.protect_rtcp(data)

    def stop(self) -> None:
        """Say goodbye, if there is somebody to say it to."""
        self._carrier.inbox.hand_to(None)
        farewell, self._farewell, self._on_goodbye = self._farewell, None, None
        if farewell is not None:
            for datagram in farewell.goodbye():
                self._carrier.send(datagram)

    def _hear(self, datagram: bytes) -> None:
        farewell = self._farewell
        if farewell is None:
            return
        has_left = farewell.hear(datagram)
        for reply in farewell.reply():
            self._carrier.send(reply)
        if has_left and self._on_goodbye is not None:
            self._on_goodbye()
