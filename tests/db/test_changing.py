"""Rows changed and removed past the session, as against what the session has of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.db.changing import change
from fedispace.db.engine import Database, open_database
from fedispace.db.migrations import migrate
from fedispace.db.removing import take_out
from fedispace.queue.models import Job

AT = datetime(2026, 11, 21, 12, 30, 1, 250_000, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with three jobs."""
    opened = open_database(f"sqlite:///{tmp_path}/changing.sqlite3")
    await migrate(opened)
    async with opened.transaction() as tx:
        tx.add_all(Job(id=id_, kind="wait", arguments={}, run_at=AT) for id_ in (1, 2, 3))
    yield opened
    await opened.close()


async def _kinds(db: Database) -> dict[int, tuple[str, datetime]]:
    async with db.reading() as tx:
        return {job.id: (job.kind, job.run_at) for job in await tx.scalars(select(Job))}


async def test_a_row_is_changed_with_its_object_and_no_other(db: Database) -> None:
    later = AT + timedelta(hours=1)
    async with db.transaction() as tx:
        for id_ in (1, 2):
            job = await tx.get(Job, id_)
            assert job is not None
            await change(tx, job, {"kind": f"changed {id_}", "run_at": later})
            assert (job.kind, job.run_at) == (f"changed {id_}", later)
            assert not tx.dirty
    assert await _kinds(db) == {1: ("changed 1", later), 2: ("changed 2", later), 3: ("wait", AT)}


async def test_what_the_session_changed_before_is_not_lost(db: Database) -> None:
    async with db.transaction() as tx:
        job = await tx.get(Job, 1)
        assert job is not None
        job.run_at = AT + timedelta(days=1)
        await change(tx, job, {"kind": "changed"})
    assert (await _kinds(db))[1] == ("changed", AT + timedelta(days=1))


async def test_a_row_is_taken_out_whether_or_not_it_was_loaded(db: Database) -> None:
    async with db.transaction() as tx:
        loaded = await tx.get(Job, 1)
        assert loaded is not None
        await take_out(tx, Job, 1)
        await take_out(tx, Job, 2)
        assert loaded.kind == "wait"
        assert loaded not in tx
        assert await tx.get(Job, 1) is None
    assert list(await _kinds(db)) == [3]
