"""Whose datagram is this? The filter in front of every parser, the same for UDP and TCP.

    datagram -> STUN?  known user name -> may ask again -> integrity -> the source is validated
             -> DTLS?  from a validated source -> that session's bounded queue
             -> SRTP?  from a validated source -> that session's media
             -> else   counted and dropped

Until a source has proved a session's password by STUN nothing else of it is read: an unauthenticated
ClientHello cannot race the real one, and junk costs a dictionary look-up. An exception while one
datagram is read would concern all sessions, so the parsers behind return None instead of raising.

To check a password costs a hash, so strangers are held to a rate: each network (an IPv6 /64 is one),
each session they name, and all of them together. A source that has proved itself has a rate of its
own, so no crowd of strangers can make a session lose its consent.
"""

from collections import Counter

from fedispace.clock import Clock
from fedispace.media.live import question, stun
from fedispace.media.live.limits import Bucket, PerSource, source_of
from fedispace.media.live.path import Address, Ice, Path, Sender

LARGEST = 1500
SMALLEST = 13  # a DTLS record's header
_SRTP_SMALLEST = 20
_ADDRESSES_PER_PATH = 4
_GENERATIONS = 2
_STRANGERS_PER_SECOND = 4000.0
_STRANGERS_EACH_PER_SECOND = 1000.0
_QUESTIONS_PER_SECOND = 5.0
_QUESTIONS_AT_ONCE = 30.0


class Demux:
    """Finds the path of each datagram. Single-threaded: all of it runs in the event loop."""

    def __init__(self, clock: Clock, sender: Sender) -> None:
        self.refused: Counter[str] = Counter()
        self.received = 0
        self.received_octets = 0
        self._clock = clock
        self._sender = sender
        self._by_ufrag: dict[str, tuple[Path, Ice]] = {}
        self._by_address: dict[Address, Path] = {}
        rate = _STRANGERS_EACH_PER_SECOND
        self._sources = PerSource(rate=rate, burst=2 * rate, capacity=8192)
        rate = _STRANGERS_PER_SECOND
        now = clock.monotonic()
        self._questions = Bucket(rate=_QUESTIONS_PER_SECOND, burst=_QUESTIONS_AT_ONCE, now=now)
        self._strangers = Bucket(rate=rate, burst=2 * rate, now=now)

    def add(self, path: Path) -> None:
        """Let `path` be found by its user name."""
        self._by_ufrag[path.ice.ufrag] = (path, path.ice)

    def restart(self, path: Path, ice: Ice) -> None:
        """Let `path` be found by a new name too, until the peer uses that one."""
        path.generations.append(ice)
        self._by_ufrag[ice.ufrag] = (path, ice)
        self._retire(path, _GENERATIONS)

    def remove(self, path: Path) -> None:
        """Forget `path` and its addresses."""
        self._retire(path, 0)
        for address in list(path.validated):
            self._let_go(path, address)

    def forget(self, address: Address) -> None:
        """Forget an address that cannot be used any more."""
        path = self._by_address.pop(address, None)
        if path is not None:
            path.validated.remove(address)

    def receive(self, data: bytes, source: Address) -> None:
        """Take in one datagram."""
        self.received += 1
        size = len(data)
        self.received_octets += size
        if size < SMALLEST or size > LARGEST:
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
            path.inbox.put(data)
        else:
            self.refused["unknown"] += 1

    def _receive_stun(self, data: bytes, source: Address) -> None:
        if question.is_question(data):
            self._answer_question(data, source)
            return
        names = stun.user_name(data)
        found = self._by_ufrag.get(names[0]) if names is not None else None
        if names is None or found is None or found[1].remote_ufrag != names[1]:
            self.refused["stun_unknown"] += 1
            return
        path, ice = found
        now = self._clock.monotonic()
        host, number = (source if isinstance(source, tuple) else source.peer)[:2]
        if not self._may_ask(path, source, host, now):
            self.refused["stun_rate"] += 1
            return
        check = stun.check(data, ice.password)
        if check is None:
            self.refused["stun_integrity"] += 1
            return
        self._validate(path, source)
        is_newer = ice is path.ice and len(path.generations) > 1
        path.hear_check(source, nominates=check.nominates, is_newer=is_newer, now=now)
        if is_newer and check.nominates:
            self._retire(path, 1)
        self._sender.send(stun.success(check.transaction, (host, number), ice.password), source)

    def _answer_question(self, data: bytes, source: Address) -> None:
        """Tell an operator that what he sends arrives; not often, and never more than he sent."""
        if not self._questions.take(1, self._clock.monotonic()):
            self.refused["question_rate"] += 1
            return
        host, number = (source if isinstance(source, tuple) else source.peer)[:2]
        self._sender.send(question.answer(data, (host, number)), source)

    def _may_ask(self, path: Path, source: Address, host: str, now: float) -> bool:
        if self._by_address.get(source) is path:
            return path.checks.take(1, now)
        return (
            path.strangers.take(1, now)
            and self._sources.take(source_of(host), now)
            and self._strangers.take(1, now)
        )

    def _validate(self, path: Path, source: Address) -> None:
        known = self._by_address.get(source)
        if known is path:
            return
        if known is not None:
            known.validated.remove(source)
        self._by_address[source] = path
        path.validated.append(source)
        if not isinstance(source, tuple):
            source.prove()
        if len(path.validated) > _ADDRESSES_PER_PATH:
            self._let_go(path, next(address for address in path.validated if address != path.address))

    def _let_go(self, path: Path, address: Address) -> None:
        path.validated.remove(address)
        if self._by_address.get(address) is path:
            del self._by_address[address]
        if not isinstance(address, tuple):
            address.close()

    def _retire(self, path: Path, keep: int) -> None:
        """Forget all but the newest `keep` generations of names."""
        while len(path.generations) > keep:
            old = path.generations[0]
            self._by_ufrag.pop(old.ufrag, None)
            if len(path.generations) == 1:
                return
            del path.generations[0]
