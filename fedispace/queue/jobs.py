"""Things to do later, as rows written in the transaction that wants them done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
from fedispace.queue.leases import claim, is_any_due
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
            if not await is_any_due(tx, Job, now, _alive):
                return 0
        async with self._db.transaction() as tx:
            jobs = await claim(tx, Job, now=now, lease=LEASE, limit=BATCH, where=_alive)
        await asyncio.gather(*(self._run(job) for job in jobs))
        return len(jobs)

    async def idle(self) -> None:
        return

    async def _run(self, job: Job) -> None:
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

    async def _put_off(self, job: Job, error: str) -> None:
        now = self._clock.now()
        dead = job.attempts >= MAX_ATTEMPTS
        wait = timedelta(seconds=min(15 * 2**job.attempts, 6 * 3600))
        log.warning("job.failed", kind=job.kind, job=job.id, attempts=job.attempts, dead=dead, error=error)
        async with self._db.transaction() as tx:
            await tx.execute(
                update(Job)
                .where(Job.id == job.id)
                .values(
                    leased_until=None,
                    run_at=now + wait,
                    error=error[:500],
                    failed_at=now if dead else None,
                )
            )


def _alive(table: type[Job]) -> ColumnElement[bool]:
    return table.failed_at.is_(None)
