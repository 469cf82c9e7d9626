"""What stands before every request: who really asks, that nobody is shown a traceback, and health."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache

import msgspec
import structlog
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from fedispace.db.engine import Database
from fedispace.errors import AWAY_SECONDS, Unavailable

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_API = ("/api/", "/oauth/token", "/oauth/revoke", "/inbox", "/users/", "/.well-known/", "/nodeinfo/")
READY_SECONDS = 2.0
_APOLOGY = "Something went wrong here. It has been written down; please try again later."


class TrueAddress:
    """Puts the client's own address in place of the proxy's.

    Only proxies named in `server.trusted_proxies` are believed: the address is the last in
    X-Forwarded-For that is not one of them, because everything before it can be made up.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(network, strict=False) for network in trusted]
        self._is_trusted = lru_cache(maxsize=1024)(self._is_within)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.remote is None or not self._is_trusted(request.remote):
            return await handler(request)
        named = request.headers.getall("X-Forwarded-For", [])
        hops = [hop.strip() for value in named for hop in value.split(",")]
        for hop in reversed(hops):
            if not self._is_trusted(hop):
                if _is_address(hop):
                    return await handler(request.clone(remote=hop))
                break
        return await handler(request)

    def _is_within(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@web.middleware
async def apologise(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 500 in the form the path speaks when a handler breaks; the log has the rest."""
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Unavailable as error:
        log.warning("request.unavailable", path=request.path, cause=repr(error.__cause__))
        return _apology(request, 503, error.detail, {"Retry-After": str(AWAY_SECONDS)})
    except Exception:  # the last boundary: whatever it is, the connection and the process live on
        log.exception("request.failed", method=request.method, path=request.path)
        return _apology(request, 500, _APOLOGY, {})


def _apology(request: web.Request, status: int, detail: str, headers: Mapping[str, str]) -> web.Response:
    if request.path.startswith(_API):
        body = msgspec.json.encode({"error": detail})
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)
    return web.Response(status=status, text=detail, headers=headers)


async def unsigned(_request: web.Request, response: web.StreamResponse) -> None:
    """Name the software without its parts' versions: they are nobody's business but ours."""
    response.headers["Server"] = "fedispace"


class Health:
    """Tells a supervisor whether the process lives, and a load balancer whether to send people here."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/livez", self._live),
            web.get("/readyz", self._ready),
            web.get("/health", self._ready),
        ]

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def _ready(self, _request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(READY_SECONDS), self._db.reading() as tx:
                await tx.execute(text("SELECT 1"))
        except (TimeoutError, SQLAlchemyError, OSError, Unavailable):
            return web.Response(status=503, text="The database does not answer.")
        return web.Response(text="OK")
