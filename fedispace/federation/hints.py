"""How often others may make us ask a host: it did not ask to be asked.

Counted in memory, for hosts asked of lately: what is lost with the process is a few minutes' count.
"""

from collections import OrderedDict
from datetime import timedelta
from typing import Final

from fedispace.clock import Clock

WITHIN: Final = timedelta(minutes=5)
HOSTS_IN_MEMORY: Final = 4096


class Hints:
    """Counts what hints make us ask of each host."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def may_ask(self, host: str, most: int) -> bool:
        """Count one more question to a host; False when there were `most` of them lately."""
        now = self._clock.monotonic()
        times, since = self._heard.get(host, (0, now))
        if now - since >= WITHIN.total_seconds():
            times, since = 0, now
        if times >= most:
            return False
        self._heard[host] = (times + 1, since)
        self._heard.move_to_end(host)
        if len(self._heard) > HOSTS_IN_MEMORY:
            self._heard.popitem(last=False)
        return True
