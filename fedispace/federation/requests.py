"""Signed requests to peers, in the dialect each of them takes.

An unknown host gets draft-cavage first: some servers answer 202 to anything and drop what they
cannot verify later, so a sender that begins with RFC 9421 would never learn. A 400 or 401 is tried
once more in the other dialect, and what was taken is remembered for the host. A peer that answers with
`Accept-Signature` (RFC 9421 section 5.1) is signed to as it asks, if that is within what we sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog

from fedispace import strictjson
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Refused
from fedispace.federation import codec, rfc9421, signatures
from fedispace.federation.actors import Keyring
from fedispace.federation.keys import LocalKey
from fedispace.federation.peers import Dialect, Peers
from fedispace.federation.policy import Policy
from fedispace.federation.rfc9421 import Asked
from fedispace.federation.vocab.activities import Activity
from fedispace.hosts import host_of
from fedispace.net import Document, Net, Response, Sign, Unauthorized

log = structlog.get_logger()

ACTIVITY_JSON = "application/activity+json"
_NOT_TAKEN = (400, 401)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a peer answered to a POST; `document` is its JSON object, when it sent one."""

    status: int
    retry_after: str | None
    document: dict[str, Any] | None


class Stamp(Protocol):
    """Knows what to tell a server beside an activity (`Collection-Synchronization`)."""

    async def headers(self, item: int, host: str, body: bytes) -> Mapping[str, str]: ...


class SignedRequests:
    """Sends signed GETs and POSTs."""

    def __init__(
        self,
        net: Net,
        keyring: Keyring,
        peers: Peers,
        policy: Policy,
        clock: Clock,
        db: Database,
        stamp: Stamp | None = None,
    ) -> None:
        self._net = net
        self._keyring = keyring
        self._peers = peers
        self._policy = policy
        self._clock = clock
        self._db = db
        self._stamp = stamp

    async def document(self, uri: str) -> Document:
        """Fetch an ActivityPub document, signed by the instance actor; its origin is checked.

        A redirect may lead to a server that is blocked here, so the answer's own address is judged too.
        """
        await self.refuse_blocked(uri)
        found = await self._document(uri)
        await self.refuse_blocked(found.url)
        return found

    async def _document(self, uri: str) -> Document:
        key = (await self._keyring.instance()).rsa
        host = host_of(uri)
        first = self._peers.dialect(host) or "cavage"
        try:
            return await self._net.fetch_document(uri, sign=self._signing(key, first))
        except Unauthorized as refusal:
            asked = rfc9421.asked(refusal.accept_signature)
        second: Dialect = "rfc9421" if asked is not None else _other(first)
        try:
            found = await self._net.fetch_document(uri, sign=self._signing(key, second, asked))
        except Unauthorized:
            if "?" not in uri:
                raise
            return await self._net.fetch_document(uri, sign=self._signing_without_query(key))
        if asked is None:
            await self._learned(host, second)
        return found

    async def post(self, url: str, activity: Activity, *, sender_id: int) -> Reply:
        """POST an activity as one of our actors and wait for the answer."""
        return await self.post_bytes(url, msgspec.json.encode(codec.write(activity)), sender_id=sender_id)

    async def post_bytes(self, url: str, body: bytes, *, sender_id: int, item: int = 0) -> Reply:
        """POST ready bytes as one of our actors and wait for the answer.

        `item` is the outbox item they are of: it tells which keys the sender had when it was written.
        """
        host = host_of(url)
        await self._refuse_blocked_host(host)
        keys = (await self._keyring.signer(sender_id, item=item)).rsa_keys(item)
        extra = await self._stamp.headers(item, host, body) if self._stamp is not None else None
        response = await self._knock(host, url, body, keys, extra)
        return Reply(
            status=response.status,
            retry_after=response.headers.get("Retry-After"),
            document=_json_object(response.body),
        )

    async def _knock(
        self,
        host: str,
        url: str,
        body: bytes,
        keys: Sequence[LocalKey],
        extra: Mapping[str, str] | None,
    ) -> Response:
        """POST in the dialect the host took last; if it refuses, once in the other or as it asks.

        A peer that learned of a changed key before we told it is tried once with the new one.
        """
        first = self._peers.dialect(host) or "cavage"

        async def send(key: LocalKey, dialect: Dialect, asked: Asked | None = None) -> Response:
            return await self._net.post(
                url, body, content_type=ACTIVITY_JSON, sign=self._signing(key, dialect, asked, host, extra)
            )

        response = await send(keys[0], first)
        if response.status not in _NOT_TAKEN:
            return response
        asked = rfc9421.asked(response.headers.get("Accept-Signature"))
        second: Dialect = "rfc9421" if asked is not None else _other(first)
        again = await send(keys[0], second, asked)
        if again.status < 300:
            if asked is None:
                await self._learned(host, second)
            return again
        for key in keys[1:]:
            again = await send(key, first)
            if again.status < 300:
                return again
        return response

    async def _learned(self, host: str, dialect: Dialect) -> None:
        if self._peers.learned(host, dialect):
            log.info("peer.signature_learned", peer=host, dialect=dialect)
            async with self._db.transaction() as tx:
                await self._peers.write_dialect(tx, host, dialect)

    async def refuse_blocked(self, uri: str) -> None:
        """Raise `Refused` when the server of `uri` is blocked here."""
        await self._refuse_blocked_host(host_of(uri))

    async def _refuse_blocked_host(self, host: str) -> None:
        if await self._policy.is_refused(host):
            raise Refused("blocked", "That server is blocked here.", status=403)

    def _signing(
        self,
        key: LocalKey,
        dialect: Dialect,
        asked: Asked | None = None,
        host: str = "",
        extra: Mapping[str, str] | None = None,
    ) -> Sign:
        """Return what signs each hop; `extra` headers are for `host` alone, wherever a redirect leads."""

        def sign(method: str, url: str, body: bytes | None) -> Mapping[str, str]:
            added = extra if extra and host_of(url) == host else None
            now = self._clock.now()
            if dialect == "cavage":
                return signatures.sign_cavage(key, method, url, body, now, extra=added)
            return signatures.sign_rfc9421(key, method, url, body, now, asked=asked, extra=added)

        return sign

    def _signing_without_query(self, key: LocalKey) -> Sign:
        """Sign as peers verify that leave the query out of the target (Misskey, old GoToSocial)."""
        return lambda method, url, body: signatures.sign_cavage(
            key, method, url, body, self._clock.now(), with_query=False
        )


def _other(dialect: Dialect) -> Dialect:
    return "rfc9421" if dialect == "cavage" else "cavage"


def _json_object(body: bytes) -> dict[str, Any] | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        return strictjson.loads(body)
    except FedispaceError:
        return None
