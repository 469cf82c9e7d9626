"""Statements that run past SQLAlchemy on SQLite say and give back what they say and give back through it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from fedispace.db.base import table_of
from fedispace.db.engine import Database, open_database
from fedispace.db.migrations import migrate
from fedispace.db.upsert import insert_into
from fedispace.federation.models import Tombstone
from fedispace.queue.models import Job
from fedispace.threads.models import ConversationState

AT = datetime(2026, 11, 21, 12, 30, 1, 250_000, tzinfo=UTC)
_tombstones = table_of(Tombstone)
_states = table_of(ConversationState)
_jobs = table_of(Job)
_BURY = insert_into("sqlite", Tombstone)
_FIND = select(_tombstones).where(_tombstones.c.uri == bindparam("uri"))
_AMONG = select(_tombstones.c.uri).where(_tombstones.c.uri.in_(bindparam("uris", expanding=True)))
_RENAME = (
    update(_tombstones).where(_tombstones.c.uri == bindparam("which")).values(former_type=bindparam("kind"))
)
_TAKE = delete(_tombstones).where(_tombstones.c.uri == bindparam("uri")).returning(_tombstones.c.deleted_at)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/ready.sqlite3")
    await migrate(opened)
    yield opened
    await opened.close()


def _row(name: str) -> dict[str, Any]:
    return {"uri": f"https://a.example/{name}", "former_type": "Note", "deleted_at": AT}


async def test_the_second_time_gives_what_the_first_gave(db: Database) -> None:
    async with db.transaction() as tx:
        counts = [(await tx.core(_BURY, _row(name))).rowcount for name in ("one", "two", "three")]
        found = [
            (await tx.core(_FIND, {"uri": f"https://a.example/{name}"})).one()
            for name in ("one", "two", "three")
        ]
    assert counts == [1, 1, 1]
    assert [tuple(row) for row in found] == [tuple(_row(name).values()) for name in ("one", "two", "three")]
    assert {row.deleted_at for row in found} == {AT}


async def test_many_rows_are_written_at_once(db: Database) -> None:
    async with db.transaction() as tx:
        for start in (0, 3):
            rows = [_row(f"{number}") for number in range(start, start + 3)]
            await tx.core(_BURY, rows)
        assert len((await tx.core(select(_tombstones.c.uri), {})).all()) == 6


async def test_what_was_changed_and_what_comes_back_is_counted(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.core(_BURY, [_row(name) for name in ("one", "two", "three")])
        for name in ("one", "two", "elsewhere"):
            uri = f"https://a.example/{name}"
            changed = await tx.core(_RENAME, {"which": uri, "kind": "Article"})
            assert changed.rowcount == (0 if name == "elsewhere" else 1)
            gone = (await tx.core(_TAKE, {"uri": uri})).scalars().all()
            assert gone == ([] if name == "elsewhere" else [AT])


async def test_a_list_of_values_may_have_another_length_each_time(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.core(_BURY, [_row(name) for name in ("one", "two", "three")])
        for names in (("one",), ("one", "two"), (), ("one", "two", "three")):
            uris = [f"https://a.example/{name}" for name in names]
            assert sorted((await tx.core(_AMONG, {"uris": uris})).scalars()) == sorted(uris)


async def _bury_twice(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.core(_BURY, _row("one"))
        await tx.core(_BURY, _row("one"))


async def test_a_refusal_is_the_same_error_and_undoes_nothing_else(db: Database) -> None:
    for _ in range(3):
        with pytest.raises(IntegrityError):
            await _bury_twice(db)
    async with db.reading() as tx:
        assert (await tx.core(_FIND, {"uri": "https://a.example/one"})).one_or_none() is None


async def test_what_a_model_fills_in_is_filled_in(db: Database) -> None:
    new = insert_into("sqlite", ConversationState)
    async with db.transaction() as tx:
        for number in (1, 2, 3):
            await tx.core(new, {"id": number, "looked_at": None})
        found = (await tx.core(select(_states.c.looks, _states.c.requests), {})).all()
    assert [tuple(row) for row in found] == [(0, 0)] * 3


async def test_structures_come_back_as_structures(db: Database) -> None:
    said = {"uri": "https://a.example/1", "depth": [1, None]}
    new = insert_into("sqlite", Job)
    reading = select(_jobs.c.arguments, _jobs.c.run_at).where(_jobs.c.id == bindparam("which"))
    async with db.transaction() as tx:
        for number in (1, 2, 3):
            await tx.core(new, {"id": number, "kind": "none", "arguments": said, "run_at": AT, "attempts": 0})
            row = (await tx.core(reading, {"which": number})).one()
            assert (row.arguments, row.run_at) == (said, AT)


async def test_a_view_that_only_asks_this_way_is_one_view(db: Database) -> None:
    """The first statement opens the snapshot, as SQLAlchemy's would."""
    asked = {"uri": "https://a.example/one"}
    for _ in range(2):
        async with db.reading() as tx:
            assert (await tx.core(_FIND, asked)).one_or_none() is None
    async with db.reading() as tx:
        assert (await tx.core(_FIND, asked)).one_or_none() is None
        async with db.transaction() as writing:
            await writing.core(_BURY, _row("one"))
        assert (await tx.core(_FIND, asked)).one_or_none() is None
