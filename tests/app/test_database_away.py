"""A database that is starting, stopping or gone is told as 503 with Retry-After, never as a fault of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import text

from fedispace.app import App, build
from fedispace.config import Config, Database, Instance
from fedispace.db.engine import open_database
from fedispace.errors import DatabaseAway
from tests.ground.ground import Missing
from tests.ground.ports import free_port
from tests.ground.postgres import Postgres, find_binaries

PATHS = ("/users/alice", "/api/v1/instance", "/api/v1/timelines/public", "/@alice", "/.well-known/nodeinfo")


async def is_starting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say what PostgreSQL says while it recovers: no TLS here, and error 57P03."""
    try:
        while True:
            size = int.from_bytes(await reader.readexactly(4), "big")
            body = await reader.readexactly(size - 4)
            if body == (80877103).to_bytes(4, "big"):
                writer.write(b"N")
                continue
            fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
            writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
            break
        await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    writer.close()


@pytest.fixture(params=["starting", "gone"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    port = free_port()
    server = (
        await asyncio.start_server(is_starting, "127.0.0.1", port) if request.param == "starting" else None
    )
    yield f"postgresql://fedispace@127.0.0.1:{port}/fedispace"
    if server is not None:
        server.close()


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[tuple[App, int]]:
    port = free_port()
    app = build(Config(instance=Instance(url=f"http://127.0.0.1:{port}"), database=Database(url=url)))
    runner = web.AppRunner(app.web_application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield app, port
    await runner.cleanup()
    await app.net.close()
    await app.db.close()


async def test_who_asks_meanwhile_is_told_to_come_back(url: str) -> None:
    async with serving(url) as (_, port), aiohttp.ClientSession() as session:
        for path in PATHS:
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status in (503, 200), (path, answer.status)
                if answer.status == 503:
                    assert int(answer.headers["Retry-After"]) > 0, path
        async with session.get(f"http://127.0.0.1:{port}/users/alice") as answer:
            assert answer.status == 503
        async with session.get(f"http://127.0.0.1:{port}/api/v1/timelines/public") as answer:
            assert answer.status == 503


async def test_whoever_reads_or_writes_meanwhile_learns_that_the_database_is_away(url: str) -> None:
    db = open_database(url)
    with pytest.raises(DatabaseAway):
        async with db.reading():
            pass
    with pytest.raises(DatabaseAway):
        async with db.transaction():
            pass
    await db.close()


async def test_a_server_that_stops_under_a_transaction_is_away_too() -> None:
    binaries = find_binaries()
    if binaries is None:
        raise Missing("there is no PostgreSQL server (Debian: postgresql)")
    server = Postgres(binaries)
    db = open_database(server.database())

    async def write_while_it_stops() -> None:
        async with db.transaction() as tx:
            await tx.connection()
            await asyncio.to_thread(server.stop)
            await tx.execute(text("SELECT 1"))

    with pytest.raises(DatabaseAway):
        await write_while_it_stops()
    await db.close()
