"""One linear history, from empty to head and back, on both databases, and the same tables as the models."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from fedispace.accounts import models as _accounts
from fedispace.db import history, migrations
from fedispace.db.base import Base
from fedispace.db.engine import Database, open_database
from fedispace.errors import ConfigError
from fedispace.federation import models as _federation
from fedispace.moderation import models as _moderation
from fedispace.queue import models as _queue
from fedispace.spaces import models as _spaces
from fedispace.spaces import visit_models as _visits
from fedispace.threads import models as _threads
from tests.ground.ground import Ground

REGISTERED = (_accounts, _federation, _moderation, _queue, _spaces, _threads, _visits)


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/empty.sqlite3"
    else:
        ground: Ground = request.getfixturevalue("ground")
        url = ground.postgres.database()
    db = open_database(url)
    yield db
    await db.close()


async def tables(db: Database) -> set[str]:
    async with db.connection() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    return set(names) - {"alembic_version"}


async def test_from_empty_to_head_and_back_and_there_again(empty: Database) -> None:
    await migrations.migrate(empty)
    await history.require_current(empty)
    assert await tables(empty) == set(Base.metadata.tables)
    await migrations.migrate(empty, "base")
    assert await tables(empty) == set()
    await migrations.migrate(empty)
    await history.require_current(empty)


async def test_the_history_makes_the_tables_the_models_describe(empty: Database) -> None:
    await migrations.migrate(empty)
    async with empty.connection() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), Base.metadata)
        )
    assert differences == []


async def test_an_empty_database_is_not_served(empty: Database) -> None:
    with pytest.raises(ConfigError, match="empty"):
        await history.require_current(empty)


async def test_a_database_ahead_of_the_code_is_not_served(empty: Database) -> None:
    await migrations.migrate(empty)
    async with empty.connection() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))
        await connection.commit()
    with pytest.raises(ConfigError, match="ahead"):
        await history.require_current(empty)


def test_the_history_is_linear() -> None:
    script = ScriptDirectory.from_config(migrations._alembic())
    assert len(script.get_heads()) == 1
    assert all(not isinstance(revision.down_revision, tuple) for revision in script.walk_revisions())


def test_what_is_read_from_the_names_of_the_files_is_the_history_alembic_reads() -> None:
    script = ScriptDirectory.from_config(migrations._alembic())
    assert history.known() == [known.revision for known in reversed(list(script.walk_revisions()))]


async def test_a_database_behind_the_code_is_not_served(empty: Database) -> None:
    await migrations.migrate(empty, history.known()[0])
    with pytest.raises(ConfigError, match="behind"):
        await history.require_current(empty)
