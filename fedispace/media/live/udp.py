"""The UDP carrier: one socket for everybody, read a bounded number of datagrams at a time.

A flood fills the queue of that socket in the kernel, and what comes for the rooms is lost among it.
So each publisher's address, once he is connected, gets a socket of its own on the same port, which is
connected to it: the kernel then puts his packets into a queue that strangers cannot fill. Where the
system does not allow this he shares the one socket, as everybody else does.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from fedispace.media.live.demux import LARGEST
from fedispace.media.live.path import Address, UdpAddress

_READS_PER_TURN = 64
_BUFFER_BYTES = 4 << 20
_APART = 1024


def bind(host: str, port: int) -> socket.socket:
    """Return the bound socket; one on `::` hears IPv4 too. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


class UdpCarrier:
    """Reads the socket in the event loop, and writes to it."""

    def __init__(self, sock: socket.socket, receive: Callable[[bytes, Address], None]) -> None:
        self._socket = sock
        self._receive = receive
        self._apart: dict[UdpAddress, socket.socket] = {}

    @property
    def apart(self) -> int:
        """How many addresses have a socket of their own."""
        return len(self._apart)

    def open(self) -> None:
        """Begin to read."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read, self._socket)

    def close(self) -> None:
        for peer in list(self._apart):
            self.end_apart(peer)
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def set_apart(self, peer: UdpAddress) -> None:
        """Give `peer` a socket of his own, if that can be."""
        if peer in self._apart or len(self._apart) >= _APART:
            return
        # Two may be bound to one port only while both allow it: for the moment that this takes. What
        # comes between bind and connect may be anybody's, and is read like the rest.
        sock = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        both = (self._socket, sock)
        try:
            for one in both:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self._socket.getsockname())
            sock.connect(peer)
        except OSError:
            self._read(sock)
            sock.close()
            return
        finally:
            for one in both:
                if one.fileno() >= 0:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        self._apart[peer] = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read, sock)

    def end_apart(self, peer: UdpAddress) -> None:
        """Let `peer` share the one socket again."""
        sock = self._apart.pop(peer, None)
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            self._read(sock)
            sock.close()

    def send(self, data: bytes, to: UdpAddress) -> None:
        """Send, or drop when the socket is full or the peer unreachable: UDP promises no more."""
        with contextlib.suppress(OSError):
            self._socket.sendto(data, to)

    def _read(self, sock: socket.socket) -> None:
        """Read a bounded number of datagrams, then let others have the loop."""
        receive = sock.recvfrom
        for _ in range(_READS_PER_TURN):
            try:
                data, source = receive(LARGEST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue
            self._receive(data, source)
