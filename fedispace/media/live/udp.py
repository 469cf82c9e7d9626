"""The UDP carrier: one socket for everybody, read a bounded number of datagrams at a time."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from fedispace.media.live.demux import LARGEST
from fedispace.media.live.path import Address, UdpAddress

_READS_PER_TURN = 64
_BUFFER_BYTES = 4 << 20


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

    def open(self) -> None:
        """Begin to read."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def send(self, data: bytes, to: UdpAddress) -> None:
        """Send, or drop when the socket is full or the peer unreachable: UDP promises no more."""
        with contextlib.suppress(OSError):
            self._socket.sendto(data, to)

    def _readable(self) -> None:
        """Read a bounded number of datagrams, then let others have the loop."""
        receive = self._socket.recvfrom
        for _ in range(_READS_PER_TURN):
            try:
                data, source = receive(LARGEST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue
            self._receive(data, source)
