"""Identifiers, and the randomness that must not be guessed.

Row ids are 64-bit integers that sort by time: 48 bits of milliseconds since 1970 and 16 bits of
sequence. Mastodon's clients compare ids as numbers, so they are also the public ids.
"""

import base64
import secrets
import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fedispace.clock import Clock


class Ids(Protocol):
    """Makes identifiers and secrets."""

    def next(self) -> int: ...

    def several(self, count: int) -> range: ...

    def token(self) -> str: ...


class TimeOrderedIds:
    """Ids that never repeat and never go backwards, even when the clock does.

    Two processes start their sequence at random places, so that the same millisecond on two
    machines collides with probability 2^-16 at worst; the unique key of the table is the arbiter.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        millis = int(self._clock.now().timestamp() * 1000)
        with self._lock:
            fresh = (millis << 16) | secrets.randbits(12)
            self._last = fresh if fresh > self._last else self._last + 1
            return self._last

    def several(self, count: int) -> range:
        """Return so many ids that follow each other."""
        first = self.next()
        with self._lock:
            if self._last != first:  # somebody else was given one meanwhile
                first = self._last + 1
            self._last = first + count - 1
        return range(first, first + count)

    def token(self) -> str:
        """Return 256 random bits in URL-safe base64 (43 characters)."""
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def moment_of(id_: int) -> datetime:
    """Return the time at which `id_` was made, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=id_ >> 16)


def id_at(moment: datetime) -> int:
    """Return the smallest id that could have been made at `moment`."""
    return int(moment.timestamp() * 1000) << 16
