"""Whose form this is, and where a browser may be sent: the rules against forged requests.

A form that writes must come from a page of ours: its `Origin` is ours (a browser sends one with
every POST), and it carries the session's CSRF token. Either would do; both are asked for, because
each has been circumvented somewhere. A missing or `null` origin is a foreign one.
"""

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from fedispace.errors import Forbidden

_FORBIDDEN_IN_PATHS = frozenset("\\\t\r\n\0")


def require_ours(request: web.Request, origin: str) -> None:
    """Refuse a form another site sent, or had sent (CSRF)."""
    said = request.headers.getall("Origin", [])
    if len(said) != 1 or said[0] != origin:
        raise Forbidden(f"This form did not come from {origin}. Open the page there and try again.")


def require_token(given: str, expected: str) -> None:
    """Refuse a form that does not know the session's own secret."""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden("This page was open for too long. Go back, reload it, and try again.")


def safe_next(path: str, default: str = "/") -> str:
    """Return `path` if it leads to one of our own pages, else `default` (open redirects).

    Browsers read `//evil` and `/\\evil` as another host, and drop tabs and line breaks before they
    decide; what is not plainly a path of ours is not followed.
    """
    if not path.startswith("/") or path.startswith("//") or len(path) > 2000:
        return default
    if any(char in _FORBIDDEN_IN_PATHS or ord(char) < 0x21 for char in path):
        return default
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else default
