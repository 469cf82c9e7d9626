"""SQLite without a thread hop per statement.

A statement that an index serves takes SQLite a few microseconds; handing it to a thread and waiting
for the answer takes a hundred. So statements run on the event loop, through SQLAlchemy's own pysqlite
dialect. Two things may take long and do not block the loop: waiting for another process that writes
(`begin_immediate` tries again between sleeps) and the fsync of COMMIT (a thread).

What cannot be served by an index does not belong here; sound is in a process of its own in any case.
"""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.engine.url import URL
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

BUSY_SECONDS = 10.0
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05

_committing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-commit")


class InlineCursor(sqlite3.Cursor):
    """A cursor that keeps the two promises SQLAlchemy's asyncio layer expects of an async driver."""

    def execute(self, *arguments: Any) -> "InlineCursor":
        super().execute(*arguments)
        if in_greenlet():
            await_only(_nothing())
        return self

    async def _async_soft_close(self) -> None:
        return


class InlineConnection(sqlite3.Connection):
    def cursor(self, *_: Any) -> Any:
        return super().cursor(InlineCursor)


async def _nothing() -> None:
    return


class InlineDialect(SQLiteDialect_pysqlite):
    """pysqlite for `AsyncEngine`: inside its greenlet, nothing but COMMIT and BEGIN ever waits."""

    driver = "inline"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> Any:
        arguments, options = super().create_connect_args(url)
        return arguments, {**options, "check_same_thread": False, "factory": InlineConnection}

    def do_commit(self, dbapi_connection: DBAPIConnection) -> None:
        loop = asyncio.get_running_loop()
        await_only(loop.run_in_executor(_committing, dbapi_connection.commit))

    # SQLAlchemy compiles each of these anew, which costs ten times what SQLite takes to run it.

    def do_savepoint(self, connection: Connection, name: str) -> None:
        _driver(connection).execute(f"SAVEPOINT {name}")

    def do_rollback_to_savepoint(self, connection: Connection, name: str) -> None:
        _driver(connection).execute(f"ROLLBACK TO SAVEPOINT {name}")

    def do_release_savepoint(self, connection: Connection, name: str) -> None:
        _driver(connection).execute(f"RELEASE SAVEPOINT {name}")


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def begin_immediate(connection: sqlite3.Connection) -> None:
    """Take SQLite's write lock; while another process has it, sleep on the loop and try again."""
    waited, pause = 0.0, _FIRST_PAUSE
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited >= BUSY_SECONDS:
                raise
            await_only(asyncio.sleep(pause))
            waited += pause
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


def register() -> None:
    """Make `sqlite+inline://` known to SQLAlchemy."""
    registry.register("sqlite.inline", __name__, InlineDialect.__name__)
