"""A transaction is all or nothing, and what shares a COMMIT shares nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import String, cast, func, select
from sqlalchemy.exc import DBAPIError, StatementError

from fedispace.db.engine import Database
from fedispace.moderation.models import DomainRule
from tests.factories import make_database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await make_database(tmp_path)
    yield database
    await database.close()


class Broken(Exception):
    pass


async def write(db: Database, domain: str, *, broken: bool = False) -> None:
    async with db.transaction() as tx:
        tx.add(DomainRule(domain=domain, severity="silence", created_at=datetime.now(UTC)))
        await tx.flush()
        if broken:
            raise Broken


async def count(db: Database) -> int:
    async with db.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(DomainRule)) or 0


async def test_a_failed_transaction_leaves_nothing(db: Database) -> None:
    with pytest.raises(Broken):
        await write(db, "evil.example", broken=True)
    assert await count(db) == 0


async def test_those_who_fail_take_nothing_of_the_others_who_share_their_commit(db: Database) -> None:
    outcomes = await asyncio.gather(
        *(write(db, f"{n}.example", broken=n % 3 == 0) for n in range(60)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Broken) for outcome in outcomes) == 20
    assert sum(outcome is None for outcome in outcomes) == 40
    assert await count(db) == 40


async def test_nobody_is_told_before_the_row_is_there_for_others(db: Database) -> None:
    async def write_and_look(n: int) -> bool:
        await write(db, f"{n}.example")
        async with db.reading() as tx:
            return await tx.get(DomainRule, f"{n}.example") is not None

    assert all(await asyncio.gather(*(write_and_look(n) for n in range(30))))


async def test_a_waiter_that_gives_up_does_not_keep_the_others_commit_open(db: Database) -> None:
    tasks = [asyncio.create_task(write(db, f"{n}.example")) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[4:]:
        task.cancel()
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    done = [n for n, outcome in enumerate(outcomes) if outcome is None]
    assert done
    async with db.reading() as tx:
        for n in done:
            assert await tx.get(DomainRule, f"{n}.example") is not None


async def test_one_who_is_cancelled_while_committing_for_others_cancels_only_itself(db: Database) -> None:
    inside = asyncio.Event()

    async def first() -> str:
        async with db.transaction() as tx:
            tx.add(DomainRule(domain="a.example", severity="silence", created_at=datetime.now(UTC)))
            inside.set()
            await asyncio.sleep(0)
        return "done"

    async def second() -> None:
        await inside.wait()
        async with db.transaction():
            asyncio.get_running_loop().call_soon(cancelled.cancel)

    told, cancelled = asyncio.create_task(first()), asyncio.create_task(second())
    outcomes = await asyncio.gather(told, cancelled, return_exceptions=True)
    assert outcomes[0] == "done"
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert await count(db) == 1
    await write(db, "b.example")
    assert await count(db) == 2


async def test_hooks_run_after_the_commit_and_never_for_what_was_rolled_back(db: Database) -> None:
    called: list[str] = []
    async with db.transaction() as tx:
        tx.after_commit(lambda: called.append("kept"))
        assert called == []
    with contextlib.suppress(Broken):
        async with db.transaction() as tx:
            tx.after_commit(lambda: called.append("lost"))
            raise Broken
    assert called == ["kept"]


async def test_a_reader_cannot_write(db: Database) -> None:
    async with db.reading() as tx:
        tx.add(DomainRule(domain="x.example", severity="silence", created_at=datetime.now(UTC)))
        with pytest.raises(DBAPIError):
            await tx.flush()


async def test_a_time_without_a_zone_is_refused_before_it_is_stored(db: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    async with db.reading() as tx:
        with pytest.raises(StatementError, match="without a zone"):
            await tx.scalar(select(DomainRule.domain).where(DomainRule.created_at < naive))


async def test_a_time_is_stored_in_utc_and_read_as_it_was(db: Database) -> None:
    elsewhere = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    async with db.transaction() as tx:
        tx.add(DomainRule(domain="x.example", severity="silence", created_at=elsewhere))
    async with db.reading() as tx:
        stored = await tx.scalar(select(DomainRule.created_at))
        written = await tx.scalar(select(cast(DomainRule.created_at, String)))
    assert stored == elsewhere
    assert stored is not None
    assert stored.utcoffset() == timedelta(0)
    if db.dialect == "sqlite":
        assert written == "2026-01-01 10:00:00.000000"
