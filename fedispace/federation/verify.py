"""Who sent this? The only place, beside the inbox reading back its own rows, that makes a `Verified`.

The order is fixed, cheapest and least trusting first: the form of the signature and the digest of the
raw bytes; the policy on the key's host, before anything is fetched from it; the key; the arithmetic;
only then the JSON is parsed, and its actor must be the key's owner. A key is believed only when the
owner's own actor document lists it (otherwise evil.example could publish a key document that names
somebody else as its owner).

A key that fails is fetched anew, because keys are changed; but only once in five minutes each, and not
at all from a server at which too many were asked for in vain: anybody can name any key, and would
otherwise have us knock at somebody else's door. What cannot be fetched for now is `Unavailable`, so
that an honest peer sends it again.

An activity may come by way of somebody else (inbox forwarding, ActivityPub section 7.1.2). Then the
signature of the request says nothing about its actor, and a proof in it has to (FEP-8b32). The costs of
a proof arise only there: what its own actor sends is not looked through for one.
"""

import asyncio
import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from fedispace import strictjson
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import codec, proofs, signatures
from fedispace.federation.actors import is_pem
from fedispace.federation.addresses import Addresses
from fedispace.federation.keys import PublicKey, public_key
from fedispace.federation.models import ActorKey, ActorRow
from fedispace.federation.origin import may_send, same_origin
from fedispace.federation.policy import Policy
from fedispace.federation.relays import Relays
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Verified
from fedispace.federation.signed_request import Claim, SignedRequest
from fedispace.federation.vocab.activities import Activity, Follow, Update
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of

KEYS_IN_MEMORY = 8192
KEY_LASTS = timedelta(minutes=1)
"""How long a key is used from memory: one that was withdrawn must not count for long."""
REFRESH_AT_MOST_EVERY = timedelta(minutes=5)
IN_VAIN_AT_MOST = 50
HOSTS_IN_MEMORY = 4096

_actors, _actor_keys = table_of(ActorRow), table_of(ActorKey)
_KEY = (
    select(_actor_keys.c.kind, _actor_keys.c.public, _actors.c.uri)
    .join(_actors, _actors.c.id == _actor_keys.c.actor_id)
    .where(_actor_keys.c.key_id == bindparam("key_id"), ~_actors.c.local, _actors.c.gone_at.is_(None))
)
_LIVING = select(_actors.c.id).where(_actors.c.uri == bindparam("uri"), _actors.c.gone_at.is_(None))


@dataclass(frozen=True, slots=True)
class Unheeded:
    """There is nothing to verify and nothing to do: it is our own come back, or

    somebody we never heard of says they are gone or look different, or the sender is gone. Large
    servers send thousands of these; fetching a key for each would only find it gone.
    """

    actor: str


@dataclass(frozen=True, slots=True)
class Hearsay:
    """An activity that its actor did not send, with nothing in it that proves it to us.

    Who passed it on may mean well: Mastodon forwards replies with an LD signature, which we do not
    believe. What it is about can be asked for where it lives. `relayed`: a relay sent it (`relays.py`).
    """

    activity: Activity
    author: Uri
    relayed: bool = False


class Verifier:
    """Checks signatures, and knows the keys it has seen."""

    def __init__(
        self,
        db: Database,
        resolver: Resolver,
        addresses: Addresses,
        policy: Policy,
        clock: Clock,
        relays: Relays | None = None,
    ) -> None:
        self._db = db
        self._resolver = resolver
        self._addresses = addresses
        self._policy = policy
        self._clock = clock
        self._relays = relays
        self._keys: OrderedDict[str, tuple[PublicKey, float]] = OrderedDict()
        self._asked: OrderedDict[str, tuple[float, FedispaceError | None]] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[PublicKey]] = {}
        self._in_vain: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def activity(self, request: SignedRequest) -> Verified[Activity] | Unheeded:
        """Return the activity a POST carries, proved to be sent by its actor.

        Raises `Refused`, or `Unavailable` when the key cannot be had for now.
        """
        sent = await self._sent(request)
        if isinstance(sent, Unheeded):
            return sent
        activity, signer, _ = sent
        if activity.actor != signer:
            raise _mismatch()
        return Verified(activity, signer)

    async def arrival(self, request: SignedRequest) -> Verified[Activity] | Unheeded | Hearsay:
        """Return the activity a POST carries, proved to be its actor's, whoever sends it.

        What another sends is taken if a proof in it is its actor's, and is `Hearsay` if it bears only a
        signature of a kind that we do not believe.
        """
        sent = await self._sent(request)
        if isinstance(sent, Unheeded):
            return sent
        activity, signer, signed_at = sent
        if activity.actor == signer:
            return Verified(activity, signer, signed_at=signed_at)
        return await self._forwarded(strictjson.loads(request.body), activity, signer)

    async def _sent(self, request: SignedRequest) -> tuple[Activity, Uri, datetime] | Unheeded:
        """Return what a POST carries, who signed the request, and when."""
        claim = await self._claim(request)
        key = await self._known_key(claim.key_id)
        if key is None and (unheeded := await self._word_of_a_stranger(request.body)):
            return unheeded
        try:
            key = await self._verify(claim, key)
        except Gone:
            return Unheeded(claim.key_id)
        activity = _parse(request.body)
        if activity.actor == key.owner and not may_send(activity, key.owner):
            raise Refused("origin_mismatch", "The activity's id is on another server.", status=403)
        return activity, key.owner, claim.signed_at

    async def _forwarded(
        self, document: dict[str, Any], activity: Activity, signer: Uri
    ) -> Verified[Activity] | Unheeded | Hearsay:
        author = activity.actor
        relayed = self._relays is not None and await self._relays.is_relay(signer)
        if author is None or not (relayed or "proof" in document or "signature" in document):
            raise _mismatch()
        if isinstance(activity, Follow):
            raise _mismatch()  # its id may come again, told from a replay by the date its own actor signs
        if isinstance(activity, Update) and isinstance(activity.object, Actor):
            raise _mismatch()  # a stranger could have an old profile, and its old keys, hold once more
        if self._addresses.is_ours(author):
            return Unheeded(author)
        if await self._policy.is_refused(host_of(author)):
            raise Refused("blocked", "This server does not accept anything from its author's.", status=403)
        if relayed or "proof" not in document:
            return Hearsay(activity, author, relayed)
        await self.require_proof(document, activity)
        return Verified(activity, author)

    async def require_proof(self, document: dict[str, Any], activity: Activity) -> None:
        """Raise `Refused` unless the activity carries a proof by a key that its actor's document lists.

        It must be recent, for as long as ids of activities are remembered: an older one might be a
        repeat that nobody recognises any more.
        """
        author = activity.actor
        if author is None or not may_send(activity, author):
            raise Refused("origin_mismatch", "The activity's id is on another server.", status=403)
        proofs.refuse_keywords(document)
        key_id = proofs.proof_key_id(document)
        if key_id is None:
            raise Refused("proof_invalid", "the proof is of a kind we do not verify")
        if not same_origin(key_id, author):
            raise Refused("proof_invalid", "the key of the proof is on another server")
        if await self._policy.is_refused(host_of(key_id)):
            raise Refused("blocked", "This server does not accept anything from its author's.", status=403)
        now = self._clock.now()
        proofs.require_recent(document, now)
        key = await self._proved_by(
            key_id, lambda key: proofs.verify_proof(document, key, now), await self._known_key(key_id)
        )
        if key.owner != author:
            raise Refused("actor_key_mismatch", "The proof is not the activity's actor's.", status=403)

    async def asker(self, request: SignedRequest) -> Uri:
        """Return the actor who signed a GET; raises `Refused`, or `Unavailable` for now."""
        claim = await self._claim(request)
        try:
            return (await self._verify(claim, await self._known_key(claim.key_id))).owner
        except Gone as error:
            raise Refused("key_unavailable", "The key of the signature is gone.") from error

    async def _claim(self, request: SignedRequest) -> Claim:
        claim = signatures.parse(
            request, self._clock.now(), allow_http=self._addresses.origin.startswith("http:")
        )
        if await self._policy.is_refused(host_of(claim.key_id)):
            raise Refused("blocked", "This server does not accept anything from yours.", status=403)
        return claim

    async def _verify(self, claim: Claim, key: PublicKey | None) -> PublicKey:
        return await self._proved_by(claim.key_id, lambda key: signatures.verify(claim, key), key)

    async def _proved_by(
        self, key_id: Uri, check: Callable[[PublicKey], None], key: PublicKey | None
    ) -> PublicKey:
        """Check with the key we have; when that fails, once with the key its owner has now.

        In between comes the key the owner told us of since we last read it.
        """
        asked = self._asked_lately(key_id)
        if key is not None:
            try:
                check(key)
            except Refused:
                self._keys.pop(key_id, None)
                told = await self._known_key(key_id)
                if told is not None and told.public != key.public:
                    return await self._proved_by(key_id, check, told)
                if asked is not None:
                    raise
            else:
                return key
        elif asked is not None:
            if asked[1] is not None:
                raise copy.copy(asked[1])
            told = await self._known_key(key_id)  # stored since we looked
            if told is None:
                raise _not_confirmed()
            return await self._proved_by(key_id, check, told)
        host = host_of(key_id)
        self._refuse_if_in_vain(host)
        try:
            fresh = await self._fresh_key(key_id, key)
            check(fresh)
        except Refused:
            self._count_in_vain(host)
            raise
        return fresh

    def _asked_lately(self, key_id: str) -> tuple[float, FedispaceError | None] | None:
        """Return when the owner of a key was last asked for it, and the refusal, if that was just now."""
        asked = self._asked.get(key_id)
        if asked is None or self._clock.monotonic() - asked[0] >= REFRESH_AT_MOST_EVERY.total_seconds():
            return None
        return asked

    def _refuse_if_in_vain(self, host: str) -> None:
        times, since = self._in_vain.get(host, (0, 0.0))
        if times >= IN_VAIN_AT_MOST and self._lately(since):
            raise Unavailable("Too many keys of your server were asked for in vain; send it again later.")

    def _count_in_vain(self, host: str) -> None:
        times, since = self._in_vain.get(host, (0, 0.0))
        now = self._clock.monotonic()
        self._in_vain[host] = (times + 1, since) if times and self._lately(since) else (1, now)
        if len(self._in_vain) > HOSTS_IN_MEMORY:
            self._in_vain.popitem(last=False)

    def _lately(self, since: float) -> bool:
        return self._clock.monotonic() - since < REFRESH_AT_MOST_EVERY.total_seconds()

    async def _known_key(self, key_id: str) -> PublicKey | None:
        remembered = self._keys.get(key_id)
        now = self._clock.monotonic()
        if remembered is not None and now - remembered[1] < KEY_LASTS.total_seconds():
            self._keys.move_to_end(key_id)
            return remembered[0]
        self._keys.pop(key_id, None)
        async with self._db.reading() as tx:
            row = (await tx.core(_KEY, {"key_id": key_id})).one_or_none()
        if row is None:
            return None
        kind, public, owner = row
        key = public_key(
            PublicKeyRef(
                id=Uri(key_id),
                owner=Uri(owner),
                kind="rsa" if kind == "rsa" else "ed25519",
                pem=public if is_pem(public) else None,
                multibase=None if is_pem(public) else public,
            )
        )
        self._keys[key_id] = (key, now)
        if len(self._keys) > KEYS_IN_MEMORY:
            self._keys.popitem(last=False)
        return key

    async def _fresh_key(self, key_id: str, failed: PublicKey | None) -> PublicKey:
        """Share one fetch among all who wait for a key, also with those who looked for it before it was
        stored and come to ask for it when it is."""
        task = self._fetching.get(key_id)
        if task is None:
            task = asyncio.create_task(self._stored_or_fetched(key_id, failed), name=f"key {key_id}")
            self._fetching[key_id] = task
            task.add_done_callback(lambda ended: self._fetched(key_id, ended))
        return await asyncio.shield(task)

    def _fetched(self, key_id: str, task: "asyncio.Task[PublicKey]") -> None:
        del self._fetching[key_id]
        if not task.cancelled():
            task.exception()  # those who waited may have left

    async def _stored_or_fetched(self, key_id: str, failed: PublicKey | None) -> PublicKey:
        if failed is None:
            stored = await self._known_key(key_id)
            if stored is not None:
                return stored
        return await self._fetch_key(key_id)

    async def _fetch_key(self, key_id: str) -> PublicKey:
        """Fetch the owner of `key_id` and return the key its document lists under that id."""
        refusal: FedispaceError | None = None
        try:
            await self._resolver.key_owner(key_id)
            self._keys.pop(key_id, None)
            key = await self._known_key(key_id)
            if key is None:
                raise _not_confirmed()
        except Refused as error:
            refusal = (
                error
                if error.reason == "key_not_confirmed"
                else Refused("key_unavailable", f"The key cannot be had: {error.reason}.")
            )
        except (NotFound, Invalid) as error:
            refusal = Refused("key_unavailable", f"The key cannot be had: {error.detail}")
        except Gone as error:
            self._keys.pop(key_id, None)
            refusal = error
        self._asked[key_id] = (self._clock.monotonic(), copy.copy(refusal))
        self._asked.move_to_end(key_id)
        if len(self._asked) > KEYS_IN_MEMORY:
            self._asked.popitem(last=False)
        if refusal is not None:
            raise refusal
        assert key is not None
        return key

    async def _word_of_a_stranger(self, body: bytes) -> Unheeded | None:
        """Recognise a Delete or Update by which an actor we do not know speaks of itself."""
        try:
            document = strictjson.loads(body)
        except Invalid:
            return None
        actor, told = document.get("actor"), document.get("object")
        if document.get("type") not in ("Delete", "Update") or not isinstance(actor, str):
            return None
        if (told.get("id") if isinstance(told, dict) else told) != actor:
            return None
        async with self._db.reading() as tx:
            known = (await tx.core(_LIVING, {"uri": actor})).one_or_none()
        return None if known is not None else Unheeded(actor)


def _mismatch() -> Refused:
    return Refused("actor_key_mismatch", "The activity is not its sender's.", status=403)


def _not_confirmed() -> Refused:
    return Refused("key_not_confirmed", "The owner of the key does not list it.")


def _parse(body: bytes) -> Activity:
    try:
        activity = codec.read_activity(strictjson.loads(body), require_context=True)
    except Invalid as error:
        raise Refused("schema", error.detail, status=400) from error
    return activity
