"""Listening over plain HTTP, where WebRTC cannot come through.

    POST /spaces/{id}/stream            as at WHEP -> 201, Location: an address that opens once
    GET  /spaces/{id}/stream/{address}  the programme as Ogg/Opus, from now on, to the end of the Space

Any player can open the address: it holds no credential that is good for anything else, and for half
a minute only. A form may be posted as well (a page without scripts): it is sent on to the address.

What comes from the audio server goes on as it comes. Who reads too slowly is sent less there; who does
not read at all for `_STUCK_SECONDS` is cut off here.
"""

import asyncio
import contextlib
import socket
from typing import Final

from aiohttp import web

from fedispace.api.cors import ANY_ORIGIN, preflight
from fedispace.api.dialects import json_response, told
from fedispace.api.door import Door
from fedispace.api.limits import Limiter, Rates
from fedispace.api.routing import Dialect, Endpoint
from fedispace.api.seats import Seats
from fedispace.api.whip import bearer_of, space_id_of
from fedispace.clock import iso
from fedispace.media.live.broadcast import MEDIA_TYPE, PAGE_SECONDS
from fedispace.media.live.stream_client import Stream
from fedispace.spaces.entry.client_keys import HEADER
from fedispace.spaces.sound.streaming import Streaming

_STUCK_SECONDS: Final = 20.0
_UNSENT_BYTES: Final = 16 << 10
_FORM: Final = "application/x-www-form-urlencoded"


class StreamCalls:
    """The door of sound without WebRTC."""

    def __init__(
        self, *, streaming: Streaming, door: Door, origin: str, limiter: Limiter, rates: Rates, seats: Seats
    ) -> None:
        self._streaming = streaming
        self._door = door
        self._origin = origin
        self._limiter = limiter
        self._rates = rates
        self._seats = seats

    def routes(self) -> list[web.RouteDef]:
        path, address = "/spaces/{id}/stream", "/spaces/{id}/stream/{address}"
        return [
            web.post(path, self._invite),
            web.options(path, preflight),
            web.route("*", path, self._told("POST here for an address to listen at.", "POST, OPTIONS")),
            web.get(address, self._open, allow_head=False),
            web.options(address, preflight),
            web.route("*", address, self._told("GET this, once.", "GET, OPTIONS")),
        ]

    async def _invite(self, request: web.Request) -> web.StreamResponse:
        async def invite() -> web.Response:
            self._limiter.spend_for("rtc", request.remote or "", self._rates.per_address)
            space_id = space_id_of(request)
            invited = await self._streaming.invite(space_id, bearer_of(request), request.headers.get(HEADER))
            url = f"{self._origin}/spaces/{space_id}/stream/{invited.address}"
            headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
            if request.content_type == _FORM and request.can_read_body:
                return web.Response(status=303, headers=headers)
            said = {
                "url": url,
                "session": f"{self._origin}/spaces/{space_id}/sessions/{invited.resource}",
                "media_type": MEDIA_TYPE,
                "expires_at": iso(invited.expires_at),
            }
            return json_response(said, status=201, headers=headers)

        return await self._door.guarded(Dialect.NATIVE, request, invite)

    async def _open(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={
                **ANY_ORIGIN,
                "Content-Type": MEDIA_TYPE,
                "Cache-Control": "no-store",
                "Accept-Ranges": "none",
                "X-Accel-Buffering": "no",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Resource-Policy": "cross-origin",
            }
        )

        async def read() -> web.Response:
            self._limiter.spend_for("rtc", request.remote or "", self._rates.per_address)
            space_id, address = space_id_of(request), request.match_info["address"]
            with self._seats.one(request.remote or ""):
                async with self._streaming.opened(space_id, address) as stream:
                    await _pass_on(request, stream, answer)
            return web.Response()

        refused = await self._door.guarded(Dialect.NATIVE, request, read)
        return answer if answer.prepared else refused

    def _told(self, detail: str, allowed: str) -> Endpoint:
        async def tell(request: web.Request) -> web.StreamResponse:
            async def answer() -> web.Response:
                return told(Dialect.NATIVE, 405, detail, headers={"Allow": allowed})

            return await self._door.guarded(Dialect.NATIVE, request, answer)

        return tell


async def _pass_on(request: web.Request, stream: Stream, answer: web.StreamResponse) -> None:
    """Write what comes, until it ends, or until he who reads is gone or has stopped reading."""
    transport = request.transport
    if transport is None:
        return
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:  # what waits in the kernel is late sound
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)
    with contextlib.suppress(ConnectionError):
        await answer.prepare(request)
        try:
            while chunk := await stream.next():
                async with asyncio.timeout(_STUCK_SECONDS):
                    await answer.write(chunk)
                    while transport.get_write_buffer_size() > _UNSENT_BYTES:  # noqa: ASYNC110 - nothing tells
                        await asyncio.sleep(PAGE_SECONDS)
            async with asyncio.timeout(_STUCK_SECONDS):
                await answer.write_eof()
        except TimeoutError:
            transport.abort()
