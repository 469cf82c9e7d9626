"""Where a database stands in the history of the schema, and where this code does.

Every process asks once, at its start. Reading it needs no Alembic, whose loading costs a server eight
megabytes and a fifth of a second for something it does not do: only `migrations`, which moves a
database, loads it.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from fedispace.db.engine import Database
from fedispace.errors import ConfigError

_PACKAGED = Path(__file__).parent.parent / "_migrations"
_SOURCE = Path(__file__).parent.parent.parent / "migrations"

_STANDS = table("alembic_version", column("version_num"))


def folder() -> Path:
    """Return the folder of the revisions: beside the code when it is installed, else the source's."""
    return _PACKAGED if _PACKAGED.is_dir() else _SOURCE


def known() -> Sequence[str]:
    """Return the revisions this code knows, oldest first: a file's name begins with its revision."""
    names = sorted(path.stem for path in (folder() / "versions").glob("[0-9]*.py"))
    return [name.partition("_")[0] for name in names]


def head() -> str:
    """Return the newest revision this code knows."""
    return known()[-1]


async def current(db: Database) -> str | None:
    """Return the revision the database is at, or None when it is empty."""
    async with db.connection() as connection:
        return await connection.run_sync(_stands)


def _stands(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_STANDS.name):
        return None
    at: str | None = connection.scalar(select(_STANDS.c.version_num))
    return at


async def require_current(db: Database) -> None:
    """Raise `ConfigError` unless database and code stand at the same revision."""
    at = await current(db)
    if at == head():
        return
    if at is None:
        raise ConfigError("the database is empty: run `fedispace migrate` first")
    if at in known():
        raise ConfigError(
            f"the database is behind the code (at {at}, needs {head()}): run `fedispace migrate`"
        )
    raise ConfigError(
        f"the database is ahead of the code (at {at}): install the newer fedispace it was used with"
    )
