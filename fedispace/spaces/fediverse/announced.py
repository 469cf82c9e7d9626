"""Spaces that somebody followed here announces: fetched from where they live, and kept.

    Announce --(inbox)--> a job --(fetch)--> the Event as its own server serves it --> Space

A job, not the inbox: an Announce may name anything anywhere, and a server that is slow to serve it must
not hold up what its announcer sends next. Most of what is announced is posts, which `threads/backfill.py`
fetches at the same moment; the resolver shares the fetch between the two jobs, and each keeps what is
its own kind.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused
from fedispace.federation.resolve import Resolver
from fedispace.federation.tombstones import tombstone
from fedispace.federation.vocab.objects import Event
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.spaces.fediverse.arrival import Arrivals

log = structlog.get_logger()

FETCH_ANNOUNCED: Final = "spaces.fetch_announced"


async def enqueue_announced(tx: Tx, jobs: Jobs, uri: Uri) -> None:
    """Have what `uri` names fetched, and kept if it is a Space; however many announce it, once."""
    await jobs.enqueue(tx, FETCH_ANNOUNCED, {"uri": uri}, unique_key=f"{FETCH_ANNOUNCED} {uri}")


class Announced:
    """Runs the job."""

    def __init__(self, db: Database, resolver: Resolver, people: People, arrivals: Arrivals) -> None:
        self._db = db
        self._resolver = resolver
        self._people = people
        self._arrivals = arrivals

    def tasks(self) -> Mapping[str, Task]:
        return {FETCH_ANNOUNCED: self.fetch}

    async def fetch(self, arguments: Arguments) -> None:
        """Fetch and store a Space; what is none, or is not shown to us, is no failure.

        A server that does not answer is: `Unavailable` has the job tried again.
        """
        uri = arguments["uri"]
        try:
            event = await self._resolver.document(uri)
        except (NotFound, Gone, Refused, Invalid) as error:
            log.info("announced.unavailable", uri=uri, error=type(error).__name__)
            return
        if not isinstance(event, Event) or event.space is None:
            return
        async with self._db.transaction() as tx:
            if await tombstone(tx, event.id) is not None:
                return
            try:
                host = await self._people.ensure(tx, event.attributed_to)
                await self._arrivals.store(tx, event, host)
            except (Refused, NotFound, Gone) as error:
                log.info("announced.refused", uri=event.id, error=type(error).__name__)
