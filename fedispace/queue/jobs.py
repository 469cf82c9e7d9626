"""Things to do later, as rows written in the transaction that wants them done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import FedispaceError
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.queue.leases import Columns, Held, claim, is_any_due
from fedispace.queue.models import Job

log = structlog.get_logger()

WAKE = "wake.jobs"
LEASE = timedelta(minutes=5)
BATCH = 16
MAX_ATTEMPTS = 12

Arguments = Mapping[str, Any]
Task = Callable[[Arguments], Awaitable[None]]


class Jobs:
    """Writes jobs."""

    def __init__(self, ids: Ids, clock: Clock, bus: Bus) -> None:
        self._ids = ids
        self._clock = clock
        self._bus = bus

    async def enqueue(
        self,
        tx: Tx,
        kind: str,
        arguments: Arguments,
        *,
        run_at: datetime | None = None,
        unique_key: str | None = None,
    ) -> None:
        """Write a job; with a `unique_key`, do nothing when one of that key already waits."""
        await tx.execute(
            insert(tx, Job)
            .values(
                id=self._ids.next(),
                kind=kind,
                arguments=dict(arguments),
                run_at=run_at or self._clock.now(),
                attempts=0,
                unique_key=unique_key,
            )
            .on_conflict_do_nothing()
        )
        tx.after_commit(lambda: self._bus.publish(WAKE, {}))

    async def cancel(self, tx: Tx, unique_key: str) -> None:
        """Take back the job of that key, if it still waits."""
        await tx.execute(delete(Job).where(Job.unique_key == unique_key))


@dataclass(slots=True, kw_only=True, eq=False)
class HeldJob(Held):
    """A job this process is about to run."""

    kind: str
    arguments: Arguments


class JobPump:
    """Runs jobs by their kind. A job that keeps failing becomes a dead letter an operator can see."""

    wake_topic = WAKE

    def __init__(self, db: Database, clock: Clock, tasks: Mapping[str, Task]) -> None:
        self._db = db
        self._clock = clock
        self._tasks = tasks

    async def pump(self) -> int:
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, Job, now, alive):
                return 0
        async with self._db.transaction() as tx:
            jobs = await claim(tx, Job, HeldJob, now=now, lease=LEASE, limit=BATCH, where=alive)
        await asyncio.gather(*(self._run(job) for job in jobs))
        return len(jobs)

    async def idle(self) -> None:
        return

    async def _run(self, job: HeldJob) -> None:
        try:
            task = self._tasks[job.kind]
            await task(job.arguments)
        except (FedispaceError, KeyError) as error:
            await self._put_off(job, repr(error))
        except Exception as error:
            log.exception("job.crashed", kind=job.kind, job=job.id)
            await self._put_off(job, repr(error))
        else:
            async with self._db.transaction() as tx:
                await tx.execute(delete(Job).where(Job.id == job.id))

    async def _put_off(self, job: HeldJob, error: str) -> None:
        now = self._clock.now()
        dead = job.attempts >= MAX_ATTEMPTS
        wait = timedelta(seconds=min(15 * 2**job.attempts, 6 * 3600))
        log.warning("job.failed", kind=job.kind, job=job.id, attempts=job.attempts, dead=dead, error=error)
        values: dict[str, Any] = {"leased_until": None, "run_at": now + wait, "error": error[:500]}
        if dead:  # its key is free: what is to be done once must not be stopped by what could not be done
            values |= {"failed_at": now, "unique_key": None}
        async with self._db.transaction() as tx:
            await tx.execute(update(Job).where(Job.id == job.id).values(values))


def alive(columns: Columns) -> ColumnElement[bool]:
    """Return the condition of what is no dead letter."""
    return columns.failed_at.is_(None)
