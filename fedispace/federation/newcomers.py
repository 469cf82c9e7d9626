"""How many servers nobody here heard of before may come from one domain in a day.

A name server answers for as many subdomains as it likes, so each of a thousand posts can come from a server
that has its own good name, and make us fetch from it, remember it and forget what matters more. Known
servers are not counted, nor is a domain itself. What is counted is held in memory: a restart begins anew.

Where a domain ends that anybody can register below is a matter of a list (the Public Suffix List) that
changes every week and is not shipped here: two labels count, or three where the second says what the
registries of many countries say (`co.uk`, `com.br`). At hosters that give each customer a subdomain the
limit is for all of them together, which only delays the eleventh stranger by a day.
"""

from collections import OrderedDict
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Refused
from fedispace.federation.models import ActorRow
from fedispace.hosts import registrable_domain

PER_DOMAIN: Final = 10
WITHIN: Final = timedelta(days=1)
DOMAINS_IN_MEMORY: Final = 4096


class Newcomers:
    """Counts subdomains that are new here."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, set[str]]] = OrderedDict()

    async def admit(self, host: str) -> None:
        """Raise `Refused` ("rate") when `host` is one new subdomain too many."""
        domain = registrable_domain(host)
        if domain == host:
            return
        now = self._clock.monotonic()
        since, seen = self._seen.get(domain, (now, set()))
        if now - since >= WITHIN.total_seconds():
            since, seen = now, set()
        if host in seen or await self._is_known(host):
            return
        if len(seen) >= PER_DOMAIN:
            raise Refused("rate", "Too many new servers below that domain today.", status=403)
        seen.add(host)
        self._seen[domain] = since, seen
        self._seen.move_to_end(domain)
        if len(self._seen) > DOMAINS_IN_MEMORY:
            self._seen.popitem(last=False)

    async def _is_known(self, host: str) -> bool:
        async with self._db.reading() as tx:
            return await tx.scalar(select(ActorRow.id).where(ActorRow.host == host).limit(1)) is not None
