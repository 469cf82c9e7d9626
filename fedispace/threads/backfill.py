"""Fetching posts that others mention and we do not have: what a reply answers, and what is boosted.

Jobs, not the inbox: a slow server must not hold up what came from another, and a fetch that fails for
now is tried again. What its own server refuses to show stays unknown. The rest of a conversation is
`gathering.py`'s.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from fedispace.accounts import undone
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, NotFound, Refused, Unavailable
from fedispace.federation.allowance import Allowance, Spent
from fedispace.federation.vocab.activities import Announce
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads import boost
from fedispace.threads.audience import Visibility, is_distributable, parse_visibility
from fedispace.threads.fetching import Fetching, Miss
from fedispace.threads.ingest import FETCH_PARENT
from fedispace.threads.missing import UNAVAILABLE

log = structlog.get_logger()

FETCH_BOOSTED: Final = "threads.fetch_boosted"
MAX_REQUESTS: Final = 20
"""Requests made for what is around one activity that arrived; its quotes may need ten more."""


async def enqueue_boosted(
    tx: Tx, jobs: Jobs, announce: Announce, visibility: Visibility, at: datetime
) -> None:
    """Have what `announce` passes on fetched, and the boost written then."""
    arguments: dict[str, Any] = {
        "uri": announce.object,
        "boost": announce.id,
        "by": announce.actor,
        "visibility": visibility,
        "at": at.isoformat(),
    }
    await jobs.enqueue(tx, FETCH_BOOSTED, arguments, unique_key=f"{FETCH_BOOSTED} {announce.id}")


class Backfill:
    """Runs the jobs that fetch posts."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        people: People,
        notifier: Notifier,
        fetching: Fetching,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._people = people
        self._notifier = notifier
        self._fetching = fetching

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {FETCH_PARENT: self.fetch_parent, FETCH_BOOSTED: self.fetch_boosted}

    async def fetch_parent(self, arguments: Arguments) -> None:
        """Fetch and store the post some reply answers, and those above it, within one allowance."""
        allowance = Allowance(MAX_REQUESTS)
        try:
            miss = await self._fetching.climb(arguments["uri"], allowance)
        except Spent:
            log.info("backfill.spent", uri=arguments["uri"], requests=allowance.used)
            return
        if miss is not None and miss.reason == UNAVAILABLE:
            raise Unavailable("The server of the post did not answer.")

    async def fetch_boosted(self, arguments: Arguments) -> None:
        """Fetch and store what somebody boosted, and then the boost."""
        note = await self._fetching.note(arguments["uri"], Allowance(MAX_REQUESTS))
        if isinstance(note, Miss):
            if note.reason == UNAVAILABLE:
                raise Unavailable("The server of the post did not answer.")
            return
        try:
            async with self._db.transaction() as tx:
                if await undone.was_undone(tx, arguments["by"], arguments["boost"]):
                    return
                original = await self._fetching.store_in(tx, note, climbs=True)
                if not is_distributable(original.visibility):
                    return
                by = await self._people.ensure(tx, arguments["by"])
                new = boost.NewBoost(
                    id=self._ids.next(),
                    uri=arguments["boost"],
                    visibility=parse_visibility(arguments["visibility"]),
                    at=min(datetime.fromisoformat(arguments["at"]), self._clock.now()),
                    local=False,
                )
                await boost.record(tx, self._notifier, by, original, new)
        except (Refused, NotFound, Gone) as error:
            log.info("backfill.refused", uri=note.id, error=type(error).__name__)
