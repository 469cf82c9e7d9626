"""The federation door: inboxes, ActivityPub documents by id, discovery.

Parse, one call, present. An inbox answers 202 once the activity is durable, and a short problem
document (RFC 9457) when it refuses; what is refused is logged with one reason and leaves no row.
How its answers look is in `answers.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from fedispace.errors import (
    FedispaceError,
    Gone,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)
from fedispace.federation import codec
from fedispace.federation.addresses import Addresses
from fedispace.federation.answers import (
    OPEN,
    UNSTORED,
    VARY,
    activity_bytes,
    activity_json,
    challenge,
    plain_json,
    problem_of,
)
from fedispace.federation.inbox import Inbox
from fedispace.federation.routes import Asker, Document, DocumentRoute, DocumentRoutes, Stored, Verified
from fedispace.federation.rumours import Rumours
from fedispace.federation.signatures import is_signed
from fedispace.federation.signed_request import SignedRequest
from fedispace.federation.synchronization import HEADER
from fedispace.federation.verify import Hearsay, Unheeded, Verifier
from fedispace.federation.vocab.activities import Activity, Join
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Event, Note, Tombstone
from fedispace.federation.vocab.uri import Uri
from fedispace.net import is_activity_type

log = structlog.get_logger()

MAX_BODY = 1024 * 1024
BODY_SECONDS = 15.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Instead = Callable[[web.Request, FedispaceError], Awaitable[web.StreamResponse]]
"""What people see who come with a browser to an object that is not there, or not for them."""

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


class Synchronization(Protocol):
    """Compares who of ours follows a sender with what its server says (FEP-8fcf)."""

    async def heard(self, sender: str, header: str) -> None: ...


class BlockedAskers(Protocol):
    """Knows whom the people of this instance block."""

    async def is_blocked(self, name: str, asker: Uri) -> bool: ...


class FederationDoor:
    """The HTTP face of `federation/`."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        verifier: Verifier,
        rumours: Rumours,
        synchronization: Synchronization,
        blocked: BlockedAskers,
        addresses: Addresses,
        discovery: Discovery,
        join_door: JoinDoor,
        authorized_fetch: bool,
    ) -> None:
        self._inbox = inbox
        self._verifier = verifier
        self._rumours = rumours
        self._synchronization = synchronization
        self._blocked = blocked
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

    def routes(self, instead: Instead | None = None) -> list[web.RouteDef]:
        """Return the aiohttp routes of everything mounted; a slash at the end is tolerated."""
        shown: list[tuple[str, Any]] = [
            *((pattern, self._show(*entry, instead)) for pattern, entry in self._documents.items()),
            ("/.well-known/webfinger", self._answering(self._webfinger, OPEN)),
            ("/.well-known/host-meta", self._answering(self._host_meta, OPEN)),
            ("/.well-known/host-meta.json", self._answering(self._host_meta_json, OPEN)),
            ("/.well-known/nodeinfo", self._answering(self._nodeinfo_links, OPEN)),
            ("/nodeinfo/{version}", self._answering(self._nodeinfo, OPEN)),
        ]
        taken = [(path, self._answering(self._receive)) for path in INBOXES]
        taken.append(("/spaces/{id}/join", self._answering(self._join)))
        return [
            *(web.post(path + slash, handler) for path, handler in taken for slash in ("", "/")),
            *(web.get(path + slash, handler) for path, handler in shown for slash in ("", "/")),
        ]

    def _answering(self, handler: Handler, headers: Mapping[str, str] | None = None) -> Handler:
        """Answer what `handler` raises with a problem document."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except FedispaceError as error:
                if isinstance(error, Refused):
                    log.info("door.refused", path=request.path, reason=error.reason, detail=error.detail)
                return problem_of(error, {**challenge(request, error), **(headers or {})})
            except (SQLAlchemyError, OSError) as error:
                log.exception("door.database_away", path=request.path)
                away = Unavailable("The database is away; ask again later.")
                away.__cause__ = error
                return problem_of(away, headers)

        return answer

    async def _receive(self, request: web.Request) -> web.Response:
        signed = await _signed_request(request, self._addresses.origin)
        arrived = await self._verifier.arrival(signed)
        if isinstance(arrived, Verified):
            await self._inbox.accept(arrived, signed.body)
            if (stated := request.headers.get(HEADER)) is not None:
                await self._synchronization.heard(arrived.sender, stated)
        elif isinstance(arrived, Hearsay):
            await self._rumours.heard(arrived)
        return web.Response(status=202)

    async def _join(self, request: web.Request) -> web.Response:
        signed = await _signed_request(request, self._addresses.origin)
        verified = await self._verifier.activity(signed)
        if isinstance(verified, Unheeded) or not isinstance(verified.activity, Join):
            raise Refused("schema", "A Join is expected here.", status=400)
        status, answer = await self._join_door.answer(Verified(verified.activity, verified.sender))
        return activity_json(codec.write(answer), status=status, private=True)

    def _show(self, route: DocumentRoute, feature: object, instead: Instead | None) -> Handler:
        loader = route.loader.__get__(feature)

        async def show(request: web.Request) -> web.StreamResponse:
            is_for_people = not wants_activity(request.headers.getall("Accept", []))
            if instead is None or not is_for_people:
                return await document(request, is_for_people=is_for_people)
            try:
                answer = await document(request, is_for_people=True)
                if answer.status != 410:
                    return answer
                gone: FedispaceError = Gone("Whoever wrote it deleted it.")
            except (NotFound, Gone) as error:
                gone = error
            answer = await instead(request, gone)
            answer.headers.update({**VARY, **UNSTORED})
            return answer

        async def document(request: web.Request, *, is_for_people: bool) -> web.StreamResponse:
            asker = await self._asker(request)
            is_unwelcome = await self._is_unwelcome(request, asker)
            found: Document = await loader(_names(request), asker)
            if is_unwelcome and not isinstance(found, Actor):
                raise NotFound("There is no such thing.")
            if isinstance(found, Stored):
                self._require_known(asker)
                return activity_bytes(found.body, private=asker.actor is not None)
            if isinstance(found, Tombstone):
                return activity_json(codec.write(found), status=410, private=asker.actor is not None)
            if is_for_people and (page := _page_of(found)):
                raise web.HTTPSeeOther(page, headers={**VARY, **UNSTORED})
            document: Mapping[str, Any] = codec.write(found)
            if not isinstance(found, Actor):
                self._require_known(asker)
            elif is_unwelcome or (
                self._is_for_strangers(asker) and found.id != self._addresses.instance_actor
            ):
                document = _key_only(document)
            return activity_json(document, private=asker.actor is not None)

        return self._answering(show)

    async def _is_unwelcome(self, request: web.Request, asker: Asker) -> bool:
        """Tell whether somebody asks for what is of a person who blocks them.

        They get what they need to verify that person's signatures, and for the rest there is nothing.
        """
        name = request.match_info.get("name")
        return (
            asker.actor is not None and name is not None and await self._blocked.is_blocked(name, asker.actor)
        )

    def _is_for_strangers(self, asker: Asker) -> bool:
        return self._authorized_fetch and asker.actor is None

    def _require_known(self, asker: Asker) -> None:
        if self._is_for_strangers(asker):
            raise Refused("sig_missing", "This server answers signed requests only.")

    async def _asker(self, request: web.Request) -> Asker:
        """Return who signed the GET. A signature that does not hold makes an anonymous asker.

        Who is blocked is told so, whatever an anonymous asker would see. Where only known askers are
        answered, a signature that does not hold is refused too: what a stranger gets would take the
        place of the whole document at a peer that did sign.

        Nobody is asked who they are for the instance actor: its key is what a peer needs to verify the
        very request by which we would fetch theirs, and two servers that both ask first wait forever.
        """
        if request.path.rstrip("/") == urlsplit(self._addresses.instance_actor).path:
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
        except (Refused, Unavailable) as error:
            reason = error.reason if isinstance(error, Refused) else "unavailable"
            if reason == "blocked" or self._authorized_fetch:
                raise
            log.info("fetch.signature_refused", reason=reason)
            return Asker()

    async def _webfinger(self, request: web.Request) -> web.Response:
        resource = _names(request).get("resource", "")
        if not resource:
            raise Invalid("Say whom you look for: ?resource=acct:name@host")
        return plain_json(await self._discovery.webfinger(resource), "application/jrd+json; charset=utf-8")

    async def _host_meta(self, _request: web.Request) -> web.Response:
        return web.Response(
            text=self._discovery.host_meta(), content_type="application/xrd+xml", headers=OPEN
        )

    async def _host_meta_json(self, _request: web.Request) -> web.Response:
        """Return host-meta as RFC 6415 spells it in JSON (appendix A)."""
        template = f"{self._addresses.origin}/.well-known/webfinger?resource={{uri}}"
        links = [{"rel": "lrdd", "type": "application/jrd+json", "template": template}]
        return plain_json({"links": links}, "application/jrd+json; charset=utf-8")

    async def _nodeinfo_links(self, _request: web.Request) -> web.Response:
        return plain_json(self._discovery.nodeinfo_links(), "application/json; charset=utf-8")

    async def _nodeinfo(self, request: web.Request) -> web.Response:
        version = request.match_info["version"].removesuffix(".json")
        if version not in ("2.0", "2.1"):
            raise NotFound("NodeInfo is served in versions 2.0 and 2.1.")
        profile = f"http://nodeinfo.diaspora.software/ns/schema/{version}#"
        return plain_json(
            await self._discovery.nodeinfo(version), f'application/json; profile="{profile}"; charset=utf-8'
        )


_KEY_FIELDS = ("@context", "id", "type", "preferredUsername", "inbox", "publicKey", "assertionMethod")


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
    encodings = request.headers.getall("Content-Encoding", [])
    if any(encoding.strip().lower() != "identity" for encoding in encodings):
        raise Refused("content_type", "Send the body uncompressed.", status=415)
    _check_size(request.content_length or 0)
    return SignedRequest(
        method="POST",
        target=request.raw_path,
        headers=_headers(request),
        body=await _body(request),
        origin=origin,
    )


async def _body(request: web.Request) -> bytes:
    if request.content.is_eof():  # it came with the head, as nearly all do: there is nothing to wait for
        body = request.content.read_nowait()
        _check_size(len(body))
        return body
    try:
        async with asyncio.timeout(BODY_SECONDS):
            chunks = bytearray()
            async for chunk in request.content.iter_any():
                chunks += chunk
                _check_size(len(chunks))
            return bytes(chunks)
    except TimeoutError:
        raise Refused("timeout", "The body did not arrive in time.", status=408) from None


def _check_size(size: int) -> None:
    if size > MAX_BODY:
        raise Refused("too_large", "An activity may have 1 MiB.", status=413)


def _headers(request: web.Request) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        for name, value in request.raw_headers
    ]


def _names(request: web.Request) -> dict[str, str]:
    """Return the names of the path and the query. No name has a NUL: PostgreSQL takes it for an error."""
    names = {**request.query, **request.match_info}
    if any("\0" in name for name in names.values()):
        raise NotFound("There is no such thing.")
    return names


def _page_of(found: Document) -> str | None:
    return found.url if isinstance(found, Actor | Note | Event) else None


def _key_only(actor: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a stranger needs to verify our signatures, and no more."""
    return {name: actor[name] for name in _KEY_FIELDS if name in actor}
