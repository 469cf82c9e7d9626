"""One session's way over the network: the addresses that proved its password, and what came by them.

An address is that of a UDP peer, or a TCP
connection (`Stream`): whoever sends need not care which.

ICE may be restarted (RFC 8445, section 2.4): the path then knows two generations of names and
passwords. The old one serves until a check of the new one chooses an address; then it is retired.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fedispace.media.live.inbox import Inbox
from fedispace.media.live.limits import Bucket

UdpAddress = tuple[str, int] | tuple[str, int, int, int]

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

    __slots__ = (
        "_address_heard_at",
        "_found",
        "_sender",
        "address",
        "checks",
        "generations",
        "heard_at",
        "inbox",
        "on_media",
        "on_move",
        "strangers",
        "validated",
    )

    def __init__(self, *, ice: Ice, sender: Sender, now: float) -> None:
        self.generations = [ice]
        self.address: Address | None = None
        self.validated: list[Address] = []
        self.heard_at = now
        self.checks = Bucket(rate=_CHECKS_PER_SECOND, burst=_CHECKS_AT_ONCE, now=now)
        self.strangers = Bucket(rate=_CHECKS_PER_SECOND, burst=_CHECKS_AT_ONCE, now=now)
        self.on_media: Callable[[bytes], None] | None = None
        self.on_move: Callable[[Address], None] | None = None
        self._address_heard_at = now
        self._sender = sender
        self.inbox = Inbox()
        self._found: asyncio.Future[None] | None = None

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
            if self._found is not None and not self._found.done():
                self._found.set_result(None)
            if self.on_move is not None:
                self.on_move(address)

    async def found(self) -> None:
        """Wait until the peer has proved an address."""
        if self.address is None:
            self._found = asyncio.get_running_loop().create_future()
            await self._found

    def send(self, data: bytes) -> None:
        """Send to the address in use, if there is one."""
        if self.address is not None:
            self._sender.send(data, self.address)
