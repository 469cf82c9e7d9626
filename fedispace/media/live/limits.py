"""Token buckets: how much of something may arrive in a while, and from whom."""

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache


class Bucket:
    """Holds at most `burst` tokens and gains `rate` of them a second."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` tokens, or none when there are fewer."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True


class PerSource:
    """A bucket for each source, for the `capacity` sources seen last."""

    def __init__(self, *, rate: float, burst: float, capacity: int) -> None:
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._buckets: OrderedDict[Hashable, Bucket] = OrderedDict()

    def take(self, source: Hashable, now: float) -> bool:
        """Take one token of `source`."""
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = Bucket(rate=self._rate, burst=self._burst, now=now)
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(source)
        return bucket.take(1, now)


@lru_cache(maxsize=8192)
def source_of(host: str) -> str:
    """Return whose limits an address shares: its own, or its network's in IPv6, where a /64 is one
    customer's. An IPv4 address is the same however it is written."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
