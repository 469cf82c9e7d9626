"""What is over is forgotten, however much of it there is, and nothing else."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from fedispace.db.engine import Database
from fedispace.db.pruning import AT_ONCE, forget
from fedispace.federation.models import Tombstone
from tests.factories import make_database

NOW = datetime(2026, 11, 12, 19, 0, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await make_database(tmp_path)
    yield database
    await database.close()


async def test_more_than_one_transaction_deletes_is_forgotten_too(db: Database) -> None:
    old, new = NOW - timedelta(days=1), NOW
    graves = [
        {"uri": f"{n}", "former_type": "Note", "deleted_at": new if n == 7 else old}
        for n in range(2 * AT_ONCE + 3)
    ]
    async with db.transaction() as tx:
        await tx.execute(insert(Tombstone), graves)
    assert await forget(db, Tombstone, Tombstone.deleted_at < NOW) == 2 * AT_ONCE + 2
    async with db.reading() as tx:
        assert (await tx.scalars(select(Tombstone.uri))).all() == ["7"]
    assert await forget(db, Tombstone, Tombstone.deleted_at < NOW) == 0
