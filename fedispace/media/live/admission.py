"""Who may begin to join now: a crowd at the door must not be heard in the rooms.

Each newcomer costs a handshake, a millisecond and a half of the one core that also forwards. So
there are never more at it than can be served within their time limit, and one room's crowd leaves
space for other rooms' people. When the event loop itself runs late, for whatever reason, nobody new
comes in until it is on time again. Whoever is refused is told to come back soon; browsers do.
"""

from collections import Counter, deque

from fedispace.errors import Busy

_JOINING = 1024
_JOINING_EACH = 768
_LATE_SECONDS = 0.1
_TICKS = 4
_RETRY_SECONDS = 3


class Admission:
    """Counts those who are joining, and how late the loop is."""

    def __init__(
        self, *, joining: int = _JOINING, each: int = _JOINING_EACH, late: float = _LATE_SECONDS
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._ticks: deque[float] = deque(maxlen=_TICKS)
        self._joining = joining
        self._each = each
        self._late = late
        self._of_room: Counter[str] = Counter()

    @property
    def joining(self) -> int:
        """How many have an answer and no connection yet."""
        return self._of_room.total()

    @property
    def lateness(self) -> float:
        """By how much each of the last ticks was late at least: one that is may be chance."""
        return min(self._ticks) if len(self._ticks) == _TICKS else 0.0

    def check(self, room: str) -> None:
        """Raise `Busy` when nobody, or nobody for `room`, may begin to join now."""
        if self.lateness > self._late:
            self._refuse("late")
        if self.joining >= self._joining:
            self._refuse("queue")
        if self._of_room[room] >= self._each:
            self._refuse("room_queue")

    def begin(self, room: str) -> None:
        """Count one who got an answer."""
        self._of_room[room] += 1

    def end(self, room: str) -> None:
        """Count him no more: he is in, or gave up."""
        self._of_room[room] -= 1
        if self._of_room[room] <= 0:
            del self._of_room[room]

    def note(self, late: float) -> None:
        """Take in how late a tick of the loop was."""
        self._ticks.append(max(0.0, late))

    def _refuse(self, reason: str) -> None:
        self.refused[reason] += 1
        raise Busy("the audio server has too many to let in just now", retry_after=_RETRY_SECONDS)
