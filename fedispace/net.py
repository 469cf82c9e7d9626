"""The only module that opens outgoing connections.

Every address we are given is hostile: it may name our own network, lead there by a redirect or by a
name server that changes its mind, answer without end, or unpack to gigabytes. So:

- a URL is taken apart once and put together again from parts we understood (`_Target`);
- a name's addresses are all judged before any is used, and the address of every socket is judged again
  right before `connect`: there is no gap to change it in, and IP literals and redirects pass the same
  gate (`dialing.py`);
- redirects are followed by hand, at most three, each judged as if it were the first and signed anew for
  its own host, never from https to http and never twice to one place;
- one clock of 15 seconds runs over everything; bodies are counted after decompression.

Proxies from the environment are not used: they would see every address in our place.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy

from fedispace import strictjson
from fedispace.address_rule import AddressRule
from fedispace.connections import Connections
from fedispace.dialing import Dialler, Door
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.exchange import exchange, head
from fedispace.hosts import origin_of
from fedispace.judged_resolver import AddressRefused, JudgedResolver

ACTIVITY_TYPES: Final = (
    'application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
)
JSON_TYPES: Final = "application/jrd+json, application/json"

MAX_DOCUMENT: Final = 1024 * 1024
MAX_REPLY: Final = 64 * 1024
KEEP: Final = 1000
_MAX_REDIRECTS: Final = 3
_MAX_URL: Final = 2048
_TARGETS: Final = 8192
_GET_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_POST_REDIRECTS: Final = frozenset({307, 308})
_AS2: Final = "https://www.w3.org/ns/activitystreams"
_SAFE: Final = "%/:=&?~+!$,;'@()*[]|"

Sign = Callable[[str, str, bytes | None], Mapping[str, str]]
"""Returns the headers that sign (method, url, body); called once for each hop."""


class Unreachable(Unavailable):
    """A peer could not be reached or failed; `reason` is `timeout`, `dns`, `tls`, `connect` or `status`."""

    def __init__(self, reason: str, detail: str, *, retry_after: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.retry_after = retry_after


class Unauthorized(Refused):
    """A peer did not take our signature (401, 403); `accept_signature` is how it wants to be signed to."""

    def __init__(self, accept_signature: str | None) -> None:
        super().__init__("peer_unauthorized", "the peer refused our signature", status=403)
        self.accept_signature = accept_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back, after redirects; `url` is where it came from."""

    status: int
    url: str
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON object and the address that vouches for it."""

    url: str
    document: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """An address taken apart and put together again; `url` is exactly what is sent and signed."""

    url: str
    scheme: str
    authority: str
    path: str
    door: Door


class Net:
    """Fetches and posts for everybody in this process.

    `resolver` maps a host to an address and a port, for tests and local trials; what it answers is
    judged like any other address.
    """

    def __init__(
        self,
        *,
        allow_private: Iterable[str] = (),
        allow_http: bool = False,
        user_agent: str,
        resolver: Mapping[str, tuple[str, int]] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        total_seconds: float = 15.0,
        keep: int = KEEP,
    ) -> None:
        self._rule = AddressRule(allow_private, allow_http=allow_http)
        self._allow_http = allow_http
        self._always = {"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate"}
        judged = JudgedResolver(self._rule, resolver or {})
        self._connections = Connections(Dialler(self._rule, judged, ssl_context or _trust()).dial, keep=keep)
        self._total = total_seconds
        self._targets: dict[str, _Target] = {}

    async def close(self) -> None:
        """Close every connection; further requests open new ones."""
        self._connections.close()

    def may_reach(self, address: str) -> bool:
        """Tell whether something may be sent to that address, by other means than HTTP."""
        return self._rule.refusal(address, 443) is None

    async def get(
        self, url: str, *, accept: str, sign: Sign | None = None, limit: int = MAX_DOCUMENT
    ) -> Response:
        """GET with redirects; the answer is a success.

        Raises `Refused` with the reason, `NotFound` for 404, `Gone` for 410, `Unreachable` for a peer
        that fails, and `Unauthorized` for 401 and 403.
        """
        response = await self._request("GET", url, None, {"Accept": accept}, sign, limit, strict=True)
        _raise_for(response)
        return response

    async def post(
        self, url: str, body: bytes, *, content_type: str, sign: Sign | None, limit: int = MAX_REPLY
    ) -> Response:
        """POST and return the answer whatever its status; of a long answer only the beginning is read."""
        headers = {"Content-Type": content_type, "Accept": ACTIVITY_TYPES}
        return await self._request("POST", url, body, headers, sign, limit, strict=False)

    async def fetch_json(
        self, url: str, *, accept: str = JSON_TYPES, sign: Sign | None = None
    ) -> dict[str, Any]:
        """GET a JSON object that is not ActivityPub (WebFinger, NodeInfo)."""
        response = await self.get(url, accept=accept, sign=sign)
        mime = _mime(response)
        if mime != "application/json" and not mime.endswith("+json"):
            raise Refused("content_type", "the peer did not answer with JSON", status=403)
        return strictjson.loads(response.body)

    async def fetch_document(self, url: str, *, sign: Sign | None) -> Document:
        """GET an ActivityPub document whose own id is the address it came from (the origin rule).

        A document that states another id on the same origin is fetched once more from there, and must
        then agree with itself. Stops one server from speaking for another, and an uploaded file from
        passing for an activity: the content type must be one that no media storage uses.
        """
        document, final = await self._fetch_activity(url, sign)
        stated = document.get("id")
        if not isinstance(stated, str) or not _same_origin(stated, final):
            raise Refused("origin_mismatch", "the document claims another origin", status=403)
        if stated not in (final, _without_fragment(url)):
            document, final = await self._fetch_activity(stated, sign)
            if document.get("id") != stated or not _same_origin(stated, final):
                raise Refused("origin_mismatch", "the document does not agree with its id", status=403)
        return Document(url=stated, document=document)

    async def _fetch_activity(self, url: str, sign: Sign | None) -> tuple[dict[str, Any], str]:
        response = await self.get(url, accept=ACTIVITY_TYPES, sign=sign)
        if not is_activity_type(response.headers.get("Content-Type", "")):
            raise Refused("content_type", "the peer did not answer with ActivityPub", status=403)
        return strictjson.loads(response.body), response.url

    async def _request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        sign: Sign | None,
        limit: int,
        *,
        strict: bool,
    ) -> Response:
        """Send one request and follow its redirects within one budget of time."""
        redirects = _GET_REDIRECTS if method == "GET" else _POST_REDIRECTS
        target = self._target(url)
        seen = {target.url}
        try:
            async with asyncio.timeout(self._total):
                while True:
                    response = await self._hop(method, target, body, headers, sign, limit, strict=strict)
                    if response.status not in redirects or "Location" not in response.headers:
                        return response
                    target = self._following(target, response.headers["Location"], seen)
                    seen.add(target.url)
        except TimeoutError as error:
            raise Unreachable("timeout", "the peer did not answer in time") from error

    def _following(self, target: _Target, location: str, seen: Collection[str]) -> _Target:
        """Return where a redirect leads, if that is somewhere to go."""
        following = self._target(urljoin(target.url, location.strip()))
        if target.scheme == "https" and following.scheme == "http":
            raise Refused("downgrade", "the peer redirects from https to http", status=403)
        if following.url in seen:
            raise Refused("redirect_loop", "the peer redirects in a circle", status=403)
        if len(seen) > _MAX_REDIRECTS:
            raise Refused("redirect_limit", "the peer redirects too often", status=403)
        return following

    async def _hop(
        self,
        method: str,
        target: _Target,
        body: bytes | None,
        headers: Mapping[str, str],
        sign: Sign | None,
        limit: int,
        *,
        strict: bool,
    ) -> Response:
        """Send one request to one address.

        A kept connection that the peer was just closing fails at once; the request is sent once more,
        on another connection. (A peer that did take it recognises the activity by its id.)
        """
        sent = dict(headers)
        if sign is not None:
            sent.update(sign(method, target.url, body))
        try:
            try:
                return await self._send(target, body, sent, limit, strict=strict)
            except aiohttp.ServerDisconnectedError:
                return await self._send(target, body, sent, limit, strict=strict)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _translated(error) from error

    async def _send(
        self, target: _Target, body: bytes | None, headers: Mapping[str, str], limit: int, *, strict: bool
    ) -> Response:
        """POST a body, or GET without one; of a long answer the beginning, or nothing (`strict`)."""
        sent = {"Host": target.authority, **self._always, **headers}
        if body is not None:
            sent["Content-Length"] = str(len(body))
        request = head("GET" if body is None else "POST", target.path, sent) + (body or b"")
        async with exchange(self._connections, target.door, request) as answer:
            read = await _read(answer.payload, limit, strict=strict)
            return Response(status=answer.status, url=target.url, headers=answer.headers, body=read)

    def _target(self, url: str) -> _Target:
        """Return the judged form of an address; the inboxes we post to come again and again."""
        known = self._targets.get(url)
        if known is None:
            if len(self._targets) >= _TARGETS:
                self._targets.clear()
            known = self._targets[url] = self._judged(url)
        return known

    def _judged(self, url: str) -> _Target:
        """Take an address apart, refuse what is not plain https, and put it together again."""
        scheme = url.partition(":")[0].lower()
        if scheme not in ("https", "http") or (scheme == "http" and not self._allow_http):
            raise Refused("scheme", "only https addresses are fetched", status=422)
        try:
            scheme, host, port = origin_of(_without_fragment(url))
            parts = urlsplit(url)
        except (Invalid, ValueError) as error:
            raise Refused("url", "the address cannot be used", status=422) from error
        authority = host if port == (443 if scheme == "https" else 80) else f"{host}:{port}"
        path = quote(parts.path or "/", safe=_SAFE)
        if parts.query:
            path += f"?{quote(parts.query, safe=_SAFE)}"
        clean = f"{scheme}://{authority}{path}"
        if len(clean) > _MAX_URL:
            raise Refused("url", "the address is too long", status=422)
        if host.startswith("[") or host.replace(".", "").isdigit():
            refusal = self._rule.refusal(host.strip("[]"), port)
            if refusal is not None:
                raise Refused(refusal, "that address may not be fetched", status=422)
        door = Door(host.strip("[]"), port, scheme == "https")
        return _Target(url=clean, scheme=scheme, authority=authority, path=path, door=door)


async def _read(payload: StreamReader, limit: int, *, strict: bool) -> bytes:
    """Read at most `limit` bytes of the decompressed body; more is refused, or left (`strict`)."""
    if payload.at_eof():
        return b""
    chunks: list[bytes] = []
    size = 0
    async for chunk in payload.iter_chunked(16 * 1024):
        size += len(chunk)
        if size > limit:
            if strict:
                raise Refused("too_large", "the peer's answer is too large", status=403)
            chunks.append(chunk[: limit - size])
            break
        chunks.append(chunk)
    return b"".join(chunks)


def _translated(error: Exception) -> Exception:
    """Return our own error for one of the connector's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return Refused(cause.reason, "that address may not be fetched", status=422)
        if isinstance(cause, TimeoutError):
            return Unreachable("timeout", "the peer did not answer in time")
        cause = cause.__cause__
    if isinstance(error, socket.gaierror):
        return Unreachable("dns", "the peer's name cannot be resolved")
    if isinstance(error, ssl.SSLError):
        return Unreachable("tls", "no secure connection to the peer could be made")
    return Unreachable("connect", "the connection to the peer failed")


def _raise_for(response: Response) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    if status == 404:
        raise NotFound("The peer does not have it.")
    if status == 410:
        raise Gone("The peer has deleted it.")
    if status in (401, 403):
        raise Unauthorized(response.headers.get("Accept-Signature"))
    if status in (408, 425, 429) or status >= 500:
        raise Unreachable(
            "status",
            f"the peer answered {status}",
            retry_after=response.headers.get("Retry-After"),
        )
    raise Refused("peer_status", f"the peer answered {status}", status=403)


def is_activity_type(value: str) -> bool:
    """Tell whether a Content-Type is ActivityPub's (ActivityPub section 3.2).

    `application/ld+json` counts only with the ActivityStreams profile.
    """
    mime, _, parameters = value.partition(";")
    mime = mime.strip().lower()
    if mime == "application/activity+json":
        return True
    if mime != "application/ld+json":
        return False
    for parameter in parameters.split(";"):
        name, _, stated = parameter.partition("=")
        if name.strip().lower() == "profile":
            return _AS2 in stated.strip().strip('"').split()
    return False


def _trust() -> ssl.SSLContext:
    """Return what this process trusts: the system's authorities, which take long to read."""
    return _trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _trusting(file: str | None, directory: str | None) -> ssl.SSLContext:
    """Read them once for each place that OpenSSL is told to look at."""
    context = ssl.create_default_context()
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _mime(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _same_origin(first: str, second: str) -> bool:
    try:
        return origin_of(first) == origin_of(second)
    except Invalid:
        return False


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]
