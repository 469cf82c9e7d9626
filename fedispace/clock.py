"""Time comes in as an argument. Nothing else in the project asks the system for it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time; aware, UTC."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that a test moves."""

    def __init__(self, at: datetime | None = None) -> None:
        self._now = at or datetime(2026, 11, 12, 19, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def advance(self, **amount: float) -> None:
        """Move forward by `timedelta(**amount)`."""
        self._now += timedelta(**amount)


def iso(moment: datetime) -> str:
    """Return RFC 3339 with milliseconds and `Z`, the form Mastodon's clients parse."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def wire_time(moment: datetime) -> str:
    """Return RFC 3339 in whole seconds and `Z`, the form peers put on the wire."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def until(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most `seconds`; tell whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
