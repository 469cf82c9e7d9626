"""The events of a room, for whoever is in it: a WebSocket, and the same as server-sent events.

    GET /spaces/{id}/signal                      WebSocket; `{"pass": ...}` first, from anybody's page
    GET /api/fedispace/v1/spaces/{id}/events     server-sent events; the pass or token as bearer

Who comes shows a pass of this room, or an OAuth token of ours; where a Space is open to all a visitor shows
nothing. A secret is never in the address, which ends up in logs, and never a cookie: another site's page
can have a browser open this address with our cookies (cross-site WebSocket hijacking), and gets what a
stranger gets. A page of another server may come, for its people are in our rooms; one whose origin is
hidden or was not secured may not.

The first event is `hello` with the whole state, so coming back is the same as coming. What a client says
after its pass is read for a newer pass and not for anything else; commands are calls of the API. Who says
much, or at length, is closed. A page cannot see the protocol's own pings, so it may say `{"ping": true}` and
is told `pong`: that is how it knows a dead way from a quiet room.
"""

import asyncio
import contextlib
from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from fedispace import errors
from fedispace.accounts import scopes
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.tokens import at_rest
from fedispace.api.cors import preflight
from fedispace.api.dialects import told
from fedispace.api.door import Door
from fedispace.api.limits import Limiter, Rates
from fedispace.api.outlets import (
    CODES,
    GOING_AWAY,
    Wire,
    chunk,
    server_sent,
    server_sent_chunk,
    websocket_frame,
)
from fedispace.api.room_hello import Greeting, RoomState
from fedispace.api.routing import Dialect
from fedispace.api.seats import Seats
from fedispace.clock import Clock, iso
from fedispace.db.engine import Database
from fedispace.errors import Forbidden, NotFound, Unauthenticated
from fedispace.spaces.entry.passes import Passes, is_pass
from fedispace.spaces.events.hub import Hub
from fedispace.spaces.events.reactions import EMOJI
from fedispace.spaces.events.room_events import OVER, packed
from fedispace.spaces.events.welcome import VISITOR, Holder, Reason, require_welcome
from fedispace.spaces.sound.speaking import Speaking, speaking_event

SIGNAL: Final = "/spaces/{id}/signal"
EVENTS: Final = "/api/fedispace/v1/spaces/{id}/events"
FIRST_WORD_SECONDS: Final = 10.0
MAX_MESSAGE: Final = 4096
PING_SECONDS: Final = 25.0
COMMENT_SECONDS: Final = 15.0
_GOODBYE_SECONDS: Final = 2.0
_BURST: Final = 20
_PER_SECOND: Final = 5.0
_MAX_BEARER: Final = 512
_MAX_ID: Final = 2**63 - 1

_MALFORMED: Final = 4400
_FLOOD: Final = 4429
_CODE: Final[dict[type[errors.FedispaceError], int]] = {
    errors.Unauthenticated: CODES[Reason.EXPIRED],
    errors.Forbidden: CODES[Reason.OUT],
    errors.NotFound: 4404,
    errors.Conflict: CODES[Reason.OVER],
    errors.RateLimited: _FLOOD,
    errors.Invalid: _MALFORMED,
}
_LATER: Final = 1013
_SAID: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG})
_PONG: Final = packed({"event": "pong"})


class FirstWord(msgspec.Struct, frozen=True):
    """What a client says on a WebSocket."""

    pass_: str | None = msgspec.field(default=None, name="pass")
    ping: bool = False


class Closed(Exception):
    """A WebSocket that is to be closed, and what with."""

    def __init__(self, *, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class SignalCalls:
    """The doors of room events."""

    def __init__(
        self,
        *,
        db: Database,
        hub: Hub,
        speaking: Speaking,
        room_state: RoomState,
        oauth: OAuth,
        passes: Passes,
        door: Door,
        origin: str,
        limiter: Limiter,
        rates: Rates,
        clock: Clock,
        seats: Seats,
    ) -> None:
        self._db = db
        self._hub = hub
        self._speaking = speaking
        self._greeting = Greeting(room_state, hub, clock)
        self._oauth = oauth
        self._passes = passes
        self._door = door
        self._is_secure = origin.startswith("https:")
        self._limiter = limiter
        self._rates = rates
        self._clock = clock
        self._seats = seats

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(SIGNAL, self._signal, allow_head=False),
            web.options(SIGNAL, preflight),
            web.get(EVENTS, self._events, allow_head=False),
        ]

    async def _signal(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS,
            autoping=False,
            compress=False,
            max_msg_size=MAX_MESSAGE,
            timeout=_GOODBYE_SECONDS,
        )
        with contextlib.ExitStack() as seat:

            async def enter() -> web.Response:
                space_id = _space_id(request)
                self._require_decent(request)
                if not socket.can_prepare(request):
                    return told(Dialect.NATIVE, 426, "Come as a WebSocket.", headers={"Upgrade": "websocket"})
                self._count(request)
                seat.enter_context(self._seats.one(request.remote or ""))
                await socket.prepare(request)
                await self._converse(request, socket, space_id)
                return web.Response()

            answer = await self._door.guarded(Dialect.NATIVE, request, enter)
        return socket if socket.prepared else answer

    async def _converse(self, request: web.Request, socket: web.WebSocketResponse, space_id: int) -> None:
        """Hold one WebSocket from its first word to its end."""
        wire: Wire | None = None
        allowance = Allowance(self._clock)
        code, why = GOING_AWAY, ""
        try:
            holder = await self._first_word(request, socket, space_id, allowance)
            wire = Wire(_transport(request), holder, "websocket", websocket_frame)
            await self._begin(space_id, wire, resync=False)
            await self._listen(socket, space_id, wire, allowance)
            code = wire.code
        except Closed as closed:
            code, why = closed.code, closed.why
        except errors.FedispaceError as error:
            code, why = _code_of(error), error.detail
        finally:
            if wire is not None:
                self._hub.leave(space_id, wire)
        await socket.close(code=code, message=why.encode()[:120])

    async def _first_word(
        self, request: web.Request, socket: web.WebSocketResponse, space_id: int, allowance: "Allowance"
    ) -> Holder:
        """Return who is there: by the header, by the first message, or nobody after a while."""
        if "Authorization" in request.headers:
            return await self._holder(_bearer(request), space_id)
        try:
            async with asyncio.timeout(FIRST_WORD_SECONDS):
                message = await _next(socket, allowance)
        except TimeoutError:
            return VISITOR
        if message.type is not WSMsgType.TEXT:
            raise Closed(code=_MALFORMED, why="The first message is the pass.")
        return await self._holder(_pass_in(message.data), space_id)

    async def _begin(self, space_id: int, wire: Wire, *, resync: bool) -> None:
        """Say hello: the state of the room as of now, and from then on all that changes."""
        account_id = wire.holder.account_id
        async with self._db.reading() as tx:
            space = await require_welcome(tx, space_id, account_id)
        await self._hub.join(space_id, wire)
        state = await self._greeting.state(space_id, account_id)
        hello = {
            "event": "hello",
            "resync": resync,
            "state": state,
            "pass_expires_at": _time_of(wire.holder),
            "reactions": EMOJI,
            "server_time": iso(self._clock.now()),
        }
        speaking = self._speaking.in_room(space_id)
        wire.release(packed(hello), *([packed(speaking_event(speaking))] if speaking else ()))
        if space.state in OVER:
            wire.end(Reason.OVER)

    async def _listen(
        self, socket: web.WebSocketResponse, space_id: int, wire: Wire, allowance: "Allowance"
    ) -> None:
        """Read what the client says until it goes, or is sent."""
        leaving = asyncio.create_task(_close_when_ended(wire, socket), name="room events: goodbye")
        try:
            while (message := await _next(socket, allowance)).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                if message.type is WSMsgType.TEXT:
                    await self._renew(message.data, space_id, wire)
        finally:
            if not wire.ended.is_set():
                leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _renew(self, text: str, space_id: int, wire: Wire) -> None:
        """Take a newer pass of the same person, or answer a ping; anything else that is said is ignored."""
        try:
            said = msgspec.json.decode(text, type=FirstWord)
        except msgspec.DecodeError:
            return
        if said.ping:
            wire.offer(_PONG)
        if said.pass_ is None:
            return
        holder = await self._holder(said.pass_, space_id)
        if holder.account_id != wire.holder.account_id:
            raise Forbidden("That is another person's pass.")
        wire.holder = holder
        wire.offer(packed({"event": "renewed", "pass_expires_at": _time_of(holder)}))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "Access-Control-Allow-Origin": "*",
            }
        )
        with contextlib.ExitStack() as held:

            async def enter() -> web.Response:
                space_id = _space_id(request)
                self._count(request)
                held.enter_context(self._seats.one(request.remote or ""))
                holder = await self._holder(_bearer(request), space_id)
                is_chunked = request.version >= (1, 1)
                wire = Wire(
                    _transport(request),
                    holder,
                    "chunked events" if is_chunked else "events",
                    server_sent_chunk if is_chunked else server_sent,
                )
                held.callback(self._hub.leave, space_id, wire)
                await self._stream(request, stream, space_id, wire, is_chunked=is_chunked)
                return web.Response()

            answer = await self._door.guarded(Dialect.NATIVE, request, enter)
        return stream if stream.prepared else answer

    async def _stream(
        self,
        request: web.Request,
        stream: web.StreamResponse,
        space_id: int,
        wire: Wire,
        *,
        is_chunked: bool,
    ) -> None:
        async with self._db.reading() as tx:  # what is refused is refused before the stream begins
            await require_welcome(tx, space_id, wire.holder.account_id)
        await stream.prepare(request)
        await stream.write(b"retry: 1000\n\n")
        comment = chunk(b":\n\n") if is_chunked else b":\n\n"
        await self._begin(space_id, wire, resync="Last-Event-ID" in request.headers)
        while not wire.is_gone and not wire.ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wire.ended.wait(), COMMENT_SECONDS)
            wire.comment(comment)
        if not wire.is_gone:
            with contextlib.suppress(ConnectionError):
                await stream.write_eof()

    async def _holder(self, bearer: str | None, space_id: int) -> Holder:
        """Return who shows this pass or token; raises `Unauthenticated` or `Forbidden`."""
        if bearer is None:
            return VISITOR
        if is_pass(bearer):
            found = await self._passes.holder(bearer, space_id)
            return Holder(account_id=found.account_id, pass_hash=at_rest(bearer), expires_at=found.expires_at)
        known = await self._oauth.bearer(bearer)
        if known is None or known.account is None:
            raise Unauthenticated("The pass is not valid here, or has expired.")
        if not scopes.covers(known.scopes, "read:statuses"):
            raise Forbidden("This action is outside the authorized scopes")
        return Holder(account_id=known.account.id, token_hash=at_rest(bearer))

    def _count(self, request: web.Request) -> None:
        self._limiter.spend_for("signal", request.remote or "", self._rates.per_address)

    def _require_decent(self, request: web.Request) -> None:
        """Refuse a page whose origin is hidden (sandboxed, a file) or was sent over plain HTTP."""
        said = request.headers.getall("Origin", [])
        if not said:
            return
        parts = urlsplit(said[0]) if len(said) == 1 and len(said[0]) < 300 else None
        schemes = ("https",) if self._is_secure else ("https", "http")
        if parts is None or parts.scheme not in schemes or not parts.netloc or parts.path or parts.query:
            raise Forbidden("This cannot be opened from that page.")


class Allowance:
    """How much a client may say: a few things at once, and then so many a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(_BURST)
        self._counted_at = clock.monotonic()

    def spend(self) -> None:
        """Count one thing; raises `Closed` when it is too much."""
        now = self._clock.monotonic()
        self._left = min(_BURST, self._left + (now - self._counted_at) * _PER_SECOND) - 1
        self._counted_at = now
        if self._left < 0:
            raise Closed(code=_FLOOD, why="Too many messages.")


async def _next(socket: web.WebSocketResponse, allowance: Allowance) -> WSMessage:
    """Return what a client says next; its pings are answered, and count as all that it says."""
    while True:
        message = await socket.receive()
        if message.type in _SAID:
            allowance.spend()
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is not WSMsgType.PONG:
            return message


async def _close_when_ended(wire: Wire, socket: web.WebSocketResponse) -> None:
    await wire.ended.wait()
    await socket.close(code=wire.code)


def _code_of(error: errors.FedispaceError) -> int:
    return next((_CODE[kind] for kind in type(error).__mro__ if kind in _CODE), _LATER)


def _transport(request: web.Request) -> asyncio.Transport:
    transport = request.transport
    if transport is None:
        raise errors.Unavailable("The connection is gone.")
    return transport


def _bearer(request: web.Request) -> str | None:
    shown = request.headers.getall("Authorization", [])
    if not shown:
        return None
    kind, _, token = shown[0].partition(" ")
    if len(shown) > 1 or kind.lower() != "bearer" or not 0 < len(token) <= _MAX_BEARER:
        raise Unauthenticated("The pass is not valid here, or has expired.")
    return token


def _pass_in(text: str) -> str | None:
    try:
        said = msgspec.json.decode(text, type=FirstWord)
    except msgspec.DecodeError:
        raise Closed(code=_MALFORMED, why="The first message is the pass.") from None
    return said.pass_


def _time_of(holder: Holder) -> str | None:
    return None if holder.expires_at is None else iso(holder.expires_at)


def _space_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > _MAX_ID:
        raise NotFound("There is no such Space.")
    return int(text)
