"""The pictures that stand in where nobody chose one, drawn once in a process, when its server starts.

Mastodon's clients look for the names they have there, and show a broken image for a 404.
"""

import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Final

from aiohttp import web

from fedispace.api.routing import Endpoint

_AVATAR_SIZE: Final = 240
_HEADER_SIZE: Final = (600, 200)
_GROUND: Final = b"\x3b\x42\x6b"
_FIGURE: Final = b"\xc9\xcd\xe6"
_HEADERS: Final = {"Cache-Control": "public, max-age=604800", "Access-Control-Allow-Origin": "*"}


@cache
def avatar() -> bytes:
    """Return a head and shoulders as PNG."""
    half = _AVATAR_SIZE / 2

    def pixel(x: int, y: int) -> bytes:
        is_head = (x - half) ** 2 + (y - 92) ** 2 < 46**2
        is_body = ((x - half) / 84) ** 2 + ((y - 240) / 88) ** 2 < 1
        return _FIGURE if is_head or is_body else _GROUND

    return _png(_AVATAR_SIZE, _AVATAR_SIZE, pixel)


@cache
def header() -> bytes:
    """Return a plain banner as PNG."""
    return _png(*_HEADER_SIZE, lambda x, y: _GROUND)


def picture_routes() -> list[web.RouteDef]:
    """Return the routes that serve both."""
    return [
        web.get("/avatars/original/missing.png", _serving(avatar())),
        web.get("/headers/original/missing.png", _serving(header())),
    ]


def _serving(body: bytes) -> Endpoint:
    async def serve(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="image/png", headers=_HEADERS)

    return serve


def _png(width: int, height: int, pixel: Callable[[int, int], bytes]) -> bytes:
    """Write an image in the plainest PNG there is: 8-bit RGB, no filter (PNG, third edition)."""
    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", size), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
