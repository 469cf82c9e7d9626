"""One session's way over the network: the addresses that proved its password, and what came by them.

It stands where aiortc expects an ICE transport. Another kind of path (ICE-TCP, RFC 6544) would have
the same surface: `send`, a DTLS queue, a media listener.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from fedispace.media.live.limits import Bucket

Address = tuple[str, int] | tuple[str, int, int, int]

_DTLS_KEPT = 256
_CHECKS_PER_SECOND = 200.0


class Sender(Protocol):
    """Sends one datagram, or drops it."""

    def send(self, data: bytes, to: Address) -> None: ...


class Path:
    """Where a session's datagrams come from and go to."""

    # What RTCDtlsTransport reads of an RTCIceTransport; an ICE-lite agent is always controlled.
    role = "controlled"
    state = "completed"

    def __init__(self, *, ufrag: str, password: str, remote_ufrag: str, sender: Sender, now: float) -> None:
        self.ufrag = ufrag
        self.password = password
        self.remote_ufrag = remote_ufrag
        self.address: Address | None = None
        self.validated: list[Address] = []
        self.ready = asyncio.Event()
        self.heard_at = now
        self.checks = Bucket(rate=_CHECKS_PER_SECOND, burst=_CHECKS_PER_SECOND, now=now)
        self.on_media: Callable[[bytes], None] | None = None
        self.on_move: Callable[[Address], None] | None = None
        self._sender = sender
        self._dtls: asyncio.Queue[bytes | None] = asyncio.Queue(_DTLS_KEPT)

    def use(self, address: Address) -> None:
        """Send there from now on."""
        if address != self.address:
            self.address = address
            self.ready.set()
            if self.on_move is not None:
                self.on_move(address)

    def receive_dtls(self, data: bytes | None) -> None:
        """Queue a record for the handshake, the oldest giving way; None ends the path."""
        if self._dtls.full():
            self._dtls.get_nowait()
        self._dtls.put_nowait(data)

    def send(self, data: bytes) -> None:
        if self.address is not None:
            self._sender.send(data, self.address)

    async def _recv(self) -> bytes:
        data = await self._dtls.get()
        if data is None:
            raise ConnectionError("the path is closed")
        return data

    async def _send(self, data: bytes) -> None:
        self.send(data)
