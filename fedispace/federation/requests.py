"""Signed requests to peers, in the dialect each of them takes.

An unknown host gets draft-cavage first: some servers answer 202 to anything and drop what they
cannot verify later, so a sender that begins with RFC 9421 would never learn. A 400 or 401 is tried
once more in the other dialect, and what was taken is remembered for the host.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from fedispace import strictjson
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Refused
from fedispace.federation import codec, signatures
from fedispace.federation.actors import Keyring, Signer
from fedispace.federation.peers import Dialect, Peers
from fedispace.federation.policy import Policy
from fedispace.federation.vocab.activities import Activity
from fedispace.hosts import host_of
from fedispace.net import Document, Net, Response, Sign

log = structlog.get_logger()

ACTIVITY_JSON = "application/activity+json"
_NOT_TAKEN = (400, 401)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a peer answered to a POST; `document` is its JSON object, when it sent one."""

    status: int
    retry_after: str | None
    document: dict[str, Any] | None


class SignedRequests:
    """Sends signed GETs and POSTs."""

    def __init__(
        self, net: Net, keyring: Keyring, peers: Peers, policy: Policy, clock: Clock, db: Database
    ) -> None:
        self._net = net
        self._keyring = keyring
        self._peers = peers
        self._policy = policy
        self._clock = clock
        self._db = db

    async def document(self, uri: str) -> Document:
        """Fetch an ActivityPub document, signed by the instance actor; its origin is checked.

        A redirect may lead to a server that is blocked here, so the answer's own address is judged too.
        """
        await self.refuse_blocked(uri)
        found = await self._document(uri)
        await self.refuse_blocked(found.url)
        return found

    async def _document(self, uri: str) -> Document:
        signer = await self._keyring.instance()

        async def fetch(dialect: Dialect) -> Document:
            return await self._net.fetch_document(uri, sign=self._signing(signer, dialect))

        first = self._peers.dialect(host_of(uri)) or "cavage"
        try:
            return await fetch(first)
        except Refused as refusal:
            if refusal.reason != "peer_unauthorized":
                raise
        found = await fetch(_other(first))
        await self._learned(host_of(uri), _other(first))
        return found

    async def post(self, url: str, activity: Activity, *, sender_id: int) -> Reply:
        """POST an activity as one of our actors and wait for the answer."""
        return await self.post_bytes(url, msgspec.json.encode(codec.write(activity)), sender_id=sender_id)

    async def post_bytes(self, url: str, body: bytes, *, sender_id: int) -> Reply:
        """POST ready bytes as one of our actors and wait for the answer."""
        await self.refuse_blocked(url)
        signer = await self._keyring.signer(sender_id)

        async def send(dialect: Dialect) -> Response:
            return await self._net.post(
                url, body, content_type=ACTIVITY_JSON, sign=self._signing(signer, dialect)
            )

        host = host_of(url)
        known = self._peers.dialect(host)
        response = await self._knock(host, known or "cavage", send)
        return Reply(
            status=response.status,
            retry_after=response.headers.get("Retry-After"),
            document=_json_object(response.body),
        )

    async def _knock(
        self, host: str, first: Dialect, send: Callable[[Dialect], Awaitable[Response]]
    ) -> Response:
        response = await send(first)
        if response.status in _NOT_TAKEN:
            second = await send(_other(first))
            if second.status < 300:
                await self._learned(host, _other(first))
                return second
        return response

    async def _learned(self, host: str, dialect: Dialect) -> None:
        if self._peers.learned(host, dialect):
            log.info("peer.signature_learned", peer=host, dialect=dialect)
            async with self._db.transaction() as tx:
                await self._peers.write_dialect(tx, host, dialect)

    async def refuse_blocked(self, uri: str) -> None:
        """Raise `Refused` when the server of `uri` is blocked here."""
        if await self._policy.is_refused(host_of(uri)):
            raise Refused("blocked", "That server is blocked here.", status=403)

    def _signing(self, signer: Signer, dialect: Dialect) -> Sign:
        make = signatures.sign_cavage if dialect == "cavage" else signatures.sign_rfc9421
        return lambda method, url, body: make(signer.rsa, method, url, body, self._clock.now())


def _other(dialect: Dialect) -> Dialect:
    return "rfc9421" if dialect == "cavage" else "cavage"


def _json_object(body: bytes) -> dict[str, Any] | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        return strictjson.loads(body)
    except FedispaceError:
        return None
