"""The one UDP port that everybody uses, and the filter in front of every parser.

    datagram -> STUN?  known user name -> may ask again -> integrity -> the source is validated
             -> DTLS?  from a validated source -> that session's bounded queue
             -> SRTP?  from a validated source -> that session's media
             -> else   counted and dropped

Until a source has proved a session's password by STUN nothing else of it is read: an unauthenticated
ClientHello cannot race the real one, and junk costs a dictionary look-up. An exception while one
datagram is read would concern all sessions, so the parsers behind return None instead of raising.
"""

import asyncio
import contextlib
import socket
from collections import Counter

from fedispace.clock import Clock
from fedispace.errors import ConfigError
from fedispace.media.live import stun
from fedispace.media.live.limits import PerSource
from fedispace.media.live.path import Address, Path

_LARGEST = 1500
_READS_PER_TURN = 64
_ADDRESSES_PER_PATH = 4
_DTLS_HEADER = 13
_SRTP_SMALLEST = 20
_BUFFER_BYTES = 4 << 20


def bind(host: str, port: int) -> socket.socket:
    """Return the bound socket; raise `ConfigError` when the address is not ours or in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"rtc.listen: cannot use UDP {host}:{port}: {error.strerror}") from error
    return sock


class UdpPort:
    """Tells whose each datagram is. Single-threaded: all of it runs in the event loop."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self.socket = sock
        self.refused: Counter[str] = Counter()
        self.received = 0
        self._clock = clock
        self._by_ufrag: dict[str, Path] = {}
        self._by_address: dict[Address, Path] = {}
        self._sources = PerSource(rate=50.0, burst=100.0, capacity=8192)

    @property
    def number(self) -> int:
        """The port's number."""
        return int(self.socket.getsockname()[1])

    def open(self) -> None:
        """Begin to read."""
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()

    def add(self, path: Path) -> None:
        """Let `path` be found by its user name."""
        self._by_ufrag[path.ufrag] = path

    def remove(self, path: Path) -> None:
        """Forget `path` and its addresses."""
        self._by_ufrag.pop(path.ufrag, None)
        for address in path.validated:
            if self._by_address.get(address) is path:
                del self._by_address[address]
        path.validated.clear()

    def send(self, data: bytes, to: Address) -> None:
        """Send, or drop when the socket is full or the peer unreachable: UDP promises no more."""
        with contextlib.suppress(OSError):
            self.socket.sendto(data, to)

    def receive(self, data: bytes, source: Address) -> None:
        """Take in one datagram."""
        self.received += 1
        size = len(data)
        if size < _DTLS_HEADER or size > _LARGEST:
            self.refused["size"] += 1
            return
        first = data[0]
        if first < 4:
            self._receive_stun(data, source)
            return
        path = self._by_address.get(source)
        if path is None:
            self.refused["not_validated"] += 1
        elif 127 < first < 192 and size >= _SRTP_SMALLEST:
            if path.on_media is not None:
                path.on_media(data)
        elif 19 < first < 64:
            path.receive_dtls(data)
        else:
            self.refused["unknown"] += 1

    def _readable(self) -> None:
        """Read a bounded number of datagrams, then let others have the loop."""
        receive = self.socket.recvfrom
        for _ in range(_READS_PER_TURN):
            try:
                data, source = receive(_LARGEST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue
            self.receive(data, source)

    def _receive_stun(self, data: bytes, source: Address) -> None:
        names = stun.user_name(data)
        path = self._by_ufrag.get(names[0]) if names is not None else None
        if names is None or path is None or path.remote_ufrag != names[1]:
            self.refused["stun_unknown"] += 1
            return
        now = self._clock.monotonic()
        if not self._sources.take(source, now) or not path.checks.take(1, now):
            self.refused["stun_rate"] += 1
            return
        check = stun.check(data, path.password)
        if check is None:
            self.refused["stun_integrity"] += 1
            return
        path.heard_at = now
        self._validate(path, source)
        if check.nominates or path.address is None:
            path.use(source)
        self.send(stun.success(check.transaction, (source[0], source[1]), path.password), source)

    def _validate(self, path: Path, source: Address) -> None:
        known = self._by_address.get(source)
        if known is path:
            return
        if known is not None and source in known.validated:
            known.validated.remove(source)
        self._by_address[source] = path
        path.validated.append(source)
        if len(path.validated) > _ADDRESSES_PER_PATH:
            oldest = next(address for address in path.validated if address != path.address)
            path.validated.remove(oldest)
            self._by_address.pop(oldest, None)
