"""Keeping what we know of remote people true: who was last read a day ago is read again when it matters.

It matters when somebody looks at the profile, or when the account sends something. A job does it, one
for an account at a time; and a process asks itself at most once in ten minutes about the same account,
so that a busy sender costs a look into a dictionary.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError
from fedispace.federation.actors import actor_of
from fedispace.federation.models import ActorRow
from fedispace.federation.resolve import Resolver
from fedispace.queue.jobs import Jobs, Task

log = structlog.get_logger()

TASK: Final = "accounts.refresh"
STALE_AFTER: Final = timedelta(days=1)
ASKED_AT_MOST_EVERY: Final = timedelta(minutes=10)
REMEMBERED: Final = 8192


class Refreshing:
    """Notices stale profiles, and fetches them anew."""

    def __init__(self, db: Database, clock: Clock, jobs: Jobs, resolver: Resolver, people: People) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._resolver = resolver
        self._people = people
        self._asked: OrderedDict[str, float] = OrderedDict()

    def tasks(self) -> dict[str, Task]:
        return {TASK: self.refresh}

    async def notice(self, uri: str) -> None:
        """Have the actor `uri` read again if it is remote, known, and was last read too long ago."""
        if self._was_asked_lately(uri):
            return
        stale = self._clock.now() - STALE_AFTER
        async with self._db.reading() as tx:
            wanted = await tx.scalar(
                select(ActorRow.id).where(
                    ActorRow.uri == uri,
                    ~ActorRow.local,
                    ActorRow.gone_at.is_(None),
                    ActorRow.fetched_at < stale,
                )
            )
        if wanted is not None:
            async with self._db.transaction() as tx:
                await self._jobs.enqueue(tx, TASK, {"uri": uri}, unique_key=f"{TASK}:{uri}")

    async def seen(self, account: Account) -> None:
        """Do so because somebody looks at the account."""
        if not account.local:
            await self.notice(account.uri)

    async def refresh(self, arguments: Mapping[str, Any]) -> None:
        """Fetch an actor and take over what it says. One that cannot be had stays as it was."""
        uri = str(arguments["uri"])
        try:
            row = await self._resolver.actor(uri, refresh=True)
        except FedispaceError as error:  # gone: forgotten by now; away: asked again in a day or so
            log.info("account.not_refreshed", uri=uri, reason=error.detail)
            return
        async with self._db.transaction() as tx:
            if await self._people.by_uri(tx, uri) is not None:
                await self._people.refresh(tx, actor_of(row))

    def _was_asked_lately(self, uri: str) -> bool:
        now = self._clock.monotonic()
        last = self._asked.get(uri)
        if last is not None and now - last < ASKED_AT_MOST_EVERY.total_seconds():
            return True
        self._asked[uri] = now
        self._asked.move_to_end(uri)
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        return False
