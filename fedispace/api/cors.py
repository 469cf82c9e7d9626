"""Cross-origin access (the Fetch standard): everyone's scripts may call, none with our cookies.

This door never reads a cookie, so `*` gives a foreign page nothing that the page's own server could
not have fetched.
"""

from typing import Final

from aiohttp import web

from fedispace.api.routing import Headers

_EXPOSED: Final = (
    "Link, Location, ETag, Retry-After, Idempotency-Key, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)

ANY_ORIGIN: Final[Headers] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": _EXPOSED,
}


async def preflight(request: web.Request) -> web.Response:
    """Answer the question a browser asks before a call."""
    asked = request.headers.get("Access-Control-Request-Headers")
    return web.Response(
        status=204,
        headers={
            **ANY_ORIGIN,
            "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": asked or "Authorization, Content-Type, Idempotency-Key",
            "Access-Control-Max-Age": "86400",
            "Vary": "Access-Control-Request-Headers",
        },
    )
