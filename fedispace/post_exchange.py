"""One POST and its answer, on a connection of aiohttp's pool.

aiohttp's session makes a request object, a response object and a task for each request, which for the
small POST of a delivery takes more time than everything else but its signature. Here the head and the
body are written to the connection at once, and the answer is read from the connection's own parser.
What may be connected to, TLS, the limits of the pool and the strictness about answers stay aiohttp's
and the connector's (`net.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, cast

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy
from yarl import URL

_CHUNK: Final = 16 * 1024
_SWITCHING_PROTOCOLS: Final = 101


class Door:
    """Where to connect to: as much of a request as the connector looks at."""

    __slots__ = ("connection_key", "is_secure", "port", "url")

    proxy: Final = None
    proxy_headers: Final = None
    server_hostname: Final = None
    ssl: Final = True
    """The connector's own context."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.port = url.port
        self.is_secure = url.scheme == "https"
        self.connection_key = ConnectionKey(
            host=url.raw_host or "",
            port=url.port,
            is_ssl=self.is_secure,
            ssl=True,
            proxy=None,
            proxy_auth=None,
            proxy_headers_hash=None,
        )

    def is_ssl(self) -> bool:
        return self.is_secure


@lru_cache(maxsize=4096)
def door(url: str) -> Door:
    """Return the door of an address that was judged; the inboxes we post to come again and again."""
    return Door(URL(url, encoded=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; of a long body only the beginning."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)


async def exchange(
    connector: aiohttp.BaseConnector,
    patience: aiohttp.ClientTimeout,
    door: Door,
    headers: Mapping[str, str],
    body: bytes,
    limit: int,
) -> Answer:
    """POST `body` and read at most `limit` bytes of the answer's decompressed body.

    A connection whose answer was not read to its end, or that has not sent all of the request, is closed.
    """
    head = _head(door.url.raw_path_qs, headers, len(body))
    connection = await connector.connect(cast(aiohttp.ClientRequest, door), [], patience)
    try:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True, auto_decompress=True)
        transport.write(head + body)
        message, payload = await protocol.read()
        while 100 <= message.code < 200 and message.code != _SWITCHING_PROTOCOLS:
            message, payload = await protocol.read()
        answer = Answer(
            status=message.code,
            headers=message.headers,
            body=b"" if payload.at_eof() else await _beginning(payload, limit),
        )
        if transport.get_write_buffer_size():
            connection.close()
        else:
            connection.release()
    except BaseException:
        connection.close()
        raise
    return answer


def _head(target: str, headers: Mapping[str, str], length: int) -> bytes:
    """Write the head of the request; a value that would begin a line of its own is refused."""
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    text = "\n".join(lines)
    if text.count("\n") != len(headers) or "\r" in text or "\0" in text:
        raise ValueError("a header of the request has a line break")
    return f"{text}\nContent-Length: {length}\n\n".replace("\n", "\r\n").encode("utf-8")


async def _beginning(payload: StreamReader, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    async for chunk in payload.iter_chunked(_CHUNK):
        chunks.append(chunk[:left])
        left -= len(chunk)
        if left < 0:
            break
    return b"".join(chunks)
