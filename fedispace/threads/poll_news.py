"""What happens to polls by themselves: their news go out, they are looked at again, they close.

Jobs, each of which may run twice. Votes in a poll of ours are told a few minutes later, all at once.
Another server's poll is fetched anew when somebody here looks at it and what we know is old; a server
that does not answer is asked again no sooner. When a poll is over, its author and those of ours who
voted are notified.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import select, update

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import FedispaceError, Gone, NotFound
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.objects import Note
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads.ingest import Ingest
from fedispace.threads.models import Poll, PollVote, Status
from fedispace.threads.polls import CLOSE, QUESTION, is_over, locked
from fedispace.threads.updates import Updates
from fedispace.threads.vanished import vanished
from fedispace.threads.votes import TELL

log = structlog.get_logger()

REFRESH: Final = "threads.refresh_poll"
FRESH_FOR: Final = timedelta(minutes=3)
_AT_ONCE: Final = 500
_MAX_DUE: Final = 500


class PollNews:
    """Runs the jobs of polls, and asks for them."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        resolver: Resolver,
        people: People,
        notifier: Notifier,
        jobs: Jobs,
        ingest: Ingest,
        updates: Updates,
    ) -> None:
        self._db = db
        self._clock = clock
        self._resolver = resolver
        self._people = people
        self._notifier = notifier
        self._jobs = jobs
        self._ingest = ingest
        self._updates = updates

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {TELL: self.tell, CLOSE: self.close, REFRESH: self.refresh}

    async def look(self, statuses: list[Status]) -> None:
        """Have those polls of other servers fetched anew that somebody looks at and that may have changed."""
        wanted = [status.id for status in statuses if status.type == QUESTION and not status.local]
        if not wanted:
            return
        now = self._clock.now()
        async with self._db.reading() as tx:
            rows = await tx.scalars(select(Poll).where(Poll.id.in_(wanted)))
            stale = [poll.id for poll in rows if _is_stale(poll, now)]
        if not stale:
            return
        async with self._db.transaction() as tx:
            for poll_id in stale:
                await self._jobs.enqueue(tx, REFRESH, {"poll": poll_id}, unique_key=f"{REFRESH} {poll_id}")

    async def refresh(self, arguments: Arguments) -> None:
        """Fetch another server's poll and take over how it stands."""
        await self._refetch(int(arguments["poll"]))

    async def tell(self, arguments: Arguments) -> None:
        """Send the standing of a poll of ours to who has it."""
        async with self._db.transaction() as tx:
            status = await tx.get(Status, int(arguments["poll"]))
            poll = await tx.get(Poll, int(arguments["poll"]))
            if status is None or poll is None or poll.closed:
                return  # its end was told, or will be told with the end of what replaced it
            await self._updates.send(tx, status, await self._people.by_id(tx, status.account_id))

    async def close(self, arguments: Arguments) -> None:
        """Close a poll that is over, and notify its author and those of ours who voted."""
        poll_id = int(arguments["poll"])
        async with self._db.reading() as tx:
            status, poll = await tx.get(Status, poll_id), await tx.get(Poll, poll_id)
        if status is None or poll is None or not is_over(poll, self._clock.now()):
            return
        if not status.local and not poll.closed:
            await self._refetch(poll_id)
        async with self._db.transaction() as tx:
            poll = await locked(tx, poll_id)
            if poll is None or not is_over(poll, self._clock.now()):
                return
            author = await self._people.by_id(tx, status.account_id)
            if not poll.closed:
                poll.closed = True
                await tx.flush()
                if status.local:
                    await self._updates.send(tx, status, author)
            await self._notifier.notify(tx, to=author, type="poll", by_id=author.id, subject=poll_id)
        await self._tell_voters(poll_id, author)

    async def close_due(self) -> None:
        """Close what is over and was not closed: the net below the jobs."""
        async with self._db.reading() as tx:
            due = await tx.scalars(
                select(Poll.id)
                .join(Status, Status.id == Poll.id)
                .where(Poll.closed.is_(False), Poll.expires_at <= self._clock.now(), Status.local.is_(True))
                .limit(_MAX_DUE)
            )
            ids = list(due)
        for poll_id in ids:
            await self.close({"poll": poll_id})

    async def _tell_voters(self, poll_id: int, author: Account) -> None:
        after = 0
        while True:
            async with self._db.transaction() as tx:
                voters = await _local_voters(tx, poll_id, after)
                for voter in voters:
                    await self._notifier.notify(tx, to=voter, type="poll", by_id=author.id, subject=poll_id)
            if len(voters) < _AT_ONCE:
                return
            after = voters[-1].id

    async def _refetch(self, poll_id: int) -> None:
        async with self._db.transaction() as tx:
            status = await tx.get(Status, poll_id)
            if status is None or status.local:
                return
            await tx.execute(update(Poll).where(Poll.id == poll_id).values(fetched_at=self._clock.now()))
        try:
            found = await self._resolver.document(status.uri)
        except (NotFound, Gone) as answer:
            await vanished(self._db, self._clock, status.uri, answer)
            return
        except FedispaceError as error:
            log.info("poll.unavailable", uri=status.uri, error=type(error).__name__)
            return
        if not isinstance(found, Note) or found.id != status.uri:
            return
        if not same_origin(found.id, found.attributed_to):
            return
        async with self._db.transaction() as tx:
            known = await tx.get(Status, poll_id)
            if known is None:
                return
            author = await self._people.by_id(tx, known.account_id)
            if found.attributed_to == author.uri:
                await self._ingest.update_note(tx, known, found, fetched=True)


def _is_stale(poll: Poll, now: datetime) -> bool:
    """Tell whether more may be known of it elsewhere: until it was looked at after its end."""
    if poll.fetched_at is None:
        return True
    if poll.expires_at is not None and poll.fetched_at >= poll.expires_at:
        return False
    return poll.fetched_at <= now - FRESH_FOR


async def _local_voters(tx: Tx, poll_id: int, after: int) -> list[Account]:
    voters = select(PollVote.account_id).where(PollVote.poll_id == poll_id)
    rows = await tx.scalars(
        select(Account)
        .where(Account.id.in_(voters), Account.domain == "", Account.id > after)
        .order_by(Account.id)
        .limit(_AT_ONCE)
    )
    return list(rows)
