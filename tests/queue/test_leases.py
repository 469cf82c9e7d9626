"""Work is held by one worker at a time, comes back when that one dies, and keeps its order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.clock import ManualClock
from fedispace.db.engine import Database, open_database
from fedispace.federation.fanout import HeldFanout
from fedispace.federation.models import Fanout
from fedispace.ids import TimeOrderedIds
from fedispace.queue.bus import MemoryBus
from fedispace.queue.jobs import AT_ONCE, MAX_ATTEMPTS, JobPump, Jobs
from fedispace.queue.leases import claim
from fedispace.queue.models import Job
from tests.factories import make_database, make_postgres_url
from tests.ground.ground import Ground

LEASE = timedelta(seconds=60)


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        database = await make_database(tmp_path)
    else:
        ground: Ground = request.getfixturevalue("ground")
        database = open_database(await make_postgres_url(tmp_path, ground.postgres))
    yield database
    await database.close()


async def queue(db: Database, clock: ManualClock, *rows: tuple[int, int]) -> None:
    async with db.transaction() as tx:
        for id_, sender in rows:
            tx.add(Fanout(id=id_, sender_id=sender, run_at=clock.now(), attempts=0, cursor=""))


async def taken(db: Database, clock: ManualClock, limit: int = 10) -> list[int]:
    async with db.transaction() as tx:
        rows = await claim(
            tx, Fanout, HeldFanout, now=clock.now(), lease=LEASE, limit=limit, lane=("sender_id",)
        )
        return [row.id for row in rows]


async def test_what_is_held_is_not_taken_again_until_the_lease_runs_out(db: Database) -> None:
    clock = ManualClock()
    await queue(db, clock, (1, 7), (2, 8))
    assert await taken(db, clock) == [1, 2]
    assert await taken(db, clock) == []
    clock.advance(seconds=61)
    assert await taken(db, clock) == [1, 2]


async def test_a_lane_waits_for_its_earlier_row_and_other_lanes_do_not(db: Database) -> None:
    clock = ManualClock()
    await queue(db, clock, (1, 7), (2, 7), (3, 8))
    assert await taken(db, clock, limit=1) == [1]
    assert await taken(db, clock) == [3]


async def test_a_lane_is_taken_as_a_run_in_order(db: Database) -> None:
    clock = ManualClock()
    await queue(db, clock, (3, 7), (1, 7), (2, 7))
    assert await taken(db, clock) == [1, 2, 3]


class Work:
    def __init__(self) -> None:
        self.done: list[Any] = []
        self.broken = False

    async def run(self, arguments: Any) -> None:
        if self.broken:
            raise RuntimeError("not today")
        self.done.append(arguments["n"])


async def test_a_job_waits_for_its_time_runs_once_and_is_gone(db: Database) -> None:
    clock, work = ManualClock(), Work()
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())
    pump = JobPump(db, clock, {"work": work.run})
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "work", {"n": 1}, run_at=clock.now() + timedelta(minutes=5))
    assert await pump.pump() == 0
    clock.advance(minutes=6)
    assert await pump.pump() == 1
    await pump.idle()
    assert await pump.pump() == 0
    assert work.done == [1]


async def test_a_unique_job_is_queued_once(db: Database) -> None:
    clock, work = ManualClock(), Work()
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "work", {"n": 1}, unique_key="one")
        await jobs.enqueue(tx, "work", {"n": 2}, unique_key="one")
    pump = JobPump(db, clock, {"work": work.run})
    await pump.pump()
    await pump.idle()
    assert work.done == [1]


async def test_a_job_that_keeps_failing_becomes_a_dead_letter_and_is_not_lost(db: Database) -> None:
    clock, work = ManualClock(), Work()
    work.broken = True
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())
    pump = JobPump(db, clock, {"work": work.run})
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "work", {"n": 1}, unique_key="one")
    for _ in range(MAX_ATTEMPTS):
        assert await pump.pump() == 1
        await pump.idle()
        clock.advance(days=1)
    assert await pump.pump() == 0
    async with db.reading() as tx:
        letter = (await tx.scalars(select(Job))).one()
    assert letter.failed_at is not None
    assert "not today" in (letter.error or "")


@pytest.mark.reliability("R22")
async def test_a_dead_job_does_not_stop_a_new_one_of_its_key(db: Database) -> None:
    clock, work = ManualClock(), Work()
    work.broken = True
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())
    pump = JobPump(db, clock, {"work": work.run})
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "work", {"n": 1}, unique_key="one")
    for _ in range(MAX_ATTEMPTS):
        assert await pump.pump() == 1
        await pump.idle()
        clock.advance(days=1)
    work.broken = False
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "work", {"n": 2}, unique_key="one")
    assert await pump.pump() == 1
    await pump.idle()
    assert work.done == [2]


async def test_a_slow_job_holds_up_nobody(db: Database) -> None:
    clock, work, let_go = ManualClock(), Work(), asyncio.Event()
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())

    async def slow(_arguments: Any) -> None:
        await let_go.wait()

    pump = JobPump(db, clock, {"work": work.run, "slow": slow})
    async with db.transaction() as tx:
        for n in range(AT_ONCE - 1):
            await jobs.enqueue(tx, "slow", {"n": n})
    assert await pump.pump() == AT_ONCE - 1
    async with db.transaction() as tx:
        for n in range(3):
            await jobs.enqueue(tx, "work", {"n": n})
    while await pump.pump():
        pass
    assert sorted(work.done) == [0, 1, 2]
    let_go.set()
    await pump.idle()
    async with db.reading() as tx:
        assert (await tx.scalars(select(Job))).all() == []


async def test_each_of_two_pumps_does_its_own_kinds(db: Database) -> None:
    clock, work, other = ManualClock(), Work(), Work()
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())
    ours = JobPump(db, clock, {"work": work.run}, others={"other"})
    theirs = JobPump(db, clock, {"other": other.run}, others={"work"})
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "work", {"n": 1})
        await jobs.enqueue(tx, "other", {"n": 2})
    for pump in (ours, theirs):
        assert await pump.pump() == 1
        await pump.idle()
        assert await pump.pump() == 0
    assert (work.done, other.done) == ([1], [2])


async def test_what_runs_when_the_worker_stops_is_stopped_and_taken_up_again(db: Database) -> None:
    clock, started = ManualClock(), asyncio.Event()
    jobs = Jobs(TimeOrderedIds(clock), clock, MemoryBus())

    async def endless(_arguments: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    pump = JobPump(db, clock, {"endless": endless})
    async with db.transaction() as tx:
        await jobs.enqueue(tx, "endless", {})
    await pump.pump()
    await started.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pump.idle(), 0.01)
    await asyncio.sleep(0)
    clock.advance(hours=1)
    started.clear()
    assert await pump.pump() == 1
    await asyncio.wait_for(started.wait(), 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pump.idle(), 0.01)
