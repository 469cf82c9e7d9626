"""The mixer's beat: every 20 ms, on time on the whole, and honest about when it was not.

Timers fire late. The beat is counted from its start, not from the last stroke, so lateness does not
add up; after a stall a few strokes are made up for at once, and the rest is left out, because a
burst would delay everybody else and be thrown away by the listeners.
"""

from dataclasses import dataclass

SECONDS = 0.02
_AT_ONCE = 3
_LATE = 0.005
_WEIGHT = 1 / 32


@dataclass(slots=True)
class TickCounts:
    """Since the process started: strokes, those that were late or left out, the worst lateness.

    `kept_waiting` are those of the late ones before which we computed no more than usual, or by less than
    half of what they were late by: the processor was elsewhere, with others or with the machine's host.
    Work of our own that delays a stroke, whatever thread does it, takes as long as the delay.
    """

    ticks: int = 0
    late: int = 0
    kept_waiting: int = 0
    left_out: int = 0
    worst: float = 0.0


class Ticks:
    """When to mix. Begins at `start`."""

    def __init__(self, start: float, counts: TickCounts) -> None:
        self._start = start
        self._counts = counts
        self._worked = 0.0
        self._usual = 0.0
        self.done = 0
        self.together = 1
        """So many strokes are made at a time, when the last of them is due."""

    @property
    def next(self) -> float:
        """When something is to be done next."""
        return self.at(self.done + self.together - 1)

    def at(self, number: int) -> float:
        """Return when a stroke was or will be due."""
        return self._start + number * SECONDS

    def due(self, now: float, worked: float | None = None) -> list[int]:
        """Return the numbers of the strokes to make now, at most a few.

        `worked` is for how many seconds in all this process has computed, if that is known.
        """
        behind = now - self.next
        if behind < 0:
            return []
        more = int(behind / SECONDS)
        count = self.together + more
        left_out = max(0, count - _AT_ONCE)
        first = self.done + left_out
        self.done += count
        self._counts.ticks += count
        # Of several that were due one after another only the last is on time.
        is_late = behind - more * SECONDS > _LATE
        late = self.together + more - 1 + is_late if more else self.together * is_late
        self._counts.late += late
        if worked is not None:
            if self.done > count:
                self._judge(worked - self._worked, behind, late)
            self._worked = worked
        self._counts.left_out += left_out
        self._counts.worst = max(self._counts.worst, behind)
        return list(range(first, self.done))

    def _judge(self, worked: float, behind: float, late: int) -> None:
        if not late:
            self._usual += (worked - self._usual) * (_WEIGHT if self._usual else 1.0)
        elif worked - self._usual < behind / 2:
            self._counts.kept_waiting += late
