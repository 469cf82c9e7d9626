"""What a database holds, read by a stranger: the server must not be able to hide a row."""

import sqlite3
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]


async def count_rows(database_url: str) -> dict[str, int]:
    """Return the number of rows of every table, read-only."""
    if database_url.startswith("sqlite:///"):
        return _count_sqlite(Path(database_url.removeprefix("sqlite:///")))
    return await _count_postgres(database_url)


def _count_sqlite(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in tables
        }
    finally:
        connection.close()


async def _count_postgres(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET default_transaction_read_only = on")
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row["tablename"] for row in tables]
        return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in names}
    finally:
        await connection.close()


async def jobs_due_within(database_url: str, *, seconds: int) -> int:
    """Return how many jobs run within that time, read-only; dead letters do not count."""
    if database_url.startswith("sqlite:///"):
        connection = sqlite3.connect(f"file:{database_url.removeprefix('sqlite:///')}?mode=ro", uri=True)
        try:
            found = connection.execute(
                "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND run_at < datetime('now', ?)",
                [f"+{seconds} seconds"],
            ).fetchone()
            return int(found[0])
        finally:
            connection.close()
    server = await asyncpg.connect(database_url)
    try:
        counted = await server.fetchval(
            "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND run_at < now() + $1 * interval '1 second'",
            seconds,
        )
        return int(counted)
    finally:
        await server.close()


def tables_with(database_url: str, words: str) -> set[str]:
    """Return the tables of a SQLite database in which some value contains `words`, read-only."""
    path = Path(database_url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name for (name,) in tables if _has(connection, name, words)}
    finally:
        connection.close()


def _has(connection: sqlite3.Connection, table: str, words: str) -> bool:
    columns = [column[1] for column in connection.execute(f'PRAGMA table_info("{table}")')]
    anywhere = " OR ".join(f'instr(CAST("{column}" AS TEXT), ?)' for column in columns)
    found = connection.execute(f'SELECT 1 FROM "{table}" WHERE {anywhere} LIMIT 1', [words] * len(columns))
    return found.fetchone() is not None
