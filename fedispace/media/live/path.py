"""One session's way over the network: the addresses that proved its password, and what came by them.

It stands where aiortc expects an ICE transport. An address is that of a UDP peer, or a TCP
connection (`Stream`): whoever sends need not care which.

ICE may be restarted (RFC 8445, section 2.4): the path then knows two generations of names and
passwords. The old one serves until a check of the new one chooses an address; then it is retired.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fedispace.media.live.limits import Bucket

UdpAddress = tuple[str, int] | tuple[str, int, int, int]

_DTLS_KEPT = 256
_CHECKS_PER_SECOND = 50.0
_CHECKS_AT_ONCE = 100.0
_SILENT_SECONDS = 2.0


class Stream(Protocol):
    """A connection that carries datagrams in frames (RFC 4571). `peer` is who is at its other end."""

    @property
    def peer(self) -> UdpAddress: ...

    def send(self, data: bytes) -> bool:
        """Send one datagram; False when it was dropped."""

    def prove(self) -> None:
        """Note that a session's password came this way."""

    def close(self) -> None:
        """End it."""


Address = UdpAddress | Stream


class Sender(Protocol):
    """Sends one datagram, or drops it."""

    def send(self, data: bytes, to: Address) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice:
    """The names and the password of one generation of checks."""

    ufrag: str
    password: str
    remote_ufrag: str


class Path:
    """Where a session's datagrams come from and go to."""

    # What RTCDtlsTransport reads of an RTCIceTransport; an ICE-lite agent is always controlled.
    role = "controlled"
    state = "completed"

    def __init__(self, *, ice: Ice, sender: Sender, now: float) -> None:
        self.generations = [ice]
        self.address: Address | None = None
        self.validated: list[Address] = []
        self.ready = asyncio.Event()
        self.heard_at = now
        self.checks = Bucket(rate=_CHECKS_PER_SECOND, burst=_CHECKS_AT_ONCE, now=now)
        self.strangers = Bucket(rate=_CHECKS_PER_SECOND, burst=_CHECKS_AT_ONCE, now=now)
        self.on_media: Callable[[bytes], None] | None = None
        self.on_move: Callable[[Address], None] | None = None
        self._address_heard_at = now
        self._sender = sender
        self._dtls: asyncio.Queue[bytes | None] = asyncio.Queue(_DTLS_KEPT)

    @property
    def ice(self) -> Ice:
        """The newest generation."""
        return self.generations[-1]

    def hear_check(self, address: Address, *, nominates: bool, is_newer: bool, now: float) -> None:
        """Take in an authenticated check and send to its source if the peer chose that.

        A peer may choose several ways at once (aggressive nomination): TCP then waits until UDP is
        silent. `is_newer`: the check is of the generation that follows the address in use; of a peer
        who restarted because the old way broke, it need not choose yet.
        """
        self.heard_at = now
        current = self.address
        is_silent = now - self._address_heard_at > _SILENT_SECONDS
        if address == current:
            self._address_heard_at = now
        elif (
            current is None
            or (is_newer and (nominates or is_silent))
            or (nominates and (is_silent or isinstance(address, tuple) or not isinstance(current, tuple)))
        ):
            self.address, self._address_heard_at = address, now
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
