"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an SDP offer in, an answer and a session out.

    POST   /spaces/{id}/whip, /whep    offer -> 201, answer, Location of the session
    DELETE the session                 leave
    PATCH  the session                 ICE restart: new names in, ours out, and a new ETag. Candidates
                                       are accepted and not needed: we are ICE-lite, answer with all of
                                       ours, and take the client's from where it talks

A speaker shows a ticket as bearer token; a listener needs one only where the Space is not open to
all. At WHEP a `Link` names the same sound over plain HTTP (`streams`). The address of a session cannot be
guessed and is all it takes to end it (RFC 9725 section 4.2).
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from fedispace.api.cors import preflight
from fedispace.api.dialects import told
from fedispace.api.door import Door
from fedispace.api.limits import Limiter, Rates
from fedispace.api.routing import Dialect, Endpoint, Headers
from fedispace.errors import Invalid, NotFound, TooLarge, Unauthenticated
from fedispace.media.live import sdp
from fedispace.spaces.entry.client_keys import HEADER
from fedispace.spaces.sound.live import Connection, LiveRooms

SDP: Final = "application/sdp"
TRICKLE: Final = "application/trickle-ice-sdpfrag"
MAX_BEARER: Final = 2048
_MAX_TAGS: Final = 8
_RESOURCE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MAX_ID: Final = 2**63 - 1

Entrance = Callable[[int, str | None, str, str | None], Awaitable[Connection]]


class WhipCalls:
    """The doors of live audio."""

    def __init__(self, *, rooms: LiveRooms, door: Door, origin: str, limiter: Limiter, rates: Rates) -> None:
        self._rooms = rooms
        self._door = door
        self._origin = origin
        self._limiter = limiter
        self._rates = rates

    def routes(self) -> list[web.RouteDef]:
        session = "/spaces/{id}/sessions/{resource}"
        table: list[web.RouteDef] = []
        for name, entrance in (("whip", self._rooms.publish), ("whep", self._rooms.subscribe)):
            path = f"/spaces/{{id}}/{name}"
            table += [
                web.post(path, self._entered_by(entrance)),
                web.options(path, _offer_wanted),
                web.route("*", path, self._told(405, "POST an SDP offer here.", {"Allow": "POST, OPTIONS"})),
            ]
        return [
            *table,
            web.delete(session, self._leave),
            web.patch(session, self._patch),
            web.options(session, preflight),
            web.route("*", session, self._told(405, "DELETE this to leave.", {"Allow": "DELETE, PATCH"})),
        ]

    def _entered_by(self, entrance: Entrance) -> Endpoint:
        async def enter(request: web.Request) -> web.StreamResponse:
            return await self._door.guarded(Dialect.NATIVE, request, lambda: self._enter(request, entrance))

        return enter

    async def _enter(self, request: web.Request, entrance: Entrance) -> web.Response:
        self._limiter.spend_for("rtc", request.remote or "", self._rates.per_address)
        space_id = space_id_of(request)
        if request.content_type != SDP:
            return told(
                Dialect.NATIVE,
                415,
                "An SDP offer is expected (application/sdp).",
                headers={"Accept-Post": SDP},
            )
        connection = await entrance(
            space_id, bearer_of(request), await _offer(request), request.headers.get(HEADER)
        )
        place = f"{self._origin}/spaces/{space_id}"
        return web.Response(
            status=201,
            body=connection.answer.encode(),
            content_type=SDP,
            headers={
                "Location": f"{place}/sessions/{connection.resource}",
                "ETag": f'"{connection.etag}"',
                "Accept-Patch": TRICKLE,
                "Cache-Control": "no-store",
                **elsewhere(request),
            },
        )

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        async def leave() -> web.Response:
            await self._rooms.leave(space_id_of(request), _resource(request))
            return web.Response(status=200)

        return await self._door.guarded(Dialect.NATIVE, request, leave)

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        async def patch() -> web.Response:
            self._limiter.spend_for("rtc", request.remote or "", self._rates.per_address)
            if request.content_type != TRICKLE:
                return told(
                    Dialect.NATIVE, 415, "Only ICE fragments are taken.", headers={"Accept-Patch": TRICKLE}
                )
            matching = _matching(request)
            if not matching:
                return told(Dialect.NATIVE, 428, "Say which ICE session is meant (If-Match).")
            patched = await self._rooms.patch(
                space_id_of(request), _resource(request), matching, await _text(request)
            )
            if not patched.fragment:
                return web.Response(status=204)
            return web.Response(
                body=patched.fragment.encode(),
                content_type=TRICKLE,
                headers={"ETag": f'"{patched.etag}"', "Cache-Control": "no-store"},
            )

        return await self._door.guarded(Dialect.NATIVE, request, patch)

    def _told(self, status: int, detail: str, headers: dict[str, str]) -> Endpoint:
        async def tell(request: web.Request) -> web.StreamResponse:
            async def answer() -> web.Response:
                return told(Dialect.NATIVE, status, detail, headers=headers)

            return await self._door.guarded(Dialect.NATIVE, request, answer)

        return tell


def elsewhere(request: web.Request) -> Headers:
    """Return where a listener goes whom WebRTC does not reach (`streams`): at WHEP, and not at WHIP."""
    if not request.path.endswith("/whep"):
        return {}
    return {"Link": '<stream>; rel="alternate"; type="audio/ogg"'}


async def _offer_wanted(request: web.Request) -> web.Response:
    response = await preflight(request)
    response.headers["Accept-Post"] = SDP
    response.headers.update(elsewhere(request))
    return response


async def _offer(request: web.Request) -> str:
    text = await _text(request)
    sdp.check_size(text)
    if not text.startswith("v=0"):
        raise Invalid("The offer is not SDP.")
    return text


async def _text(request: web.Request) -> str:
    """Read a body of SDP, no further than its limit."""
    if (request.content_length or 0) > sdp.MAX_BYTES:
        raise TooLarge("The SDP is too long.")
    raw = await request.content.read(sdp.MAX_BYTES + 1)
    while len(raw) <= sdp.MAX_BYTES and not request.content.at_eof():
        raw += await request.content.read(sdp.MAX_BYTES + 1 - len(raw))
    if len(raw) > sdp.MAX_BYTES:
        raise TooLarge("The SDP is too long.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid("The SDP is not text.") from None


def bearer_of(request: web.Request) -> str | None:
    """Return the ticket, pass, key or token that is shown, if one is."""
    shown = request.headers.getall("Authorization", [])
    if not shown:
        return None
    kind, _, token = shown[0].partition(" ")
    if len(shown) > 1 or kind.lower() != "bearer" or not 0 < len(token) <= MAX_BEARER:
        raise Unauthenticated("The ticket cannot be read.")
    return token


def _matching(request: web.Request) -> list[str]:
    """Return the entity tags of If-Match (RFC 9110, section 13.1.1), or `*`."""
    return [
        tag.strip().strip('"') for field in request.headers.getall("If-Match", []) for tag in field.split(",")
    ][:_MAX_TAGS]


def _resource(request: web.Request) -> str:
    resource = request.match_info["resource"]
    if _RESOURCE.fullmatch(resource) is None:
        raise NotFound("There is no such session.")
    return resource


def space_id_of(request: web.Request) -> int:
    """Return which Space the path names; raises `NotFound`."""
    text = request.match_info["id"]
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > _MAX_ID:
        raise NotFound("There is no such Space.")
    return int(text)
