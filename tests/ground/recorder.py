"""A small fediverse inside the test process: many actors on many hosts, and a record of every delivery.

It does not verify what it receives (the independent peers do); it answers, counts and remembers.
"""

import asyncio
import io
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.ground.ca import Authority
from tests.ground.names import Names, RunResolver
from tests.ground.signing import ACTIVITY_TYPE, Headers, SigningKey, new_private_key, signed_headers

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One POST that arrived at an inbox."""

    host: str
    path: str
    activity: dict[str, Any]
    headers: dict[str, str]
    at: float
    answered: bool = False


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came back from a POST of ours."""

    status: int
    body: str
    seconds: float


class Recorder:
    """Hosts that listen on one address of the run; every user name exists on each of them."""

    def __init__(self, names: Names, authority: Authority, *hosts: str, delay: float = 0.0) -> None:
        self.hosts = hosts
        self.delay = delay
        self.deliveries: list[Delivery] = []
        self.documents: dict[str, dict[str, Any]] = {}
        self.redirects: dict[str, str] = {}
        self.fetched: list[str] = []
        self._address = names.address_of(*hosts)
        self._names = names
        self._certificate = authority.issue(*hosts)
        self._authority = authority
        self._private = new_private_key()

    async def __aenter__(self) -> Self:
        trust = self._authority.client_context()
        connector = aiohttp.TCPConnector(resolver=RunResolver(self._names), ssl=trust, limit=50)
        self.session = aiohttp.ClientSession(
            connector=connector, skip_auto_headers=("Accept", "Content-Type", "User-Agent")
        )
        tls = self._certificate.server_context()
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_get("/.well-known/webfinger", self._webfinger)
        app.router.add_get("/{path:.*}", self._document)
        app.router.add_post("/{path:.*}", self._inbox)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, 443, ssl_context=tls).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self._runner.cleanup()

    def actor(self, user: str, host: str | None = None) -> str:
        return f"https://{host or self.hosts[0]}/users/{user}"

    def key(self, actor: str) -> SigningKey:
        """Return the key of `actor`; all actors of the recorder share one, generating is slow."""
        return SigningKey(key_id=f"{actor}#main-key", private=self._private)

    def actor_document(self, actor: str) -> dict[str, Any]:
        return {
            "@context": CONTEXT,
            "id": actor,
            "type": "Person",
            "preferredUsername": actor.rsplit("/", 1)[1],
            "inbox": f"{actor}/inbox",
            "outbox": f"{actor}/outbox",
            "followers": f"{actor}/followers",
            "publicKey": {
                "id": f"{actor}#main-key",
                "owner": actor,
                "publicKeyPem": self.key(actor).public_pem,
            },
        }

    def note(self, actor: str, content: str, **more: Any) -> dict[str, Any]:
        """Return a public Note of `actor` and serve it under its id."""
        id_ = f"{actor.split('/users/')[0]}/notes/{secrets.token_hex(8)}"
        note = {
            "id": id_,
            "type": "Note",
            "attributedTo": actor,
            "content": content,
            "to": [PUBLIC],
            "cc": [],
            "published": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **more,
        }
        self.documents[id_] = {"@context": CONTEXT, **note}
        return note

    def activity(self, kind: str, actor: str, object_: object, **more: Any) -> dict[str, Any]:
        id_ = f"{actor.split('/users/')[0]}/activities/{secrets.token_hex(8)}"
        return {"@context": CONTEXT, "id": id_, "type": kind, "actor": actor, "object": object_, **more}

    def create(self, note: dict[str, Any]) -> dict[str, Any]:
        return self.activity("Create", note["attributedTo"], note, to=note["to"], cc=note["cc"])

    async def send(self, inbox: str, activity: dict[str, Any]) -> Answer:
        """POST `activity`, properly signed by its actor."""
        body = json.dumps(activity).encode()
        return await self.post(inbox, body, signed_headers(self.key(activity["actor"]), "POST", inbox, body))

    async def post(self, url: str, body: bytes, headers: Headers) -> Answer:
        """POST exactly these headers, repeats and lies included."""
        began = time.monotonic()
        async with self.session.post(
            url, data=io.BytesIO(body), headers=headers, allow_redirects=False
        ) as response:
            text = await response.text()
            return Answer(status=response.status, body=text, seconds=time.monotonic() - began)

    def received(self, kind: str, *, inboxes: Iterable[str] | None = None) -> list[dict[str, Any]]:
        wanted = None if inboxes is None else set(inboxes)
        return [
            delivery.activity
            for delivery in self.deliveries
            if delivery.activity.get("type") == kind
            and (wanted is None or f"https://{delivery.host}{delivery.path}" in wanted)
        ]

    async def _webfinger(self, request: web.Request) -> web.Response:
        user, _, host = request.query.get("resource", "").removeprefix("acct:").partition("@")
        if host not in self.hosts:
            raise web.HTTPNotFound
        links = [{"rel": "self", "type": ACTIVITY_TYPE, "href": self.actor(user, host)}]
        return web.json_response(
            {"subject": f"acct:{user}@{host}", "links": links}, content_type="application/jrd+json"
        )

    async def _document(self, request: web.Request) -> web.Response:
        url = f"https://{request.host}{request.path}"
        self.fetched.append(url)
        if url in self.redirects:
            raise web.HTTPFound(self.redirects[url])
        document = self.documents.get(url)
        parts = request.path.strip("/").split("/")
        if document is None and parts[0] == "users" and len(parts) == 2:
            document = self.actor_document(url)
        if document is None and parts[0] == "users" and len(parts) == 3:
            document = {
                "@context": CONTEXT,
                "id": url,
                "type": "OrderedCollection",
                "totalItems": 0,
                "orderedItems": [],
            }
        if document is None:
            raise web.HTTPNotFound
        return web.json_response(document, content_type=ACTIVITY_TYPE)

    async def _inbox(self, request: web.Request) -> web.Response:
        delivery = Delivery(
            host=request.host,
            path=request.path,
            activity=json.loads(await request.read()),
            headers={name.lower(): value for name, value in request.headers.items()},
            at=time.monotonic(),
        )
        self.deliveries.append(delivery)
        if self.delay:
            await asyncio.sleep(self.delay)
        delivery.answered = True
        return web.Response(status=202)
