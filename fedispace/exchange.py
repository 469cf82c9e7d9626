"""One request and its answer on a connection of ours.

aiohttp's session makes a request object, a response object and a task for each request, which for the
small POST of a delivery takes more time than everything else but its signature. Here the head and the
body are written to the connection at once, and the answer is read from the connection's own parser, which
is aiohttp's, with its strictness and its limits.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy

from fedispace.connections import Connections
from fedispace.dialing import Door

_SWITCHING_PROTOCOLS: Final = 101


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back; `payload` is decompressed as it is read."""

    status: int
    headers: CIMultiDictProxy[str]
    payload: StreamReader


@asynccontextmanager
async def exchange(connections: Connections, door: Door, request: bytes) -> AsyncIterator[Answer]:
    """Send `request` and yield the answer.

    A connection whose answer was not read to its end, or that has not sent all of the request, is closed.
    """
    connection = await connections.take(door)
    try:
        transport = connection.transport
        if transport is None:
            raise aiohttp.ServerDisconnectedError
        connection.set_response_params(read_until_eof=True, auto_decompress=True)
        transport.write(request)
        message, payload = await connection.read()
        while 100 <= message.code < 200 and message.code != _SWITCHING_PROTOCOLS:
            message, payload = await connection.read()
        yield Answer(message.code, message.headers, payload)
        if transport.get_write_buffer_size():
            connection.force_close()
    except BaseException:
        connections.drop(door, connection)
        raise
    connections.give_back(door, connection)


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Write the head of a request; a value that would begin a line of its own is refused."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    text = "\n".join(lines)
    if text.count("\n") != len(headers) or "\r" in text or "\0" in text:
        raise ValueError("a header of the request has a line break")
    return f"{text}\n\n".replace("\n", "\r\n").encode("utf-8")
