"""How each part of the API tells an error: Mastodon's `{"error"}`, OAuth's, and problem+json.

What may not be seen and what does not exist give the same bytes: in Mastodon's dialect every
`NotFound` reads "Record not found".
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from fedispace import errors
from fedispace.accounts.oauth import OAuthRefused
from fedispace.api.entities.space import Problem
from fedispace.api.routing import Dialect, Headers

_STATUS: Final[Mapping[type[errors.FedispaceError], int]] = {
    errors.NotFound: 404,
    errors.Gone: 404,
    errors.Forbidden: 403,
    errors.Unauthenticated: 401,
    errors.Invalid: 422,
    errors.TooLarge: 413,
    errors.Outdated: 412,
    errors.Conflict: 422,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.Refused: 422,
}
_NATIVE_STATUS: Final[Mapping[type[errors.FedispaceError], int]] = {
    **_STATUS,
    errors.Gone: 410,
    errors.Conflict: 409,
}
_TITLES: Final = {
    400: "The request is not well-formed",
    401: "A valid token is needed",
    403: "Not allowed",
    404: "Not found",
    409: "Not possible in the present state",
    410: "Gone",
    412: "Outdated",
    413: "Too large",
    415: "A body of another type is expected",
    422: "Not acceptable",
    428: "A precondition is needed",
    429: "Too many requests",
    503: "Not available now",
}


def json_response(body: object, *, status: int = 200, headers: Headers | None = None) -> web.Response:
    """Answer with `body` as JSON; a named parameter of the type is what old clients choke on least."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )


def refusal(dialect: Dialect, error: errors.FedispaceError) -> web.Response:
    """Tell `error` in the words of `dialect`."""
    status = status_of(dialect, error)
    headers: Headers = {}
    if isinstance(error, errors.RateLimited | errors.Busy):
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(errors.AWAY_SECONDS)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="fedispace"'
    return told(dialect, status, error.detail, headers=headers, code=_code_of(error))


def told(
    dialect: Dialect,
    status: int,
    detail: str,
    *,
    headers: Headers | None = None,
    code: str = "invalid_request",
) -> web.Response:
    """Tell `status` and `detail` in the words of `dialect`."""
    if dialect is Dialect.NATIVE:
        title = _TITLES.get(status, "Refused")
        problem = Problem(type="about:blank", title=title, status=status, detail=detail)
        return web.Response(
            body=msgspec.json.encode(problem),
            status=status,
            headers=headers,
            content_type="application/problem+json",
        )
    if dialect is Dialect.OAUTH:
        return json_response({"error": code, "error_description": detail}, status=status, headers=headers)
    text = "Record not found" if status == 404 else detail
    return json_response({"error": text}, status=status, headers=headers)


def status_of(dialect: Dialect, error: errors.FedispaceError) -> int:
    """Return the HTTP status of `error`; a class without a row has its parent's."""
    if isinstance(error, OAuthRefused):
        return 401 if error.code == "invalid_client" else 400
    table = _NATIVE_STATUS if dialect is Dialect.NATIVE else _STATUS
    for kind in type(error).__mro__:
        if kind in table:
            return table[kind]
    return 422


def _code_of(error: errors.FedispaceError) -> str:
    if isinstance(error, OAuthRefused):
        return error.code
    return "invalid_token" if isinstance(error, errors.Unauthenticated) else "invalid_request"
