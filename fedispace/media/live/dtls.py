"""DTLS-SRTP (RFC 5764) by aiortc's RTCDtlsTransport, without its peer connection.

A peer connection decodes whatever it receives; a forwarder must not. So the transport is used
alone, on a `Path` of ours. Three things differ from stock, and `tests/media/test_aiortc_surface.py`
pins the private names they need:

* one certificate and one SSL context serve every session (a context each: 0.27 ms and 21 kB);
* the handshake's steps run in a thread, a few at a time, so that a crowd at the door is not heard in
  the room: OpenSSL releases the interpreter while it computes;
* the keys are handed over and the records after the handshake are read for one purpose only, to
  notice that the peer says goodbye.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import pylibsrtp
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL

from fedispace.media.live.sdp import Fingerprint

PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
_RENEW_SECONDS = 7 * 86400.0
_STEPS_AT_ONCE = 4


class SrtpSession(Protocol):
    """The part of `pylibsrtp.Session` that is used; `_srtp` is the C library's own handle."""

    _srtp: Any

    def unprotect(self, packet: bytes) -> bytes: ...

    def unprotect_rtcp(self, packet: bytes) -> bytes: ...

    def protect_rtcp(self, packet: bytes) -> bytes: ...


class HandshakeFailed(Exception):
    """The peer did not complete the handshake, or is not who the offer said."""


class SharedCertificate(RTCCertificate):
    """A certificate that makes its SSL context and its digest once."""

    _context: SSL.Context | None = None

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """What answers say of this certificate."""
        found = next(entry for entry in self.getFingerprints() if entry.algorithm == "sha-256")
        return Fingerprint(algorithm=found.algorithm, value=found.value)

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
        return self._context


class Credentials:
    """Our certificate, renewed weekly, and the thread in which handshakes compute."""

    def __init__(self, now: float) -> None:
        self._certificate = SharedCertificate.generateCertificate()
        self._made_at = now
        self._steps = asyncio.Semaphore(_STEPS_AT_ONCE)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dtls")

    def certificate(self, now: float) -> SharedCertificate:
        """Return the certificate for a new session."""
        if now - self._made_at > _RENEW_SECONDS:
            self._certificate, self._made_at = SharedCertificate.generateCertificate(), now
        return self._certificate

    async def compute(self, connection: SSL.Connection) -> bool:
        """Take one step of a handshake; tell whether it is complete. Raises `SSL.Error`.

        Even when cancelled it returns only after the thread let go of `connection`.
        """
        async with self._steps:
            step = asyncio.get_running_loop().run_in_executor(self._pool, _step, connection)
            try:
                return await asyncio.shield(step)
            except asyncio.CancelledError:
                await asyncio.wait([step])
                raise

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _step(connection: SSL.Connection) -> bool:
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return False
    return True


class Carrier(Protocol):
    """What RTCDtlsTransport uses of an ICE transport: a `Path`, or an `Upstream`."""

    async def _recv(self) -> bytes: ...

    async def _send(self, data: bytes) -> None: ...


class DtlsTransport(RTCDtlsTransport):
    """A DTLS association over `path`, and the SRTP sessions it yields."""

    def __init__(
        self, path: Carrier, credentials: Credentials, certificate: RTCCertificate, *, is_client: bool
    ) -> None:
        super().__init__(path, [certificate])  # type: ignore[arg-type]
        self._credentials = credentials
        self._srtp_profiles = PROFILES
        self._set_role("client" if is_client else "server")

    async def secure(self, fingerprints: tuple[Fingerprint, ...]) -> None:
        """Complete the handshake with the holder of `fingerprints`, or raise `HandshakeFailed`."""
        expected = [RTCDtlsFingerprint(algorithm=f.algorithm, value=f.value) for f in fingerprints]
        try:
            await self.start(RTCDtlsParameters(fingerprints=expected))
        except ValueError as error:
            # A certificate that OpenSSL took and the parser does not.
            raise HandshakeFailed from error
        if self._state != State.CONNECTED or self._task is None:
            raise HandshakeFailed
        self._task.add_done_callback(_retrieve)

    @property
    def closed(self) -> "asyncio.Future[None]":
        """Done when the peer has said goodbye."""
        assert self._task is not None
        return self._task

    @property
    def outgoing(self) -> SrtpSession:
        session: SrtpSession = self._tx_srtp
        return session

    def open_rtp(self, data: bytes) -> bytes | None:
        """Decrypt, or return None for what is forged or repeated."""
        try:
            packet: bytes = self._rx_srtp.unprotect(data)
        except pylibsrtp.Error:
            return None
        return packet

    def open_rtcp(self, data: bytes) -> bytes | None:
        """Decrypt RTCP, or return None."""
        try:
            packet: bytes = self._rx_srtp.unprotect_rtcp(data)
        except pylibsrtp.Error:
            return None
        return packet

    def seal_rtcp(self, data: bytes) -> bytes:
        """Encrypt RTCP."""
        packet: bytes = self._tx_srtp.protect_rtcp(data)
        return packet

    async def _do_handshake(self) -> None:
        assert self._ssl is not None
        try:
            while not await self._credentials.compute(self._ssl):
                await self._write_ssl()
                await self._read_flight(self._ssl)
            self.encrypted = True
            await self._write_ssl()
        except (SSL.Error, ConnectionError):
            await self._write_ssl()
            self._set_state(State.FAILED)

    async def _read_flight(self, connection: SSL.Connection) -> None:
        """Wait for the peer's next records, repeating ours when it is silent (RFC 6347, 4.2.4)."""
        try:
            async with asyncio.timeout(connection.DTLSv1_get_timeout()):
                data = await self.transport._recv()
        except TimeoutError:
            connection.DTLSv1_handle_timeout()
            await self._write_ssl()
            return
        connection.bio_write(data)


def _retrieve(task: "asyncio.Future[None]") -> None:
    if not task.cancelled():
        task.exception()
