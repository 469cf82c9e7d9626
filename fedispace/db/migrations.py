"""Moves the schema along one linear history, and refuses to run beside a schema it does not know."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from fedispace.db.engine import Database
from fedispace.errors import ConfigError

_PACKAGED = Path(__file__).parent.parent / "_migrations"
_SOURCE = Path(__file__).parent.parent.parent / "migrations"


def _alembic(connection: Connection | None = None) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_PACKAGED if _PACKAGED.is_dir() else _SOURCE))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the newest revision this code knows."""
    revision = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert revision is not None
    return revision


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


async def current(db: Database) -> str | None:
    """Return the revision the database is at, or None when it is empty."""
    async with db.connection() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def require_current(db: Database) -> None:
    """Raise `ConfigError` unless database and code stand at the same revision."""
    at = await current(db)
    if at == head():
        return
    if at is None:
        raise ConfigError("the database is empty: run `fedispace migrate` first")
    known = {revision.revision for revision in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if at in known:
        raise ConfigError(
            f"the database is behind the code (at {at}, needs {head()}): run `fedispace migrate`"
        )
    raise ConfigError(
        f"the database is ahead of the code (at {at}): install the newer fedispace it was used with"
    )
