"""Fetching posts that others mention and we do not have: parents of replies, and what is boosted.

Jobs, not the inbox: a slow server must not hold up what came from another, and a fetch that fails for
now is tried again. What its own server refuses to show stays unknown.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.tombstones import tombstone
from fedispace.federation.vocab.activities import Announce
from fedispace.federation.vocab.objects import Note
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads import boost
from fedispace.threads.audience import Visibility, is_distributable, parse_visibility
from fedispace.threads.ingest import FETCH_PARENT, Ingest
from fedispace.threads.models import Status

log = structlog.get_logger()

FETCH_BOOSTED: Final = "threads.fetch_boosted"


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
        resolver: Resolver,
        people: People,
        notifier: Notifier,
        ingest: Ingest,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._resolver = resolver
        self._people = people
        self._notifier = notifier
        self._ingest = ingest

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {FETCH_PARENT: self.fetch_parent, FETCH_BOOSTED: self.fetch_boosted}

    async def fetch_parent(self, arguments: Arguments) -> None:
        """Fetch and store the post some reply answers; its own parent is the next job."""
        note = await self._note(arguments["uri"])
        if note is None:
            return
        async with self._db.transaction() as tx:
            await self._store(tx, note, int(arguments["depth"]))

    async def fetch_boosted(self, arguments: Arguments) -> None:
        """Fetch and store what somebody boosted, and then the boost."""
        note = await self._note(arguments["uri"])
        if note is None:
            return
        async with self._db.transaction() as tx:
            if await tombstone(tx, arguments["boost"]) is not None:
                return
            original = await self._store(tx, note, 0)
            if original is None or not is_distributable(original.visibility):
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

    async def _note(self, uri: str) -> Note | None:
        try:
            found = await self._resolver.document(uri)
        except (NotFound, Gone, Refused, Invalid) as error:
            log.info("backfill.unavailable", uri=uri, error=type(error).__name__)
            return None
        if not isinstance(found, Note) or not same_origin(found.id, found.attributed_to):
            return None
        return found

    async def _store(self, tx: Tx, note: Note, depth: int) -> Status | None:
        try:
            return await self._ingest.store_note(tx, note, delivered=False, depth=depth)
        except (Refused, NotFound, Gone) as error:
            log.info("backfill.refused", uri=note.id, error=type(error).__name__)
            return None
