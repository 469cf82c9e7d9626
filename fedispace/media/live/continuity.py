"""One stream out of many: sequence numbers and timestamps that go on when the speaker changes.

A subscriber's decoder sees a single source. Within one speaker's turn the differences between his
packets are kept, so losses and pauses look as they are; when another takes over, his numbers are
shifted to follow the last ones sent: the next sequence number, and a timestamp later by the time
that passed. A receiver told of a jump in sequence would report loss and conceal; one told of a jump
back in time would drop the newcomer's first words.

Packets come late and early, so the time that passed between two of them is never quite right, and what is
wrong adds up: without a correction, thousands of turns make timestamps run seconds ahead of the clock in an
evening. So each turn begins up to a frame nearer to where the clock says the stream should be: where it is
ahead half the pause may go, and where there was no pause, the newcomer's first packet.
"""

from collections.abc import Hashable
from dataclasses import dataclass

RATE = 48_000
_FRAME = 960
_STRANGE_JUMP = 1000
_STRANGE_TIME = 60 * RATE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a packet goes in the stream that is sent; `first` opens a speaker's turn."""

    sequence: int
    timestamp: int
    first: bool


def advance(passed: float, behind: float) -> int:
    """Return by how much a new turn's first timestamp follows the last one sent, in whole frames: by the time
    that `passed`, and towards the clock, which the stream is so many samples `behind`."""
    most_shorter = max(_FRAME, passed * RATE / 2)
    samples = int(passed * RATE + min(max(behind, -most_shorter), _FRAME))
    return max(_FRAME, samples - samples % _FRAME)


class Continuity:
    """Numbers the packets of one outgoing stream. Sequence numbers returned are not wrapped."""

    def __init__(self, *, timestamp: int) -> None:
        self._source: Hashable = None
        self._sequence = -1
        self._timestamp = timestamp
        self._sent_at = 0.0
        self._began = (timestamp, 0.0)
        self._waiting: Hashable = None
        self._opened_at = 0
        self._source_sequence = 0
        self._source_timestamp = 0

    @property
    def timestamp(self) -> int:
        """The last timestamp given out."""
        return self._timestamp

    @property
    def sent_at(self) -> float:
        """When it was given out (monotonic)."""
        return self._sent_at

    def interrupt(self) -> None:
        """End the turn: whatever comes next opens a new one."""
        self._source = None

    def place(
        self, source: Hashable, sequence: int, timestamp: int, now: float, *, is_seamless: bool = False
    ) -> Place | None:
        """Return where this packet goes, or None if it belongs before the present turn.

        `is_seamless`: if it opens a turn, then with the sound that follows what was sent last, without the
        quiet moment in which a correction is not heard.
        """
        ahead = signed(sequence - self._source_sequence, 16)
        later = signed(timestamp - self._source_timestamp, 32)
        if source != self._source or abs(ahead) > _STRANGE_JUMP or abs(later) > _STRANGE_TIME:
            return self._open(source, sequence, timestamp, now, is_seamless)
        if ahead > 0:
            self._source_sequence = sequence
            self._source_timestamp = timestamp
            self._sequence += ahead
            self._timestamp = (self._timestamp + later) & 0xFFFFFFFF
            self._sent_at = now
            return Place(self._sequence, self._timestamp, False)
        late = self._sequence + ahead
        if late < self._opened_at or ahead == 0:
            return None
        return Place(late, (self._timestamp + later) & 0xFFFFFFFF, False)

    def _open(
        self, source: Hashable, sequence: int, timestamp: int, now: float, is_seamless: bool
    ) -> Place | None:
        if self._sequence >= 0:
            behind, passed = 0 if is_seamless else self._behind(), now - self._sent_at
            if behind < -_FRAME and passed * RATE < 1.5 * _FRAME and self._waiting != source:
                self._waiting = source
                return None
            follows = advance(passed, behind)
            self._timestamp = (self._timestamp + follows) & 0xFFFFFFFF
        else:
            self._began = (self._timestamp, now)
        self._source, self._waiting = source, None
        self._source_sequence = sequence
        self._source_timestamp = timestamp
        self._sequence += 1
        self._opened_at = self._sequence
        self._sent_at = now
        return Place(self._sequence, self._timestamp, True)

    def _behind(self) -> int:
        """Return by how many samples the stream was behind the clock when the last packet was sent."""
        timestamp, at = self._began
        return signed(timestamp + int((self._sent_at - at) * RATE) - self._timestamp, 32)


def signed(difference: int, bits: int) -> int:
    """Return the shortest way round the circle of `bits` bits."""
    half = 1 << (bits - 1)
    return ((difference + half) & ((1 << bits) - 1)) - half
