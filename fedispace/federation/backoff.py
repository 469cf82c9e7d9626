"""When to try again: pure rules for deliveries and for the circuit of a host.

Sixteen retries over seven days. The first ones come quickly, because most failures are restarts; the
last ones daily, because a server that was gone for a long weekend still wants its posts. Every delay is
stretched or shortened by up to a quarter, so that a thousand deliveries that failed together do not
come back together.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    *(timedelta(hours=24),) * 6,
)
JITTER: Final = 0.25
REFUSED_AT_MOST: Final = 3
"""Attempts at a peer that answers 401 or 403: it may be fetching our key anew, but not for days."""

_LEAST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=6)

OPENS_AFTER: Final = 5
DEAD_AFTER: Final = timedelta(days=7)
_LONGEST_PAUSE: Final = timedelta(hours=24)


class Verdict(Enum):
    """What an answer means for a delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    PERMANENT = "permanent"


def judge(status: int) -> Verdict:
    """Classify the status of an answer to a delivery.

    A 4xx will not get better by repeating, except those that speak of the moment (408, 425, 429) or of
    a key the peer may have to fetch again (401, 403; few times, see `next_attempt`). 501 never will.
    A redirect that was not followed counts as a failure of the moment.
    """
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status in (401, 403, 408, 425, 429) or status < 400:
        return Verdict.RETRY
    if status == 501 or status < 500:
        return Verdict.PERMANENT
    return Verdict.RETRY


def next_attempt(
    attempts: int,
    rng: random.Random,
    *,
    status: int | None = None,
    retry_after: timedelta | None = None,
) -> timedelta | None:
    """Return how long to wait after `attempts` failed attempts, or None to give up.

    `retry_after` is the peer's own wish; it is honoured between one minute and six hours, and still
    jittered upwards, because everybody else was told the same.
    """
    if attempts > len(DELAYS) or (status in (401, 403) and attempts >= REFUSED_AT_MOST):
        return None
    if retry_after is not None:
        wish = min(max(retry_after, _LEAST_WAIT), _LONGEST_WAIT)
        return wish * (1 + rng.uniform(0, JITTER))
    return DELAYS[max(attempts, 1) - 1] * (1 + rng.uniform(-JITTER, JITTER))


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header (RFC 9110 section 10.2.3): seconds or a date; garbage is nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return max(moment - now, timedelta())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def pause(failures: int, *, dead: bool = False) -> timedelta | None:
    """Return how long a host is left alone after so many failures in a row; None while its circuit is closed.

    One minute, doubling; a host that is dead costs one attempt a day.
    """
    if dead:
        return _LONGEST_PAUSE
    if failures < OPENS_AFTER:
        return None
    return min(timedelta(minutes=2 ** min(failures - OPENS_AFTER, 12)), _LONGEST_PAUSE)


def is_dead(failing_since: datetime | None, now: datetime) -> bool:
    """Tell whether a host has failed for so long, without once taking anything, that it counts as dead."""
    return failing_since is not None and now - failing_since >= DEAD_AFTER
