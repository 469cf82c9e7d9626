"""A server written by somebody else: shows what it is told to, takes what it is sent, signs by the draft.

Every host name leads to its one port; what it does is scripted per address. Nothing of ours is in it
but the JSON of an actor.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from fedispace.clock import Clock
from fedispace.net import Net
from tests.ground.ports import free_port
from tests.ground.signing import ACTIVITY_TYPE, SigningKey, new_private_key, signed_headers

CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Return a key of the run; making one is slow."""
    return new_private_key()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One POST, as it arrived."""

    host: str
    path: str
    activity: dict[str, Any]
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back from a request of the peer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        """The short reason in a problem document."""
        return str(json.loads(self.body)["title"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """`documents`, `pages` (HTML), `statuses`, `redirects`, `answers` and `hanging` go by address.

    Tests write in them.
    """

    def __init__(self, clock: Clock) -> None:
        self.port = free_port()
        self.clock = clock
        self.documents: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.moved: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.answers: defaultdict[str, list[int]] = defaultdict(list)
        self.retry_after: dict[str, str] = {}
        self.dialects: dict[str, str] = {}
        self.accept_signature: dict[str, str] = {}
        self.takes: dict[str, Callable[[web.Request], bool]] = {}
        self.hanging: set[str] = set()
        self.broken_by: set[str] = set()
        self.let_go = asyncio.Event()
        self.asked: list[str] = []
        self.asked_with: list[Mapping[str, str]] = []
        self.received: list[Received] = []
        self.arrived = asyncio.Condition()
        self.peak: defaultdict[str, int] = defaultdict(int)
        self._open: defaultdict[str, int] = defaultdict(int)
        self.sends_to: dict[str, int] = {}

    async def start(self) -> None:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_get("/{path:.*}", self._show)
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self._session = aiohttp.ClientSession(auto_decompress=False)

    async def close(self) -> None:
        self.let_go.set()
        await self._session.close()
        await self._runner.cleanup()

    def net(self, *hosts: str, **more: Any) -> Net:
        """Return a fetcher for which these hosts are this peer."""
        return Net(
            allow_private=["127.0.0.0/8"],
            allow_http=True,
            user_agent="fedispace tests",
            resolver=dict.fromkeys(hosts, ("127.0.0.1", self.port)),
            **more,
        )

    def actor(self, name: str = "carol", host: str = "c.test", *, key: str = "one", **more: Any) -> str:
        """Show an actor, and return its id."""
        uri = f"http://{host}/users/{name}"
        self.documents[uri] = {
            "@context": CONTEXT,
            "id": uri,
            "type": "Person",
            "preferredUsername": name,
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "followers": f"{uri}/followers",
            "endpoints": {"sharedInbox": f"http://{host}/inbox"},
            "publicKey": {
                "id": f"{uri}#main-key",
                "owner": uri,
                "publicKeyPem": SigningKey(key_id="", private=private_key(key)).public_pem,
            },
            **more,
        }
        return uri

    def note(self, author: str, number: int, **more: Any) -> dict[str, Any]:
        """Show a public note, and return it."""
        uri = f"{author}/notes/{number}"
        self.documents[uri] = {
            "@context": CONTEXT,
            "id": uri,
            "type": "Note",
            "attributedTo": author,
            "content": f"<p>Note {number}</p>",
            "published": "2026-11-12T18:00:00Z",
            "to": [PUBLIC],
            "cc": [f"{author}/followers"],
            **more,
        }
        return self.documents[uri]

    def activity(self, type_: str, actor: str, object_: Any, number: int = 1, **more: Any) -> dict[str, Any]:
        return {
            "@context": CONTEXT,
            "id": f"{actor}/activities/{type_}/{number}",
            "type": type_,
            "actor": actor,
            "object": object_,
            **more,
        }

    async def post(
        self,
        url: str,
        activity: Mapping[str, Any] | bytes,
        *,
        by: str | None = None,
        key: str = "one",
        key_id: str | None = None,
        signed: bool = True,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **signing: Any,
    ) -> Answer:
        """POST an activity to an instance, signed as `by` (its actor, unless told otherwise).

        `body` replaces the bytes after they were signed.
        """
        raw = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        owner = by or (activity["actor"] if not isinstance(activity, bytes) else "")
        sent: dict[str, str] = {"Host": urlsplit(url).netloc, "Content-Type": ACTIVITY_TYPE}
        if signed:
            signer = SigningKey(key_id=key_id or f"{owner}#main-key", private=private_key(key))
            signing.setdefault("date", self.clock.now())
            sent = dict(signed_headers(signer, "POST", url, raw, **signing))
        return await self._request("POST", url, {**sent, **(headers or {})}, raw if body is None else body)

    async def get(
        self, url: str, *, by: str | None = None, accept: str | None = ACTIVITY_TYPE, key: str = "one",
        method: str = "GET",
    ) -> Answer:  # fmt: skip
        """GET from an instance, signed as `by` or not at all."""
        headers = {"Host": urlsplit(url).netloc}
        if by is not None:
            signer = SigningKey(key_id=f"{by}#main-key", private=private_key(key))
            covered = ("(request-target)", "host", "date")
            headers = dict(signed_headers(signer, method, url, None, date=self.clock.now(), covered=covered))
        headers.pop("Accept", None)
        if accept is not None:
            headers["Accept"] = accept
        return await self._request(method, url, headers, None)

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        port = self.sends_to[parts.netloc]
        target = f"http://127.0.0.1:{port}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        async with self._session.request(
            method,
            target,
            headers=headers,
            data=body,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Content-Type", "User-Agent", "Accept-Encoding"),
        ) as response:
            return Answer(status=response.status, headers=response.headers.copy(), body=await response.read())

    def activities(self, host: str | None = None) -> list[str]:
        """Return the ids of what arrived, in order."""
        return [each.activity["id"] for each in self.received if host in (None, each.host)]

    async def gets(self, activity: str, *, within: float) -> None:
        """Return when that activity has arrived; fail when it does not."""
        async with asyncio.timeout(within), self.arrived:
            await self.arrived.wait_for(lambda: activity in self.activities())

    async def has_received(self, count: int) -> None:
        """Return when so many POSTs have arrived, answered or not."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.received) >= count)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        url = f"http://{request.host}{request.path_qs}"
        self.asked.append(url)
        self.asked_with.append(request.headers.copy())
        if url in self.hanging or request.host in self.hanging:
            await self.let_go.wait()
        if url in self.redirects:
            raise web.HTTPFound(self.redirects[url])
        if url in self.statuses:
            return web.Response(status=self.statuses[url])
        if url in self.pages:
            return web.Response(text=self.pages[url], content_type="text/html")
        if not self.takes.get(request.host, _whatever)(request):
            return web.Response(status=401, headers=self._challenge(request.host))
        if url not in self.documents:
            return web.Response(status=404)
        kind = "application/jrd+json" if "/.well-known/" in url else ACTIVITY_TYPE
        return web.Response(body=json.dumps(self.documents[url]).encode(), headers={"Content-Type": kind})

    async def _take(self, request: web.Request) -> web.StreamResponse:
        host = request.host
        if (to := self.moved.get(f"http://{host}{request.path}")) is not None:
            raise web.HTTPTemporaryRedirect(to)
        taken = Received(
            host=host,
            path=request.path,
            activity=json.loads(await request.read()),
            headers=request.headers.copy(),
        )
        self._open[host] += 1
        self.peak[host] = max(self.peak[host], self._open[host])
        async with self.arrived:
            self.received.append(taken)
            self.arrived.notify_all()
        try:
            if host in self.hanging:
                await self.let_go.wait()
        finally:
            self._open[host] -= 1
        dialect = "rfc9421" if "Signature-Input" in request.headers else "cavage"
        if taken.activity["id"] in self.broken_by:
            return web.Response(status=500)
        if self.dialects.get(host, dialect) != dialect or not self.takes.get(host, _whatever)(request):
            return web.Response(status=401, headers=self._challenge(host))
        scripted = self.answers[host].pop(0) if self.answers[host] else self.statuses.get(host, 202)
        headers = {"Retry-After": self.retry_after[host]} if host in self.retry_after else None
        return web.Response(status=scripted, headers=headers)

    def _challenge(self, host: str) -> dict[str, str] | None:
        asked = self.accept_signature.get(host)
        return None if asked is None else {"Accept-Signature": asked}


def _whatever(_request: web.Request) -> bool:
    return True
