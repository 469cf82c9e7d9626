"""Who sent this? The only place, beside the inbox reading back its own rows, that makes a `Verified`.

The order is fixed, cheapest and least trusting first: the form of the signature and the digest of the
raw bytes; the policy on the key's host, before anything is fetched from it; the key; the arithmetic;
only then the JSON is parsed, and its actor must be the key's owner. A key is believed only when the
owner's own actor document lists it (otherwise evil.example could publish a key document that names
somebody else as its owner).
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from fedispace import strictjson
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import codec, signatures
from fedispace.federation.actors import is_pem
from fedispace.federation.addresses import Addresses
from fedispace.federation.keys import PublicKey, public_key
from fedispace.federation.models import ActorKey, ActorRow
from fedispace.federation.origin import may_send
from fedispace.federation.policy import Policy
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Verified
from fedispace.federation.signed_request import Claim, SignedRequest
from fedispace.federation.vocab.activities import Activity
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of

log = structlog.get_logger()

KEYS_IN_MEMORY = 8192
REFRESH_AT_MOST_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SelfDelete:
    """Somebody we never heard of says they are gone: nothing to verify and nothing to do.

    Large servers send thousands of these; fetching a key for each would only find it gone.
    """

    actor: str


class Verifier:
    """Checks signatures, and knows the keys it has seen."""

    def __init__(
        self, db: Database, resolver: Resolver, addresses: Addresses, policy: Policy, clock: Clock
    ) -> None:
        self._db = db
        self._resolver = resolver
        self._addresses = addresses
        self._policy = policy
        self._clock = clock
        self._keys: OrderedDict[str, PublicKey] = OrderedDict()
        self._refreshed: OrderedDict[str, datetime] = OrderedDict()

    async def activity(self, request: SignedRequest) -> Verified[Activity] | SelfDelete:
        """Return the activity a POST carries, proved to be its actor's; raises `Refused`."""
        claim = await self._claim(request)
        key = await self._known_key(claim.key_id)
        if key is None and (farewell := await self._farewell_of_a_stranger(request.body)):
            return farewell
        key = await self._verify(claim, key)
        activity = _parse(request.body)
        if activity.actor != key.owner:
            raise Refused("actor_key_mismatch", "The activity is not its sender's.", status=403)
        if not may_send(activity, key.owner):
            raise Refused("origin_mismatch", "The activity's id is on another server.", status=403)
        return Verified(activity, key.owner)

    async def asker(self, request: SignedRequest) -> Uri:
        """Return the actor who signed a GET; raises `Refused`."""
        claim = await self._claim(request)
        return (await self._verify(claim, await self._known_key(claim.key_id))).owner

    async def _claim(self, request: SignedRequest) -> Claim:
        claim = signatures.parse(
            request, self._clock.now(), allow_http=self._addresses.origin.startswith("http:")
        )
        if self._addresses.is_ours(claim.key_id):
            raise Refused("key_id", "That key is one of ours.")
        if await self._policy.is_refused(host_of(claim.key_id)):
            raise Refused("blocked", "This server does not accept anything from yours.", status=403)
        return claim

    async def _verify(self, claim: Claim, key: PublicKey | None) -> PublicKey:
        """Verify with the key we have; when that fails, once with the key its owner has now."""
        if key is not None:
            try:
                signatures.verify(claim, key)
            except Refused:
                if not self._may_refresh(claim.key_id):
                    raise
            else:
                return key
        fresh = await self._fetch_key(claim.key_id)
        signatures.verify(claim, fresh)
        return fresh

    def _may_refresh(self, key_id: str) -> bool:
        now = self._clock.now()
        last = self._refreshed.get(key_id)
        return last is None or now - last >= REFRESH_AT_MOST_EVERY

    async def _known_key(self, key_id: str) -> PublicKey | None:
        key = self._keys.get(key_id)
        if key is not None:
            self._keys.move_to_end(key_id)
            return key
        async with self._db.reading() as tx:
            row = (
                await tx.execute(
                    select(ActorKey.kind, ActorKey.public, ActorRow.uri)
                    .join(ActorRow, ActorRow.id == ActorKey.actor_id)
                    .where(ActorKey.key_id == key_id, ~ActorRow.local, ActorRow.gone_at.is_(None))
                )
            ).one_or_none()
        if row is None:
            return None
        kind, public, owner = row
        return self._remember(
            public_key(
                PublicKeyRef(
                    id=Uri(key_id),
                    owner=Uri(owner),
                    kind="rsa" if kind == "rsa" else "ed25519",
                    pem=public if is_pem(public) else None,
                    multibase=None if is_pem(public) else public,
                )
            )
        )

    def _remember(self, key: PublicKey) -> PublicKey:
        self._keys[key.key_id] = key
        if len(self._keys) > KEYS_IN_MEMORY:
            self._keys.popitem(last=False)
        return key

    async def _fetch_key(self, key_id: str) -> PublicKey:
        """Fetch the owner of `key_id` and return the key its document lists under that id."""
        self._keys.pop(key_id, None)
        self._refreshed[key_id] = self._clock.now()
        if len(self._refreshed) > KEYS_IN_MEMORY:
            self._refreshed.popitem(last=False)
        try:
            owner = await self._owner_of(key_id)
            await self._resolver.actor(owner, refresh=True)
        except (NotFound, Gone, Unavailable, Invalid) as error:
            raise Refused("key_unavailable", "The key of the signature cannot be had.") from error
        except Refused as error:
            raise Refused("key_unavailable", f"The key cannot be had: {error.reason}.") from error
        key = await self._known_key(key_id)
        if key is None or key.owner != owner:
            raise Refused("key_not_confirmed", "The owner of the key does not list it.")
        return key

    async def _owner_of(self, key_id: str) -> Uri:
        """Return the actor a key id belongs to: the id without fragment, or what stands there says."""
        location = key_id.partition("#")[0]
        found = await self._resolver.key_document(location)
        if isinstance(found, Actor):
            return found.id
        return found

    async def _farewell_of_a_stranger(self, body: bytes) -> SelfDelete | None:
        try:
            document = strictjson.loads(body)
        except Invalid:
            return None
        actor, gone = document.get("actor"), document.get("object")
        if document.get("type") != "Delete" or not isinstance(actor, str):
            return None
        named = gone.get("id") if isinstance(gone, dict) else gone
        if named != actor:
            return None
        async with self._db.reading() as tx:
            known = await tx.scalar(select(ActorRow.id).where(ActorRow.uri == actor))
        return None if known is not None else SelfDelete(actor)


def _parse(body: bytes) -> Activity:
    try:
        activity = codec.read_activity(strictjson.loads(body), require_context=True)
    except Invalid as error:
        raise Refused("schema", error.detail, status=400) from error
    return activity
