"""The TCP carrier: ICE-TCP, we being passive (RFC 6544), datagrams in frames of RFC 4571.

For browsers behind a firewall that lets no UDP through. They connect to the same port number; each
frame then goes through the same filter as a datagram, and each connection is one more address.

A connection costs memory before anything is known about who opened it, so they are counted, in all
and for each network, and one that has not brought an authenticated check soon is closed; so is one
that sends what is no frame. Who reads slowly loses packets: a stream of live sound that waits is
worth nothing, so no more than 64 kB wait, half in the kernel and half here.
"""

import asyncio
import socket
import struct
from collections import Counter
from typing import cast

from fedispace.media.live.demux import LARGEST, SMALLEST, Demux
from fedispace.media.live.limits import source_of
from fedispace.media.live.path import UdpAddress

_CONNECTIONS = 2048
_CONNECTIONS_EACH = 256
_UNPROVED = 512
_UNPROVED_EACH = 64
_UNPROVED_SECONDS = 5.0
_UNPROVED_FRAMES = 8
_WAITING_BYTES = 32 * 1024
_READ_BYTES = 16 * 1024
_BACKLOG = 128
_HEAD = struct.Struct("!H")


def listen(host: str, port: int) -> socket.socket:
    """Return the listening socket; one on `::` hears IPv4 too. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY where the protocol is named.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # connections inherit them
            sock.setsockopt(socket.SOL_SOCKET, option, _WAITING_BYTES)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


class TcpCarrier:
    """Accepts connections within bounds."""

    def __init__(self, sock: socket.socket, demux: Demux) -> None:
        self.demux = demux
        self.buffer = memoryview(bytearray(_READ_BYTES))
        self._socket = sock
        self._server: asyncio.Server | None = None
        self._open: set[TcpConnection] = set()
        self._unproved: dict[TcpConnection, None] = {}  # the oldest first
        self._of_source: Counter[str] = Counter()
        self._unproved_of_source: Counter[str] = Counter()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    async def open(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: TcpConnection(self), sock=self._socket, backlog=_BACKLOG
        )

    def close(self) -> None:
        """Accept no more and end them all."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for connection in list(self._open):
            connection.close()

    def admit(self, connection: "TcpConnection") -> bool:
        """Count a new connection, or refuse it. When too many wait, the one that waited longest goes."""
        source = connection.source
        if (
            len(self._open) >= _CONNECTIONS
            or self._of_source[source] >= _CONNECTIONS_EACH
            or self._unproved_of_source[source] >= _UNPROVED_EACH
        ):
            self.demux.refused["tcp_connections"] += 1
            _drop_zeros(self._of_source, source)
            _drop_zeros(self._unproved_of_source, source)
            return False
        if len(self._unproved) >= _UNPROVED:
            oldest = next(iter(self._unproved))
            self.proved(oldest)
            oldest.refuse("tcp_connections")
        self._open.add(connection)
        self._unproved[connection] = None
        self._of_source[source] += 1
        self._unproved_of_source[source] += 1
        return True

    def proved(self, connection: "TcpConnection") -> None:
        """Note that a connection need not hurry any more."""
        if connection in self._unproved:
            del self._unproved[connection]
            _take_one(self._unproved_of_source, connection.source)

    def forget(self, connection: "TcpConnection") -> None:
        """Note that a connection is gone."""
        self.proved(connection)
        if connection in self._open:
            self._open.remove(connection)
            _take_one(self._of_source, connection.source)
        self.demux.forget(connection)


class TcpConnection(asyncio.BufferedProtocol):
    """One connection. All of them read into the carrier's one buffer: nothing waits in it."""

    def __init__(self, carrier: TcpCarrier) -> None:
        self.peer: UdpAddress = ("", 0)
        self.source = ""
        self._carrier = carrier
        self._demux = carrier.demux
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._frames_left = _UNPROVED_FRAMES
        self._is_proved = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.peer = transport.get_extra_info("peername") or ("0.0.0.0", 0)  # noqa: S104 - one that is gone
        self.source = source_of(self.peer[0])
        if not self._carrier.admit(self):
            self.close()
            return
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(_UNPROVED_SECONDS, self.refuse, "tcp_unproved")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._deadline is not None:
            self._deadline.cancel()
        self._carrier.forget(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._carrier.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = self._rest + bytes(self._carrier.buffer[:nbytes])
        at, end = 0, len(data)
        while at + 2 <= end:
            size = int.from_bytes(data[at : at + 2], "big")
            if not SMALLEST <= size <= LARGEST:
                self.refuse("tcp_frame")
                return
            if at + 2 + size > end:
                break
            self._demux.receive(data[at + 2 : at + 2 + size], self)
            at += 2 + size
            if not self._is_proved:
                self._frames_left -= 1
                if not self._frames_left:
                    self.refuse("tcp_unproved")
            if self._transport is None or self._transport.is_closing():
                return
        self._rest = data[at:]

    def send(self, data: bytes) -> bool:
        """Send one datagram, or drop it when too much waits."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > _WAITING_BYTES:
            self._demux.refused["tcp_slow"] += 1
            return False
        transport.write(_HEAD.pack(len(data)) + data)
        return True

    def prove(self) -> None:
        """A session's password came this way."""
        self._is_proved = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._carrier.proved(self)

    def refuse(self, reason: str) -> None:
        """End it because of what it did, or did not do."""
        self._demux.refused[reason] += 1
        self.close()

    def close(self) -> None:
        """End it at once, whatever waits."""
        if self._transport is not None:
            self._transport.abort()


def _take_one(counter: Counter[str], source: str) -> None:
    counter[source] -= 1
    _drop_zeros(counter, source)


def _drop_zeros(counter: Counter[str], source: str) -> None:
    if counter[source] <= 0:
        del counter[source]
