"""Where a packet of the programme belongs in a recording whose time is wall time.

Within a turn the timestamps say it best: they do not jitter. But a talker's clock is not ours, and some
clients' clocks stand while they are paused. So after a pause, and whenever timestamps and time have
come apart, the time of arrival counts; a sender who makes his timestamps run gains nothing.
"""

from fedispace.media.live.continuity import RATE

_APART = RATE // 2
_PAUSE = RATE // 5


class Timeline:
    """Places packets; `began` is the moment of position 0 (monotonic)."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._turn = 0
        self._timestamp = 0
        self._position = 0

    def position(self, now: float) -> int:
        """Return the position of a moment."""
        return int((now - self._began) * RATE)

    def place(self, turn: int, timestamp: int, at: float) -> int:
        """Return the position of a packet's first sample."""
        arrived = self.position(at)
        step = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        position = self._position + step
        is_apart = turn != self._turn or step > _PAUSE or abs(position - arrived) > _APART
        if is_apart:
            position = arrived
        if is_apart or step > 0:
            self._turn, self._timestamp, self._position = turn, timestamp, position
        return position
