"""Does a request want ActivityPub where we have a page? Then it is sent to the object's own address."""

from aiohttp import web

from fedispace.federation.addresses import Addresses
from fedispace.web.routing import Asked

_ACTIVITY = ("application/activity+json", "application/ld+json")


def wants_activity(asked: Asked) -> bool:
    """Tell whether the Accept header names ActivityPub's types and no page."""
    accepted = asked.request.headers.get("Accept", "").lower()
    return "text/html" not in accepted and any(kind in accepted for kind in _ACTIVITY)


def to_object(uri: str, addresses: Addresses) -> web.Response | None:
    """Return the way to the object, when it is one of ours; nobody is sent to another server."""
    if not addresses.is_ours(uri):
        return None
    return web.Response(status=302, headers={"Location": uri, "Vary": "Accept"})
