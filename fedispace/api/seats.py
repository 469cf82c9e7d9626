"""How many connections that stay open one address may have, and all together."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fedispace.errors import Busy, RateLimited

MOST: Final = 20_000
MOST_OF_ADDRESS: Final = 120
"""A school or a company behind one address listens together, each with a page's events and, at worst, sound
over HTTP; more than this is no school."""
_WAIT: Final = 10
_HOME: Final = 64


class Seats:
    """Counts open connections by address. A network of one home counts as one address (IPv6: a /64)."""

    def __init__(self, most_of_address: int = MOST_OF_ADDRESS, most: int = MOST) -> None:
        self._most_of_address = most_of_address
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Hold a seat; raises `RateLimited` if the address has too many, `Busy` if all are taken.

        This machine's own addresses are not told apart, as in `limits.py`: behind a proxy that names no
        client they are everybody's.
        """
        key = _key_of(address)
        if self._taken.total() >= self._most:
            raise Busy("There is no room for more just now.", retry_after=_WAIT)
        if key is not None and self._taken[key] >= self._most_of_address:
            raise RateLimited("Too many connections from this address", retry_after=_WAIT)
        name = key or ""
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]


def _key_of(address: str) -> str | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if found.is_loopback:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _HOME), strict=False))
    return str(found)
