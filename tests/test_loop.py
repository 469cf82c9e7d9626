"""The event loop that `serve` runs on."""

import asyncio
import tracemalloc
from asyncio import sslproto
from contextlib import suppress
from pathlib import Path

import pytest

from fedispace.cli import loop
from tests.ground.ca import Authority

CONNECTIONS = 16


def test_a_tls_connection_takes_little_memory_and_carries_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", sslproto.SSLProtocol.max_size)
    authority = Authority(tmp_path)
    much = bytes(range(256)) * 8192
    taken: list[bytes] = []
    grown: list[int] = []

    async def give(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(much)
        with suppress(ConnectionError):
            await writer.drain()

    async def main() -> None:
        context = authority.issue("peer.test").server_context()
        server = await asyncio.start_server(give, "127.0.0.21", 0, ssl=context)
        address = server.sockets[0].getsockname()
        opened = []
        tracemalloc.start()
        for _ in range(CONNECTIONS):
            opened.append(
                await asyncio.open_connection(
                    *address, ssl=authority.client_context(), server_hostname="peer.test", limit=1024
                )
            )
        buffers = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(inclusive=True, filename_pattern=sslproto.__file__)]
        )
        tracemalloc.stop()
        grown.append(sum(trace.size for trace in buffers.traces))
        taken.append(await opened[0][0].readexactly(len(much)))
        for _, writer in opened:
            writer.transport.abort()
        server.close()

    loop.run(main())
    assert taken == [much]
    assert grown[0] / (2 * CONNECTIONS) < 64 * 1024
