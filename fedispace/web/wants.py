"""Does a request want ActivityPub where we have a page?

Then it is sent to the object's own address; or answered, where the page is the only address there is.
"""

import msgspec
from aiohttp import web

from fedispace.federation import codec
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.objects import Collection
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


def as_activity(collection: Collection) -> web.Response:
    """Return a collection as ActivityPub. It is the same for everybody."""
    return web.Response(
        body=msgspec.json.encode(codec.write(collection)),
        headers={
            "Content-Type": "application/activity+json; charset=utf-8",
            "Vary": "Accept",
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "public, max-age=60",
        },
    )
