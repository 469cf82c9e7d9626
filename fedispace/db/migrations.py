"""Moves the schema along one linear history (`history` says where a database stands in it)."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from fedispace.db import history
from fedispace.db.engine import Database
from fedispace.errors import ConfigError


def _alembic(connection: Connection | None = None) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(history.folder()))
    config.attributes["connection"] = connection
    return config


async def migrate(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision` (`base` empties it). Each revision is one transaction."""
    async with db.connection() as connection, _tables_may_be_rebuilt(connection, db.dialect):
        await connection.run_sync(lambda sync: _move(sync, revision))
        await connection.commit()


@contextlib.asynccontextmanager
async def _tables_may_be_rebuilt(connection: AsyncConnection, dialect: str) -> AsyncIterator[None]:
    """Let SQLite replace a table without taking with it all rows that refer to its own.

    There a column is changed by copying the table and dropping the old one, and dropping deletes its
    rows, with every `ON DELETE CASCADE` (sqlite.org, "Making Other Kinds Of Table Schema Changes").
    """
    if dialect != "sqlite":
        yield
        return
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        dangling = driver.execute("PRAGMA foreign_key_check").fetchmany(5)
        if dangling:
            raise ConfigError(f"after the migration rows refer to rows that are not there: {dangling}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _move(connection: Connection, revision: str) -> None:
    config = _alembic(connection)
    if revision == "base" or (revision != "head" and _is_behind(connection, revision)):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _is_behind(connection: Connection, revision: str) -> bool:
    current = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(_alembic())
    return current is not None and revision in {r.revision for r in script.iterate_revisions(current, "base")}
