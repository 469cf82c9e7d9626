"""How often one may ask: the generic cell rate algorithm (GCRA), in memory.

One number per key: the time at which its bucket would be empty again. It allows a burst of the whole
amount and then an even rate, so an app that starts with thirty calls is served and a loop is not. A
restart forgives everyone, which is what we want of it.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from fedispace.clock import Clock, iso
from fedispace.errors import RateLimited

_MAX_KEYS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`amount` requests in `period`."""

    amount: int
    period: timedelta

    @property
    def step(self) -> float:
        return self.period.total_seconds() / self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The rates of this door, Mastodon's own figures where it has one."""

    per_account: Rate = Rate(amount=1500, period=timedelta(minutes=5))
    per_address: Rate = Rate(amount=300, period=timedelta(minutes=5))
    registrations: Rate = Rate(amount=25, period=timedelta(minutes=10))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a key stands after a request."""

    limit: int
    remaining: int
    reset: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": iso(self.reset),
        }


class Limiter:
    """Counts requests by key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._empty_at: dict[str, float] = {}

    def spend(self, key: str, rate: Rate) -> Standing:
        """Count one request of `key`, or raise `RateLimited` with the seconds to wait."""
        now = self._clock.monotonic()
        period = rate.period.total_seconds()
        empty_at = max(self._empty_at.get(key, now), now) + rate.step
        if empty_at - now > period + rate.step / 1000:
            raise RateLimited("Too many requests", retry_after=max(1, round(empty_at - now - period + 0.5)))
        self._remember(key, empty_at, now)
        return Standing(
            limit=rate.amount,
            remaining=int((period - (empty_at - now)) / rate.step + 0.5),
            reset=self._clock.now() + timedelta(seconds=empty_at - now),
        )

    def spend_for(self, purpose: str, address: str, rate: Rate) -> Standing | None:
        """Count one request of a client's address, unless it is one of this machine.

        Behind a proxy that names no client every visitor has a loopback address; counted together
        they would lock each other out.
        """
        try:
            if ipaddress.ip_address(address).is_loopback:
                return None
        except ValueError:
            return None
        return self.spend(f"{purpose}:{address}", rate)

    def _remember(self, key: str, empty_at: float, now: float) -> None:
        if key not in self._empty_at and len(self._empty_at) >= _MAX_KEYS:
            self._empty_at = {known: until for known, until in self._empty_at.items() if until > now}
            if len(self._empty_at) >= _MAX_KEYS:
                self._empty_at.pop(next(iter(self._empty_at)))
        self._empty_at[key] = empty_at
