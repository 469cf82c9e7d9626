"""What is let in: the one place that knows what was decided about a server.

Asked for every arrival, fetch and delivery, so the rules are kept in memory and read again when they
are a few seconds old; a decision made by a command in another process then counts here too. A rule on
a domain holds for every name below it, or a blocked server would come back as a subdomain.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.moderation.models import DomainRule

FRESH_SECONDS: Final = 2.0


def severity_of(host: str, rules: Mapping[str, str]) -> str | None:
    """Return the severity that holds for `host` (a port does not matter): the nearest rule's."""
    if not rules:
        return None
    name = _without_port(host)
    while name:
        if name in rules:
            return rules[name]
        if name.startswith("["):
            return None
        name = name.partition(".")[2]
    return None


class DomainPolicy:
    """Answers about hosts."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._rules: dict[str, str] = {}
        self._read_at: float | None = None

    async def refusal(self, host: str) -> str | None:
        """Return the reason code when nothing may be taken from or sent to `host`."""
        return "domain_suspended" if await self.verdict(host) == "suspend" else None

    async def is_refused(self, host: str) -> bool:
        """Tell whether nothing may be taken from or sent to `host`."""
        return await self.refusal(host) is not None

    async def is_silenced(self, host: str) -> bool:
        """Tell whether `host`'s people are kept from those who do not follow them."""
        return await self.verdict(host) == "silence"

    def forget(self) -> None:
        """Read the rules again at the next question, because one was just changed here."""
        self._read_at = None

    async def verdict(self, host: str) -> str | None:
        """Return what was decided about `host`: `suspend`, `silence`, `noop`, or None; the rest asks here."""
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at >= FRESH_SECONDS:
            async with self._db.reading() as tx:
                rows = await tx.execute(select(DomainRule.domain, DomainRule.severity))
                self._rules = {row.domain: row.severity for row in rows}
            self._read_at = now
        return severity_of(host, self._rules)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
