"""When the rest of a conversation is looked for.

- When somebody who is signed in here looks at it: at once.
- When a reply arrives in a conversation that somebody here takes part in (wrote in it, follows it, or
  kept a post of it): after up to a minute, a different while on every server, or all who got the
  reply would ask for its neighbours in the same second.
- Otherwise only the posts above an arriving reply are fetched (`backfill.py`), after the same while.

Strangers start nothing: anybody could make us ask others, as often as they load pages.

After a look the conversation rests: five minutes, then fifteen, then three times as long each time, up
to a day; when something new was found it starts over at fifteen minutes.
"""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, or_, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.federation.addresses import Addresses
from fedispace.queue.jobs import Jobs
from fedispace.queue.models import Job
from fedispace.threads import quotes
from fedispace.threads.models import Bookmark, ConversationFollow, ConversationState, Status

GATHER: Final = "threads.gather"
MAX_RUNS: Final = 5
"""How often one look is continued when its allowance of requests ends."""
BETWEEN_RUNS: Final = timedelta(seconds=15)
SPREAD: Final = 60
_PAUSES: Final = (timedelta(minutes=5), timedelta(minutes=15))
_LONGEST: Final = timedelta(days=1)


def pause_after(looks: int) -> timedelta:
    """Return how long a conversation rests after it was looked at so many times."""
    if looks <= len(_PAUSES):
        return _PAUSES[max(looks, 1) - 1]
    pause: timedelta = _PAUSES[-1] * 3 ** min(looks - len(_PAUSES), 8)
    return min(pause, _LONGEST)


def spread(origin: str, uri: str) -> timedelta:
    """Return a while of less than a minute: always the same here, another on every other server."""
    return timedelta(milliseconds=zlib.crc32(f"{origin} {uri}".encode()) % (SPREAD * 1000))


def key_of(conversation_id: int, run: int = 0) -> str:
    return f"{GATHER} {conversation_id} {run}"


async def is_under_way(tx: Tx, conversation_id: int) -> bool:
    """Tell whether the rest of a conversation is being fetched, or is about to be."""
    keys = [key_of(conversation_id, run) for run in range(MAX_RUNS + 1)]
    found = await tx.scalar(select(exists().where(Job.unique_key.in_(keys), Job.failed_at.is_(None))))
    return bool(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Has the rest of conversations looked for."""

    db: Database
    clock: Clock
    jobs: Jobs
    addresses: Addresses

    async def viewed(self, status: Status, viewer_id: int | None) -> bool:
        """Have the rest of what somebody of ours looks at fetched; tell whether it is being fetched."""
        if viewer_id is None:
            return False
        await self.quotes_viewed(status, viewer_id)
        async with self.db.reading() as tx:
            under_way = await is_under_way(tx, status.conversation_id)
            if not await self._is_worth_it(tx, status):
                return under_way
        async with self.db.transaction() as tx:
            await self._enqueue(tx, status.conversation_id, status.id, self.clock.now())
        return True

    async def quotes_viewed(self, status: Status, viewer_id: int | None) -> None:
        """Have it asked again whether the quotes somebody of ours looks at are still allowed."""
        if viewer_id is None:
            return
        async with self.db.reading() as tx:
            old = await quotes.stale(tx, status.conversation_id, self.clock.now())
        if old:
            async with self.db.transaction() as tx:
                await quotes.verify_again(tx, self.jobs, old)

    async def _is_worth_it(self, tx: Tx, status: Status) -> bool:
        if not await is_rested(tx, status.conversation_id, self.clock.now()):
            return False
        elsewhere = exists().where(Status.conversation_id == status.conversation_id, Status.local.is_(False))
        return bool(await tx.scalar(select(elsewhere)))

    async def _enqueue(self, tx: Tx, conversation_id: int, status_id: int, at: datetime) -> None:
        """Write the job; one that waits for its minute is brought forward."""
        key = key_of(conversation_id)
        await tx.execute(
            update(Job)
            .where(Job.unique_key == key, Job.leased_until.is_(None), Job.run_at > at)
            .values(run_at=at)
            .execution_options(synchronize_session=False)
        )
        await self.jobs.enqueue(tx, GATHER, {"status": status_id, "run": 0}, run_at=at, unique_key=key)


async def is_rested(tx: Tx, conversation_id: int, now: datetime) -> bool:
    """Tell whether enough time has passed since a conversation was last looked at."""
    state = await tx.get(ConversationState, conversation_id)
    return state is None or state.look_again_at is None or state.look_again_at <= now


async def is_taken_part_in(tx: Tx, conversation_id: int) -> bool:
    """Tell whether somebody here wrote in a conversation, follows it, or kept a post of it."""
    here = Status.conversation_id == conversation_id
    kept = exists().where(Bookmark.status_id == Status.id)
    written = exists().where(here, or_(Status.local.is_(True), kept))
    followed = exists().where(ConversationFollow.conversation_id == conversation_id)
    return bool(await tx.scalar(select(or_(written, followed))))
