"""How the federation door answers: documents, discovery, problems (RFC 9457).

What a document shows may depend on who asks, and who asks is in the signature: so every answer says
`Vary: Accept, Signature`, and what was shown to somebody known is not to be stored anywhere.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from fedispace.errors import (
    Conflict,
    FedispaceError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)

ACTIVITY_JSON: Final = "application/activity+json; charset=utf-8"
VARY: Final = {"Vary": "Accept, Signature"}
OPEN: Final = {"Access-Control-Allow-Origin": "*"}
UNSTORED: Final = {"Cache-Control": "private, no-store"}


def activity_json(document: Mapping[str, Any], *, status: int = 200, private: bool = False) -> web.Response:
    return activity_bytes(msgspec.json.encode(document), status=status, private=private)


def activity_bytes(body: bytes, *, status: int = 200, private: bool) -> web.Response:
    cached = UNSTORED if private else {"Cache-Control": "public, max-age=60"}
    return web.Response(
        status=status,
        body=body,
        headers={**VARY, **OPEN, **cached, "Content-Type": ACTIVITY_JSON},
    )


def plain_json(document: Mapping[str, Any], content_type: str) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), headers={**OPEN, "Content-Type": content_type})


def challenge(request: web.Request, error: FedispaceError) -> Mapping[str, str]:
    """Say how to sign, to who did it badly or not at all (RFC 9421 section 5.1)."""
    if not isinstance(error, Refused) or error.status != 401 or not error.reason.startswith("sig_"):
        return {}
    digest = ' "content-digest"' if request.method == "POST" else ""
    return {"Accept-Signature": f'sig1=("@method" "@target-uri"{digest});created;keyid'}


_STATUSES: Mapping[type[FedispaceError], int] = {
    Invalid: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    RateLimited: 429,
    Unavailable: 503,
}
_AWAY_SECONDS = 60


def problem_of(error: FedispaceError, headers: Mapping[str, str] | None) -> web.Response:
    """Return RFC 9457 problem details. Nothing of it is kept: the next asker may be answered."""
    if isinstance(error, Refused):
        status, title = error.status, error.reason
    else:
        status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), 400)
        title = type(error).__name__.lower()
    retry: dict[str, str] = {}
    if isinstance(error, RateLimited | Unavailable):
        seconds = error.retry_after if isinstance(error, RateLimited) else _AWAY_SECONDS
        retry["Retry-After"] = str(seconds)
    return web.Response(
        status=status,
        body=msgspec.json.encode({"status": status, "title": title, "detail": error.detail}),
        headers={
            **VARY,
            **UNSTORED,
            **(headers or {}),
            **retry,
            "Content-Type": "application/problem+json",
        },
    )
