"""The federation door: inboxes, ActivityPub documents by id, discovery.

Parse, one call, present. An inbox answers 202 once the activity is durable, and a short problem
document (RFC 9457) when it refuses; what is refused is logged with one reason and leaves no row.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import codec
from fedispace.federation.addresses import Addresses
from fedispace.federation.inbox import Inbox
from fedispace.federation.routes import Asker, Document, DocumentRoute, DocumentRoutes, Verified
from fedispace.federation.signatures import is_signed
from fedispace.federation.signed_request import SignedRequest
from fedispace.federation.verify import SelfDelete, Verifier
from fedispace.federation.vocab.activities import Activity, Join
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Event, Note, Tombstone
from fedispace.net import is_activity_type

log = structlog.get_logger()

ACTIVITY_JSON = "application/activity+json; charset=utf-8"
MAX_BODY = 1024 * 1024
BODY_SECONDS = 15.0
INBOXES = ("/inbox", "/actor/inbox", "/users/{name}/inbox")


class Discovery(Protocol):
    """Answers who is here: WebFinger, host-meta, NodeInfo."""

    async def webfinger(self, resource: str) -> Mapping[str, Any]: ...

    def host_meta(self) -> str: ...

    def nodeinfo_links(self) -> Mapping[str, Any]: ...

    async def nodeinfo(self, version: str) -> Mapping[str, Any]: ...


class JoinDoor(Protocol):
    """Answers a signed Join while the peer waits: the status and an Accept or a Reject."""

    async def answer(self, verified: Verified[Join]) -> tuple[int, Activity]: ...


class FederationDoor:
    """The HTTP face of `federation/`."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        verifier: Verifier,
        addresses: Addresses,
        discovery: Discovery,
        join_door: JoinDoor,
        authorized_fetch: bool,
    ) -> None:
        self._inbox = inbox
        self._verifier = verifier
        self._addresses = addresses
        self._discovery = discovery
        self._join_door = join_door
        self._authorized_fetch = authorized_fetch
        self._documents: dict[str, tuple[DocumentRoute, object]] = {}

    def mount(self, routes: DocumentRoutes, feature: object) -> None:
        """Serve a feature's documents; the same pattern twice is a programming error."""
        for route in routes.table:
            if route.pattern in self._documents:
                raise ValueError(f"two documents at {route.pattern}")
            self._documents[route.pattern] = (route, feature)

    def routes(self) -> list[web.RouteDef]:
        """Return the aiohttp routes of everything mounted."""
        return [
            *(web.post(path, self._receive) for path in INBOXES),
            web.post("/spaces/{id}/join", self._join),
            *(web.get(pattern, self._show(*entry)) for pattern, entry in self._documents.items()),
            web.get("/.well-known/webfinger", self._webfinger),
            web.get("/.well-known/host-meta", self._host_meta),
            web.get("/.well-known/nodeinfo", self._nodeinfo_links),
            web.get("/nodeinfo/{version}", self._nodeinfo),
        ]

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            signed = await _signed_request(request, self._addresses.origin)
            verified = await self._verifier.activity(signed)
            if not isinstance(verified, SelfDelete):
                await self._inbox.accept(verified, signed.body)
        except Refused as refusal:
            log.info("inbox.refused", reason=refusal.reason, detail=refusal.detail)
            return _problem(refusal.status, refusal.reason, refusal.detail)
        except Invalid as error:
            return _problem(400, "invalid", error.detail)
        except Unavailable as error:
            return _problem(503, "unavailable", error.detail, {"Retry-After": "60"})
        return web.Response(status=202)

    async def _join(self, request: web.Request) -> web.Response:
        try:
            signed = await _signed_request(request, self._addresses.origin)
            verified = await self._verifier.activity(signed)
            if isinstance(verified, SelfDelete) or not isinstance(verified.activity, Join):
                raise Refused("schema", "A Join is expected here.", status=400)
            status, answer = await self._join_door.answer(Verified(verified.activity, verified.sender))
        except Refused as refusal:
            log.info("join.refused", reason=refusal.reason, detail=refusal.detail)
            return _problem(refusal.status, refusal.reason, refusal.detail)
        except NotFound as error:
            return _problem(404, "not_found", error.detail)
        except Invalid as error:
            return _problem(400, "invalid", error.detail)
        return _activity_json(codec.write(answer), status=status, private=True)

    def _show(self, route: DocumentRoute, feature: object) -> Any:
        loader = route.loader.__get__(feature)

        async def show(request: web.Request) -> web.StreamResponse:
            asker = await self._asker(request)
            try:
                found: Document = await loader({**request.query, **request.match_info}, asker)
            except NotFound as error:
                return _problem(404, "not_found", error.detail)
            except Gone as error:
                return _problem(410, "gone", error.detail)
            if isinstance(found, Tombstone):
                return _activity_json(codec.write(found), status=410)
            if not wants_activity(request.headers.getall("Accept", [])) and (page := _page_of(found)):
                raise web.HTTPSeeOther(page, headers=_VARY)
            if self._authorized_fetch and asker.actor is None:
                if not isinstance(found, Actor):
                    return _problem(401, "sig_missing", "This server answers signed requests only.")
                if found.id != self._addresses.instance_actor:
                    found = _key_only(found)
            return _activity_json(codec.write(found), private=asker.actor is not None)

        return show

    async def _asker(self, request: web.Request) -> Asker:
        """Return who signed the GET. A signature that does not hold makes an anonymous asker.

        Nobody is asked who they are for the instance actor: its key is what a peer needs to verify the
        very request by which we would fetch theirs, and two servers that both ask first wait forever.
        """
        if request.path == urlsplit(self._addresses.instance_actor).path:
            return Asker()
        signed = SignedRequest(
            method=request.method,
            target=request.raw_path,
            headers=_headers(request),
            origin=self._addresses.origin,
        )
        if not is_signed(signed):
            return Asker()
        try:
            return Asker(await self._verifier.asker(signed))
        except Refused as refusal:
            log.info("fetch.signature_refused", reason=refusal.reason)
            return Asker()

    async def _webfinger(self, request: web.Request) -> web.Response:
        try:
            answer = await self._discovery.webfinger(request.query.get("resource", ""))
        except Invalid as error:
            return _problem(400, "invalid", error.detail, _OPEN)
        except NotFound as error:
            return _problem(404, "not_found", error.detail, _OPEN)
        return _json(answer, "application/jrd+json; charset=utf-8")

    async def _host_meta(self, _request: web.Request) -> web.Response:
        return web.Response(
            text=self._discovery.host_meta(), content_type="application/xrd+xml", headers=_OPEN
        )

    async def _nodeinfo_links(self, _request: web.Request) -> web.Response:
        return _json(self._discovery.nodeinfo_links(), "application/json; charset=utf-8")

    async def _nodeinfo(self, request: web.Request) -> web.Response:
        version = request.match_info["version"].removesuffix(".json")
        if version not in ("2.0", "2.1"):
            return _problem(404, "not_found", "NodeInfo is served in versions 2.0 and 2.1.", _OPEN)
        profile = f"http://nodeinfo.diaspora.software/ns/schema/{version}#"
        return _json(
            await self._discovery.nodeinfo(version), f'application/json; profile="{profile}"; charset=utf-8'
        )


_VARY = {"Vary": "Accept, Signature"}
_OPEN = {"Access-Control-Allow-Origin": "*"}


def wants_activity(accept: list[str]) -> bool:
    """Tell whether a request asks for ActivityPub: by name, or by asking for anything but HTML."""
    ranges = [item.strip().lower() for value in accept for item in value.split(",") if item.strip()]
    if any(is_activity_type(item) or item.startswith("application/ld+json") for item in ranges):
        return True
    return not any(item.startswith(("text/html", "application/xhtml+xml")) for item in ranges)


async def _signed_request(request: web.Request, origin: str) -> SignedRequest:
    """Read a POST whole, within its limits of type, size and time."""
    if not is_activity_type(request.headers.get("Content-Type", "")):
        raise Refused("content_type", "Send application/activity+json.", status=415)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("content_type", "Send the body uncompressed.", status=415)
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise Refused("too_large", "An activity may have 1 MiB.", status=413)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read_at_most(request, MAX_BODY)
    except TimeoutError:
        raise Refused("timeout", "The body did not arrive in time.", status=408) from None
    return SignedRequest(
        method="POST", target=request.raw_path, headers=_headers(request), body=body, origin=origin
    )


async def _read_at_most(request: web.Request, limit: int) -> bytes:
    chunks = bytearray()
    async for chunk in request.content.iter_any():
        chunks += chunk
        if len(chunks) > limit:
            raise Refused("too_large", "An activity may have 1 MiB.", status=413)
    return bytes(chunks)


def _headers(request: web.Request) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        for name, value in request.raw_headers
    ]


def _page_of(found: Document) -> str | None:
    return found.url if isinstance(found, Actor | Note | Event) else None


def _key_only(actor: Actor) -> Actor:
    """Return what a stranger needs to verify our signatures, and no more."""
    return Actor(
        id=actor.id,
        type=actor.type,
        preferred_username=actor.preferred_username,
        inbox=actor.inbox,
        public_keys=actor.public_keys,
    )


def _activity_json(document: Mapping[str, Any], *, status: int = 200, private: bool = False) -> web.Response:
    cache = "private, no-store" if private else "public, max-age=60"
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        headers={**_VARY, **_OPEN, "Content-Type": ACTIVITY_JSON, "Cache-Control": cache},
    )


def _json(document: Mapping[str, Any], content_type: str) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), headers={**_OPEN, "Content-Type": content_type})


def _problem(status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return RFC 9457 problem details."""
    return web.Response(
        status=status,
        body=msgspec.json.encode({"status": status, "title": reason, "detail": detail}),
        headers={**_VARY, **(headers or {}), "Content-Type": "application/problem+json"},
    )
