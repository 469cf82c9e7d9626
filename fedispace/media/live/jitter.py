"""A publisher's packets, in order and in time: what to play now, and what to do when it is not here.

    put(packet) --> sorted by timestamp --> take(now): play | repair | conceal | silence

The network delays each packet differently, and a publisher's clock is never ours: 300 millionths
off is a second in an hour. So the delay at which a packet is played is measured, not set:

* `transit`, arrival time less timestamp, has a least value of the last seconds: the path without
  queues, drift included, because the memory is short;
* what packets need beyond it is their jitter; its slowly forgotten peak gives the delay we aim at;
* nothing there when it is wanted? A piece is invented and the delay has grown by it, unless the
  packet turns out to be lost: then the invented piece stood in for it;
* far more delay than needed: a piece of 20 ms is to be cut out, in a quiet place if one comes soon.

Thus drift cannot build up in either direction. A silence (nothing comes for 100 ms, or the sender
said so) ends a talkspurt; the next begins with the delay aimed at, whatever went before.

All in samples at 48 kHz. Bounded by `_KEPT` packets; numbers that make no sense start it afresh.
"""

import bisect
from dataclasses import dataclass
from enum import Enum, auto

from fedispace.media.live import opus_packets
from fedispace.media.live.opus_packets import RATE

FRAME = RATE // 50
_KEPT = 64
_LEAST = FRAME
_MOST = 6 * FRAME
_AT_FIRST = 2 * FRAME
_MARGIN = FRAME // 2
_GIVE_UP = 5 * FRAME
_INVENTED_MOST = 3 * FRAME
_STRANGE = 2 * RATE
_MEMORY = 4.0
_HALF_LIFE = 10.0
_LATE_IN_A_ROW = 12


class What(Enum):
    """What to do for the next piece."""

    PLAY = auto()
    REPAIR = auto()
    CONCEAL = auto()
    SILENCE = auto()


@dataclass(slots=True)
class Piece:
    """`samples` of sound: decode `payload`, or use the copy it carries of what came before, or invent.

    `cut`: 20 ms too many are waiting; leave as much out around here.
    """

    what: What
    samples: int
    payload: bytes = b""
    cut: bool = False


@dataclass(slots=True)
class _Entry:
    timestamp: int
    sequence: int
    payload: bytes
    samples: int
    arrived: float


class JitterBuffer:
    """One source's packets. Time is an argument; nothing is decoded here."""

    _entries: list[_Entry]
    _newest: int
    _newest_sequence: int | None
    _is_playing: bool
    _next: int
    _last_sequence: int
    _late_in_a_row: int
    _starved: int
    _was_dtx: bool
    _least_before: float
    _least_now: float
    _remembered_since: float
    _measured_at: float
    _peak: float
    _least: float
    target: int
    """The delay aimed at, in samples."""
    _usual_bytes: float

    def __init__(self) -> None:
        self.late = 0
        self.lost = 0
        self.cuts = 0
        self._clear()

    def put(self, sequence: int, timestamp: int, payload: bytes, samples: int, now: float) -> None:
        """Take in a valid packet of `samples`."""
        ahead = _around(timestamp - self._newest, 32) if self._newest_sequence is not None else 0
        if abs(ahead) > _STRANGE or self._late_in_a_row > _LATE_IN_A_ROW:
            self._clear()
            ahead = 0
        if self._newest_sequence is None:
            self._newest, self._newest_sequence = timestamp, sequence
            unwrapped, unwrapped_sequence = timestamp, sequence
        else:
            unwrapped = self._newest + ahead
            unwrapped_sequence = self._newest_sequence + _around(sequence - self._newest_sequence, 16)
        if unwrapped > self._newest:
            self._newest, self._newest_sequence = unwrapped, unwrapped_sequence
        self._measure(unwrapped, now)
        if self._is_playing and unwrapped < self._next:
            self.late += 1
            self._late_in_a_row += 1
            return
        self._late_in_a_row = 0
        entries = self._entries
        entry = _Entry(unwrapped, unwrapped_sequence, payload, samples, now)
        if not entries or unwrapped > entries[-1].timestamp:
            entries.append(entry)
        else:
            at = bisect.bisect_left(entries, unwrapped, key=_timestamp_of)
            if entries[at].timestamp == unwrapped:
                return
            entries.insert(at, entry)
        if len(entries) > _KEPT:
            del entries[0]
            self._next = max(self._next, entries[0].timestamp)

    def start_after(self, sequence: int, timestamp: int, samples: int) -> None:
        """Begin with what follows this packet, which was heard elsewhere, as soon as `take` is called."""
        self._newest, self._newest_sequence = timestamp, sequence
        self._is_playing = True
        self._next = timestamp + samples
        self._last_sequence = sequence

    @property
    def waiting(self) -> int:
        """How much sound is here, in samples."""
        return sum(entry.samples for entry in self._entries)

    def take_usual(self, now: float) -> bytes | None:
        """Return the packet to play if there is nothing to consider: it is of 20 ms, follows the one before
        and is in time. None otherwise: `take` considers."""
        if not self._is_playing or self._starved or not self._entries:
            return None
        entry = self._entries[0]
        if entry.timestamp != self._next or entry.samples != FRAME:
            return None
        excess = now * RATE - entry.timestamp - self._least - self.target
        if not -FRAME - _MARGIN <= excess <= FRAME + _MARGIN and (
            excess > 2 * FRAME + _MARGIN or self._is_quiet(entry)
        ):
            return None
        return self._played(entry)

    def take(self, now: float) -> Piece:
        """Return the next piece."""
        if not self._is_playing and not self._may_begin(now):
            return Piece(What.SILENCE, FRAME)
        while self._entries:
            entry = self._entries[0]
            gap = entry.timestamp - self._next
            if self._starved:
                used = min(max(gap, 0), self._starved)
                self._next += used
                gap -= used
                self._starved = 0
            if gap < 0:
                del self._entries[0]
                continue
            return self._fill(entry, gap) if gap else self._play(entry, now)
        return self._starve()

    def _play(self, entry: _Entry, now: float) -> Piece:
        excess = now * RATE - entry.timestamp - self._least - self.target
        quiet = self._is_quiet(entry)
        if excess < -FRAME - _MARGIN and quiet and len(self._entries) < 3:
            return Piece(What.CONCEAL, FRAME)
        if excess > _MOST:
            # After a stall, the network's or ours: what is stale is not worth hearing.
            entry, excess = self._skip(excess)
        payload = self._played(entry)
        limit = FRAME + _MARGIN if quiet else 2 * FRAME + _MARGIN
        cut = excess > limit and bool(self._entries)
        self.cuts += cut
        return Piece(What.PLAY, entry.samples, payload, cut)

    def _is_quiet(self, entry: _Entry) -> bool:
        """Tell whether a packet is small for its sender: something can be left out or put in there."""
        return 2 * len(entry.payload) * FRAME < self._usual_bytes * entry.samples

    def _played(self, entry: _Entry) -> bytes:
        """Go past the first packet."""
        del self._entries[0]
        payload = entry.payload
        self._usual_bytes += (len(payload) * FRAME / entry.samples - self._usual_bytes) / 32
        self._next = entry.timestamp + entry.samples
        self._last_sequence = entry.sequence
        self._was_dtx = opus_packets.is_dtx(payload)
        return payload

    def _skip(self, excess: float) -> tuple[_Entry, float]:
        """Leave out the oldest packets until there is no `excess` any more."""
        while excess > FRAME and len(self._entries) > 1:
            before = self._entries.pop(0)
            excess -= self._entries[0].timestamp - before.timestamp
            self.cuts += 1
        return self._entries[0], excess

    def _fill(self, entry: _Entry, gap: int) -> Piece:
        """Bridge what is missing before `entry`."""
        if gap > _GIVE_UP:
            self._next = entry.timestamp - FRAME
            gap = FRAME
        samples = _whole(min(gap, FRAME))
        self._next += min(gap, FRAME)
        if entry.sequence == self._last_sequence + 1:
            return Piece(What.SILENCE, samples)
        self.lost += 1
        if gap <= FRAME and opus_packets.has_repair(entry.payload):
            return Piece(What.REPAIR, samples, entry.payload)
        return Piece(What.CONCEAL, samples)

    def _starve(self) -> Piece:
        """Nothing is here: invent for a moment, then take it for a silence."""
        self._starved += FRAME
        if self._was_dtx or self._starved >= _GIVE_UP:
            self._is_playing = False
        if self._was_dtx or self._starved > _INVENTED_MOST:
            return Piece(What.SILENCE, FRAME)
        return Piece(What.CONCEAL, FRAME)

    def _may_begin(self, now: float) -> bool:
        if not self._entries:
            return False
        first = self._entries[0]
        if (now - first.arrived) * RATE < self.target - FRAME // 4:
            return False
        self._begin(first)
        return True

    def _begin(self, first: _Entry) -> None:
        self._is_playing = True
        self._next = first.timestamp
        self._last_sequence = first.sequence - 1
        self._starved = 0

    def _measure(self, timestamp: int, now: float) -> None:
        transit = now * RATE - timestamp
        if now - self._remembered_since > _MEMORY:
            self._least_before, self._least_now = self._least_now, transit
            self._remembered_since = now
        elif transit < self._least_now:
            self._least_now = transit
        passed = max(0.0, now - self._measured_at)
        self._measured_at = now
        self._least = min(self._least_before, self._least_now)
        jitter = min(transit - self._least, float(_MOST))
        self._peak = max(jitter, self._peak * 0.5 ** (passed / _HALF_LIFE))
        self.target = int(min(_MOST, max(_LEAST, self._peak + _MARGIN)))

    def _clear(self) -> None:
        self._entries = []
        self._newest = 0
        self._newest_sequence = None
        self._is_playing = False
        self._next = 0
        self._last_sequence = -1
        self._late_in_a_row = 0
        self._starved = 0
        self._was_dtx = False
        self._least_before = self._least_now = self._least = float("inf")
        self._remembered_since = float("-inf")
        self._measured_at = 0.0
        self._peak = float(_AT_FIRST - _MARGIN)
        self.target = _AT_FIRST
        self._usual_bytes = 0.0


def _timestamp_of(entry: _Entry) -> int:
    return entry.timestamp


def _whole(samples: int) -> int:
    """Return `samples` as the next multiple of 2.5 ms, the codec's smallest piece."""
    return -(-samples // 120) * 120


def _around(difference: int, bits: int) -> int:
    """Return the shortest way round the circle of `bits` bits."""
    half = 1 << (bits - 1)
    return ((difference + half) & ((1 << bits) - 1)) - half
