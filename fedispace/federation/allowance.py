"""How many documents may be fetched for one purpose: in all, and from one host.

Whatever arrives may name further documents, and those may name more. Without a bound one activity
makes us ask a chain of ten thousand posts, or a third server ten thousand times (reflection).
"""

from collections import Counter

from fedispace.errors import FedispaceError


class Spent(FedispaceError):
    """The allowance is used up: nothing is known of the document that would have come next."""


class Allowance:
    """What is left of the requests for one purpose. Whoever shares a fetch with another spends nothing."""

    def __init__(self, total: int, *, per_host: int | None = None) -> None:
        self._left = total
        self._per_host = total if per_host is None else per_host
        self._asked: Counter[str] = Counter()

    @property
    def used(self) -> int:
        """How many requests were made."""
        return self._asked.total()

    @property
    def is_spent(self) -> bool:
        return self._left <= 0

    def may_ask(self, host: str) -> bool:
        """Tell whether another request to this host is within the allowance."""
        return self._left > 0 and self._asked[host] < self._per_host

    def spend(self, host: str) -> None:
        """Count a request to `host`; raises `Spent` instead of the one that would be too many."""
        if not self.may_ask(host):
            raise Spent("Enough was fetched for this.")
        self._left -= 1
        self._asked[host] += 1
