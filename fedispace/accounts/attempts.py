"""Counts tries in memory, so that guessing is slow: so many in a window, per key.

The table is bounded; when it is full the key that was tried longest ago is forgotten.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Final

from fedispace.clock import Clock
from fedispace.errors import RateLimited

MAX_KEYS: Final = 20_000


class Attempts:
    """Allows `limit` tries per key in any `window`."""

    def __init__(self, clock: Clock, *, limit: int, window: timedelta) -> None:
        self._clock = clock
        self._limit = limit
        self._window = window
        self._tries: OrderedDict[str, deque[datetime]] = OrderedDict()

    def count(self, key: str) -> None:
        """Count a try; raises `RateLimited` when it is one too many. Refused tries do not count."""
        now = self._clock.now()
        tries = self._tries.setdefault(key, deque())
        self._tries.move_to_end(key)
        while tries and tries[0] <= now - self._window:
            tries.popleft()
        if len(tries) >= self._limit:
            wait = int((tries[0] + self._window - now).total_seconds()) + 1
            raise RateLimited("Too many attempts. Try again later.", retry_after=wait)
        tries.append(now)
        if len(self._tries) > MAX_KEYS:
            self._tries.popitem(last=False)

    def take_back(self, key: str) -> None:
        """Forget the last try of a key: it was none."""
        tries = self._tries.get(key)
        if tries:
            tries.pop()

    def forgive(self, key: str) -> None:
        """Forget the tries of a key."""
        self._tries.pop(key, None)
