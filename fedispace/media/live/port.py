"""The one port number that everybody uses: its UDP socket, its TCP listener, and the filter behind both.

UDP socket --datagram--.
                       +--> demux (whose is it?) --> path --> session
TCP listener --frame---'
"""

import errno
import socket
from collections import Counter

from fedispace.clock import Clock
from fedispace.errors import ConfigError
from fedispace.media.live import tcp, udp
from fedispace.media.live.demux import Demux
from fedispace.media.live.path import Address, Path, UdpAddress

_TRIES = 20
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - to listen on all addresses is what `::` asks for

Sockets = tuple[socket.socket, socket.socket]


def bind(host: str, port: int) -> Sockets:
    """Return a UDP and a TCP socket of one number; raise `ConfigError` when they cannot be had.

    `::` is all addresses of both families, or of IPv4 where the machine has no IPv6.
    """
    for _ in range(_TRIES):
        try:
            datagrams = udp.bind(host, port)
        except OSError as error:
            if host == "::" and error.errno in _NO_IPV6:
                return bind(_EVERYWHERE, port)
            raise _unusable("UDP", host, port, error) from error
        try:
            return datagrams, tcp.listen(host, datagrams.getsockname()[1])
        except OSError as error:
            datagrams.close()
            if port or error.errno != errno.EADDRINUSE:
                raise _unusable("TCP", host, port, error) from error
    raise ConfigError(f"rtc.listen: {host} has no port that is free for both UDP and TCP")


class Port:
    """Both carriers and what they have in common."""

    def __init__(self, sockets: Sockets, clock: Clock) -> None:
        self.demux = Demux(clock, self)
        self.socket, listener = sockets
        self._udp = udp.UdpCarrier(self.socket, self.demux.receive)
        self._tcp = tcp.TcpCarrier(listener, self.demux)
        self._apart: dict[Path, UdpAddress] = {}

    @property
    def number(self) -> int:
        """The port's number."""
        return int(self.socket.getsockname()[1])

    @property
    def refused(self) -> Counter[str]:
        """How many datagrams and connections were refused, by reason."""
        return self.demux.refused

    @property
    def connections(self) -> int:
        """How many TCP connections are open."""
        return self._tcp.connections

    def add(self, path: Path) -> None:
        """Let `path` be found by its user name."""
        self.demux.add(path)

    def remove(self, path: Path) -> None:
        """Forget `path`, its addresses and its connections."""
        self.demux.remove(path)
        self._end_apart(path)

    def set_apart(self, path: Path) -> None:
        """Let what comes over `path` be lost in nobody's flood, wherever the path moves."""

        def follow(address: Address) -> None:
            self._end_apart(path)
            if isinstance(address, tuple):
                self._apart[path] = address
                self._udp.set_apart(address)

        path.on_move = follow
        if path.address is not None:
            follow(path.address)

    def _end_apart(self, path: Path) -> None:
        address = self._apart.pop(path, None)
        if address is not None:
            self._udp.end_apart(address)

    async def open(self) -> None:
        """Begin to read and to accept."""
        self._udp.open()
        await self._tcp.open()

    def close(self) -> None:
        self._udp.close()
        self._tcp.close()

    def send(self, data: bytes, to: Address) -> None:
        """Send one datagram to a UDP peer or over a connection, or drop it."""
        if isinstance(to, tuple):
            self._udp.send(data, to)
        else:
            to.send(data)


def _unusable(protocol: str, host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(f"rtc.listen: cannot use {protocol} {host}:{port}: {error.strerror}")
