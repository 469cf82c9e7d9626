"""The database: one way to read, one way to write.

SQLite has one writer. Transactions queue for it in order, and those that queue while another is
open share its COMMIT (a group commit): the first runs bare, each later one inside a SAVEPOINT, so
one that fails takes nothing of the others with it. Nobody is told "done" before the shared COMMIT
has returned. So the cost of `synchronous=FULL` (one fsync a commit) is paid once for the group,
and an uncontended transaction pays nothing for the possibility.

PostgreSQL gets a pool and a transaction each; those that read are begun as read-only snapshots. When it
is away, starting or stopping, that is `DatabaseAway`, which every door tells as 503.

Both hand out a `Tx`. What a use case wants done *after* the rows are durable (waking a worker,
telling a browser) it gives to `tx.after_commit`; such things may be lost, rows may not.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, Executable, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm.util import identity_key
from sqlalchemy.pool import AsyncAdaptedQueuePool

from fedispace.db import inline_sqlite
from fedispace.db.ready import Answer, ready
from fedispace.db.stored_json import from_json
from fedispace.errors import ConfigError, DatabaseAway
from fedispace.exposition import Histogram

COMMIT_WINDOW = 0.004
READERS = 6
CONNECT_SECONDS = 5.0
COMMIT_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0)

Row = TypeVar("Row")


class Tx(AsyncSession):
    """A session inside one transaction, with a list of what to do once it is durable."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hooks: list[Callable[[], None]] = []
        self.news: list[tuple[str, dict[str, Any]]] = []

    @property
    def dialect_name(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.get_bind().dialect.name

    async def core(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> CursorResult[*tuple[Any, ...]] | Answer:
        """Execute a Core statement past the session, which would take longer than the database does.

        For hot paths, with statements that are built once. The session's own changes must be flushed.
        """
        connection = self.bind
        assert isinstance(connection, AsyncConnection)
        return await connection.execute(statement, parameters)

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what changed, if anything did."""
        if self.new or self.deleted or self.dirty:
            await super().flush(objects)

    def loaded(self, mapped: type[Row], id_: int) -> Row | None:
        """Return the object of a row if it was loaded before; the database is not asked."""
        here = self.identity_map
        return here.get(identity_key(mapped, id_)) if len(here) else None

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` after the COMMIT; it must not raise and must not block."""
        self.hooks.append(hook)

    def tell(self, topic: str, message: dict[str, Any]) -> None:
        """Have whoever listens to `topic` told after the COMMIT, by what `Database.tell` is."""
        self.news.append((topic, message))


class _InlineTx(Tx):
    """The same on SQLite, where nothing that is done inside a transaction waits (`inline_sqlite.py`).

    So it needs none of the machinery that lets a session wait, which costs as much as the statement. Callers
    see the types of `Tx`.
    """

    async def core(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> CursorResult[*tuple[Any, ...]] | Answer:
        connection = self.bind
        assert isinstance(connection, AsyncConnection)
        bare = _bare(connection)
        prepared = ready(statement, parameters, bare.dialect)
        if prepared is None:
            return bare.execute(statement, parameters)
        if not bare.in_transaction():
            bare.begin()
        driver = bare.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return prepared.run(driver, parameters)

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        return self.sync_session.execute(*arguments, **options)

    async def scalars(self, *arguments: Any, **options: Any) -> Any:
        return self.sync_session.scalars(*arguments, **options)

    async def scalar(self, *arguments: Any, **options: Any) -> Any:
        return self.sync_session.scalar(*arguments, **options)

    async def get(self, *arguments: Any, **options: Any) -> Any:
        return self.sync_session.get(*arguments, **options)

    async def delete(self, instance: object) -> None:
        self.sync_session.delete(instance)

    async def refresh(self, *arguments: Any, **options: Any) -> None:
        self.sync_session.refresh(*arguments, **options)

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        if self.new or self.deleted or self.dirty:
            self.sync_session.flush(objects)


class Database:
    """Hands out transactions; built by `open_database`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, *, single_writer: bool) -> None:
        self._writer = writer
        self._reader = reader
        self.tell: Callable[[str, dict[str, Any]], None] | None = None
        """Where the news of transactions go: the bus, in a built instance."""
        self.commit_seconds = Histogram(COMMIT_SECONDS)
        self._group = _GroupCommit(writer, self.commit_seconds) if single_writer else None

    @property
    def dialect(self) -> str:
        return self._writer.dialect.name

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Open a read-write transaction: all of it is durable on exit, or none of it happened."""
        if self._group is not None:
            async with self._group.member() as tx:
                yield tx
        else:
            async with _open(self._writer) as connection, connection.begin():
                tx = _session(connection)
                yield tx
                await tx.flush()
                began = time.perf_counter()
            self.commit_seconds.observe(time.perf_counter() - began)
        for hook in tx.hooks:
            hook()
        if self.tell is not None:
            for topic, message in tx.news:
                self.tell(topic, message)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """Open a consistent read-only view."""
        async with _open(self._reader) as connection:
            yield _session(connection)

    def pool(self) -> dict[str, int]:
        """Return how many connections are in use, and how many there may be."""
        pools = {id(pool): pool for pool in (self._writer.pool, self._reader.pool)}.values()
        queues = [pool for pool in pools if isinstance(pool, AsyncAdaptedQueuePool)]
        most = sum(pool.size() + pool._max_overflow for pool in queues)
        return {"in_use": sum(pool.checkedout() for pool in queues), "at_most": most}

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare connection of the writing engine, for migrations and checks before serving.

        A database that cannot be reached is the operator's to put right: `ConfigError`, in one line.
        """
        if self._group is not None:
            await self._group.close()
        connection = self._writer.connect()
        try:
            await connection.start()
        except (OSError, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise ConfigError(f"database.url: the database cannot be used: {_one_line(cause)}") from error
        try:
            yield connection
        finally:
            await connection.close()

    async def close(self) -> None:
        if self._group is not None:
            await self._group.close()
        await self._writer.dispose()
        await self._reader.dispose()


@contextlib.asynccontextmanager
async def _open(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection; a database that is away, now or in the middle, is `DatabaseAway`."""
    connection = engine.connect()
    try:
        await connection.start()
    except Exception as error:
        if isinstance(error, OSError | PoolTimeout) or _tells_of_absence(error):
            raise DatabaseAway from error
        raise
    try:
        yield connection
    except Exception as error:
        if _tells_of_absence(error):
            raise DatabaseAway from error
        raise
    finally:
        await connection.close()


_ABSENT = ("08", "57P01", "57P02", "57P03", "53300")
"""SQLSTATE of lost connections, of starting, stopping and crashing, and of too many connections."""


def _tells_of_absence(error: BaseException) -> bool:
    """Tell whether an error means that the server is not there, rather than that it said no.

    The driver's own errors come as they are while a connection is made, and wrapped afterwards.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    return isinstance(state, str) and state.startswith(_ABSENT)


def _one_line(cause: BaseException | None) -> str:
    return " ".join(str(cause).split())


def _bare(connection: AsyncConnection) -> Connection:
    """Return the connection itself, for what does not wait on SQLite."""
    bare = connection.sync_connection
    assert bare is not None
    return bare


def _session(connection: AsyncConnection) -> Tx:
    kind = _InlineTx if connection.dialect.name == "sqlite" else Tx
    return kind(bind=connection, expire_on_commit=False, join_transaction_mode="rollback_only")


class _GroupCommit:
    """The single writer of SQLite and the COMMIT its queue shares."""

    def __init__(self, engine: AsyncEngine, seconds: Histogram) -> None:
        self._engine = engine
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._connection: AsyncConnection | None = None
        self._committed: asyncio.Future[None] | None = None
        self._opened_at = 0.0
        self._straggler: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def member(self) -> AsyncIterator[Tx]:
        self._waiting += 1
        try:
            await self._lock.acquire()
        except asyncio.CancelledError:
            self._waiting -= 1
            self._last_call()
            raise
        self._waiting -= 1
        try:
            connection = await self._connected()
            if self._committed is None:
                tx, committed = _session(connection), await self._open(connection)
                try:
                    yield tx
                    await tx.flush()
                except BaseException:
                    await self._abandon(connection, committed)
                    raise
            else:
                tx, committed = _session(connection), self._committed
                try:
                    with _bare(connection).begin_nested():
                        yield tx
                        await tx.flush()
                except BaseException:
                    await self._settle(connection)
                    raise
            await self._settle(connection)
        finally:
            self._lock.release()
        await asyncio.shield(committed)

    def _last_call(self) -> None:
        """Commit for those who left it to a waiter that gave up."""
        if self._committed is not None and not self._waiting and not self._lock.locked():
            self._straggler = asyncio.get_running_loop().create_task(self._commit_for_others())

    async def _commit_for_others(self) -> None:
        async with self._lock:
            if self._committed is not None and self._connection is not None:
                await self._settle(self._connection)

    async def close(self) -> None:
        if self._straggler is not None:
            await self._straggler
        async with self._lock:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None

    async def _connected(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        return self._connection

    async def _open(self, connection: AsyncConnection) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        await connection.begin()
        self._opened_at = loop.time()
        self._committed = loop.create_future()
        return self._committed

    async def _abandon(self, connection: AsyncConnection, committed: "asyncio.Future[None]") -> None:
        """Roll back a first member that failed: nobody else is inside yet."""
        self._committed = None
        committed.cancel()
        await asyncio.shield(connection.rollback())

    async def _settle(self, connection: AsyncConnection) -> None:
        """COMMIT, unless others are queued and the window is still open.

        Whoever is cancelled meanwhile is so when the COMMIT has ended: the others are told what became of it,
        and nobody begins anew on a connection that is still committing.
        """
        assert self._committed is not None
        age = asyncio.get_running_loop().time() - self._opened_at
        if self._waiting and age < COMMIT_WINDOW:
            return
        committed, self._committed = self._committed, None
        began = time.perf_counter()
        commit = asyncio.ensure_future(connection.commit())
        try:
            await asyncio.shield(commit)
        except BaseException:
            await _end_of(commit)
            failure = asyncio.CancelledError() if commit.cancelled() else commit.exception()
            if failure is None:
                committed.set_result(None)
            else:
                committed.set_exception(failure)
                committed.exception()
                await connection.rollback()
            raise
        self._seconds.observe(time.perf_counter() - began)
        committed.set_result(None)


async def _end_of(task: asyncio.Task[None]) -> None:
    """Return when a task has ended, however often the one who waits is cancelled."""
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])


def driver_url(url: str) -> str:
    """Add our driver to the plain URL of the configuration."""
    if url.startswith("sqlite:"):
        return url.replace("sqlite:", "sqlite+inline:", 1)
    return url.replace("postgresql:", "postgresql+asyncpg:", 1)


def open_database(url: str) -> Database:
    """Build the engines for `url` (`sqlite:///path` or `postgresql://...`); nothing connects yet."""
    if urlsplit(url).scheme == "sqlite":
        inline_sqlite.register()
        writer = create_async_engine(
            driver_url(url),
            json_deserializer=from_json,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
        )
        reader = create_async_engine(
            driver_url(url),
            json_deserializer=from_json,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=READERS,
            max_overflow=0,
        )
        _tune(writer, read_only=False)
        _tune(reader, read_only=True)
        return Database(writer, reader, single_writer=True)
    engine = create_async_engine(
        driver_url(url),
        json_deserializer=from_json,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_SECONDS},
    )
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Database(engine, reader, single_writer=False)


def _tune(engine: AsyncEngine, *, read_only: bool) -> None:
    """Set the pragmas of a fast and honest SQLite, and begin transactions ourselves.

    The driver's own implicit BEGIN is deferred: two writers could then both read first and one of
    them fail later with "database is locked".
    """

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={250 if read_only else 0}",
            "foreign_keys=ON",
            "cache_size=-16384",
            "temp_store=MEMORY",
            "wal_autocheckpoint=8000",
            "mmap_size=268435456",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if read_only:
            driver.execute("BEGIN")
        else:
            inline_sqlite.begin_immediate(driver)
