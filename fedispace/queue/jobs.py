"""Things to do later, as rows written in the transaction that wants them done."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, update

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
AT_ONCE = 16
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


@dataclass(frozen=True, slots=True)
class Alive:
    """The condition of what is no dead letter, and of no kind that is left to another pump."""

    others: frozenset[str] = frozenset()

    def __call__(self, columns: Columns) -> ColumnElement[bool]:
        living = columns.failed_at.is_(None)
        return and_(living, columns.kind.not_in(sorted(self.others))) if self.others else living


alive = Alive()


class JobPump:
    """Runs jobs by their kind. A job that keeps failing becomes a dead letter an operator can see.

    `AT_ONCE` run at a time, and a slow one keeps only its own place. Jobs that ask other servers have
    a pump of their own, so that a thread that is to appear at noon waits for nobody's slow collection;
    `others` are the kinds which that one does.
    """

    wake_topic = WAKE

    def __init__(
        self, db: Database, clock: Clock, tasks: Mapping[str, Task], others: Collection[str] = ()
    ) -> None:
        self._db = db
        self._clock = clock
        self._tasks = tasks
        self._alive = Alive(frozenset(others))
        self._running: set[asyncio.Task[None]] = set()

    async def pump(self) -> int:
        while len(self._running) >= AT_ONCE:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, Job, now, self._alive):
                return 0
        room = AT_ONCE - len(self._running)
        async with self._db.transaction() as tx:
            jobs = await claim(tx, Job, HeldJob, now=now, lease=LEASE, limit=room, where=self._alive)
        for job in jobs:
            task = asyncio.create_task(self._run(job), name=f"job {job.kind}")
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(jobs)

    async def idle(self) -> None:
        """Wait for what runs; when that is given up, it is stopped, and its leases end."""
        try:
            await asyncio.gather(*self._running)
        except asyncio.CancelledError:
            for task in self._running:
                task.cancel()
            raise

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job.not_recorded", job=task.get_name(), error=repr(error))

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
