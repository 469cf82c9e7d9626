"""The actors federation knows: local ones with their secrets, remote ones with what they last said."""

import asyncio
import contextlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import NotFound, Refused
from fedispace.federation import codec
from fedispace.federation.addresses import Addresses
from fedispace.federation.keys import KeyPair, LocalKey, multikey, new_key_pair
from fedispace.federation.models import ActorKey, ActorRow, ActorSecret
from fedispace.federation.origin import is_coherent
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.ids import Ids, id_at

KEYS_IN_MEMORY = 2048
MAX_FIELDS = 16
MAX_ALIASES = 32
MAX_ALIAS = 512
FORMER_KEYS_LAST = timedelta(days=14)
KEYS_LAST = timedelta(minutes=10)
"""How long our own keys are used from memory where nothing says that they were changed."""


async def new_keys() -> KeyPair:
    """Make an RSA-2048 and an Ed25519 key in a thread (about 0.1 s)."""
    return await asyncio.to_thread(new_key_pair)


def actor_of(row: ActorRow) -> Actor:
    """Return what a remote actor last said of itself."""
    assert row.document is not None, "our own actors are described by their profile"
    actor = codec.read(row.document)
    assert isinstance(actor, Actor)
    return actor


def is_pem(public: str) -> bool:
    """Tell a PEM key from a multibase one; either kind of key may be stated in either form."""
    return public.lstrip().startswith("-----BEGIN")


def _within_reason(actor: Actor) -> Actor:
    """Return what is kept of an actor: its row is read often and must stay small."""
    aliases = tuple(alias for alias in actor.also_known_as if len(alias) <= MAX_ALIAS)
    return replace(actor, also_known_as=aliases[:MAX_ALIASES], fields=actor.fields[:MAX_FIELDS])


class Departures(Protocol):
    """What only the accounts know: whom a remote actor follows here, and what we keep of it.

    Federation says when an actor listens elsewhere from now on, and when it is gone.
    """

    async def leave_fan_outs(self, tx: Tx, uri: str) -> None: ...

    async def join_fan_outs(self, tx: Tx, uri: str) -> None: ...

    async def forget(self, tx: Tx, actor: ActorRow, now: datetime) -> None: ...


class Actors:
    """Reads and writes actors and their public keys."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, departures: Departures) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._departures = departures

    async def create_local(self, tx: Tx, *, uri: Uri, type: str, keys: KeyPair) -> ActorRow:
        """Write an actor of ours with its keys."""
        now = self._clock.now()
        row = ActorRow(
            id=self._ids.next(),
            uri=uri,
            host=self._addresses.host,
            local=True,
            type=type,
            inbox=self._addresses.collection(uri, "inbox"),
            shared_inbox=self._addresses.shared_inbox,
            followers=self._addresses.collection(uri, "followers"),
            document=None,
            fetched_at=now,
        )
        tx.add(row)
        await tx.flush()
        tx.add(ActorSecret(actor_id=row.id, rsa=keys.rsa_private, ed25519=keys.ed25519_private))
        for key_id, kind, public in (
            (self._addresses.rsa_key(uri), "rsa", keys.rsa_public),
            (self._addresses.ed25519_key(uri), "ed25519", keys.ed25519_public),
        ):
            tx.add(ActorKey(key_id=key_id, actor_id=row.id, kind=kind, public=public, fetched_at=now))
        await tx.flush()
        return row

    async def by_uri(self, tx: Tx, uri: str) -> ActorRow | None:
        return (await tx.scalars(select(ActorRow).where(ActorRow.uri == uri))).one_or_none()

    async def by_id(self, tx: Tx, actor_id: int) -> ActorRow:
        row = await tx.get(ActorRow, actor_id)
        if row is None:
            raise NotFound("There is no such actor.")
        return row

    async def store(self, tx: Tx, actor: Actor) -> ActorRow:
        """Write or refresh a remote actor and its keys; raises `Refused` for one that is not coherent.

        Its document is already checked to be its own. When it listens at another inbox than before, it
        moves in the fan-outs of those it follows.
        """
        if self._addresses.is_ours(actor.id) or not is_coherent(actor):
            raise Refused("origin_mismatch", "The account is spread over several servers.", status=403)
        before = (
            await tx.execute(
                select(ActorRow.shared_inbox, ActorRow.inbox)
                .where(ActorRow.uri == actor.id)
                .with_for_update()
            )
        ).one_or_none()
        moves = before is not None and (before[0] or before[1]) != (actor.shared_inbox or actor.inbox)
        if moves:
            await self._departures.leave_fan_outs(tx, actor.id)
        row = await self._write(tx, actor)
        await self._write_keys(tx, row, actor)
        if moves:
            await self._departures.join_fan_outs(tx, actor.id)
        return row

    async def forget(self, tx: Tx, uri: str) -> None:
        """Let a remote actor be gone, with what we kept of it: its server said so (410)."""
        row = await self.by_uri(tx, uri)
        if row is not None and not row.local and row.gone_at is None:
            await self._departures.forget(tx, row, self._clock.now())

    async def _write(self, tx: Tx, actor: Actor) -> ActorRow:
        said = {
            "type": actor.type,
            "inbox": actor.inbox,
            "shared_inbox": actor.shared_inbox,
            "followers": actor.followers,
            "document": codec.write(_within_reason(actor)),
            "fetched_at": self._clock.now(),
            "gone_at": None,
        }
        born = {"id": self._ids.next(), "uri": actor.id, "host": host_of(actor.id), "local": False}
        statement = insert(tx, ActorRow).values({**born, **said})
        await tx.execute(statement.on_conflict_do_update(index_elements=["uri"], set_=said))
        return (
            await tx.scalars(
                select(ActorRow).where(ActorRow.uri == actor.id).execution_options(populate_existing=True)
            )
        ).one()

    async def _write_keys(self, tx: Tx, row: ActorRow, actor: Actor) -> None:
        """Replace an actor's keys by those it lists.

        An id that is another actor's is taken over only when it is made from this actor's own (as
        `.../users/a#main-key` is from `.../users/a`): otherwise whoever lists somebody else's key id,
        on the same server, would put their own key in its place.
        """
        await tx.execute(delete(ActorKey).where(ActorKey.actor_id == row.id))
        for key in actor.public_keys:
            public = key.pem or key.multibase
            assert public is not None
            listed = {"actor_id": row.id, "kind": key.kind, "public": public, "fetched_at": row.fetched_at}
            statement = insert(tx, ActorKey).values({"key_id": key.id, **listed})
            is_its_own = key.id.startswith((f"{actor.id}#", f"{actor.id}/"))
            await tx.execute(
                statement.on_conflict_do_update(index_elements=["key_id"], set_=listed)
                if is_its_own
                else statement.on_conflict_do_nothing()
            )

    async def change_keys(self, tx: Tx, actor_id: int, keys: KeyPair) -> None:
        """Give one of ours new keys; the former RSA key signs until `keys_are_told`."""
        row, secret = await self.by_id(tx, actor_id), await tx.get(ActorSecret, actor_id)
        if secret is None:
            raise NotFound("There is no such local actor.")
        now = self._clock.now()
        secret.former_rsa, secret.rsa, secret.ed25519 = secret.rsa, keys.rsa_private, keys.ed25519_private
        await tx.execute(
            update(ActorKey)
            .where(ActorKey.key_id == self._addresses.rsa_key(row.uri))
            .values(public=keys.rsa_public, fetched_at=now)
        )
        key_id = f"{self._addresses.ed25519_key(row.uri)}-{keys.ed25519_public[-8:]}"
        public = keys.ed25519_public
        tx.add(ActorKey(key_id=key_id, actor_id=actor_id, kind="ed25519", public=public, fetched_at=now))
        await tx.flush()

    async def keys_are_told(self, tx: Tx, actor_id: int) -> None:
        """Sign with the new keys what is written from now on; everything before, with the former."""
        secret = await tx.get(ActorSecret, actor_id)
        assert secret is not None
        secret.rotated_by = self._ids.next()
        await tx.flush()

    async def prune(self, tx: Tx) -> None:
        """Forget former keys of ours when nothing under them can still be on its way."""
        before = self._clock.now() - FORMER_KEYS_LAST
        newer = aliased(ActorKey)
        is_former = (
            select(newer.key_id)
            .where(
                newer.actor_id == ActorKey.actor_id,
                newer.kind == ActorKey.kind,
                newer.fetched_at > ActorKey.fetched_at,
                newer.fetched_at < before,
            )
            .exists()
        )
        ours = ActorKey.actor_id.in_(select(ActorSecret.actor_id))
        unsynchronized = {"synchronize_session": False}
        await tx.execute(
            delete(ActorKey).where(ours, ActorKey.kind == "ed25519", is_former),
            execution_options=unsynchronized,
        )
        await tx.execute(
            update(ActorSecret)
            .where(ActorSecret.former_rsa.is_not(None), ActorSecret.rotated_by < id_at(before))
            .values(former_rsa=None),
            execution_options=unsynchronized,
        )

    async def public_keys(self, tx: Tx, actor_id: int) -> tuple[PublicKeyRef, ...]:
        """Return an actor's keys as its document states them, RSA first, the newest of a kind first."""
        rows = await tx.execute(
            select(ActorKey, ActorRow.uri)
            .join(ActorRow, ActorRow.id == ActorKey.actor_id)
            .where(ActorKey.actor_id == actor_id)
            .order_by(ActorKey.kind.desc(), ActorKey.fetched_at.desc())
        )
        return tuple(
            PublicKeyRef(
                id=Uri(key.key_id),
                owner=Uri(uri),
                kind="rsa" if key.kind == "rsa" else "ed25519",
                pem=key.public if is_pem(key.public) else None,
                multibase=None if is_pem(key.public) else key.public,
            )
            for key, uri in rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The keys one of our actors signs with, loaded and ready.

    `former_rsa` signs what left before the key was changed: outbox items up to `rotated_by`.
    """

    actor: Uri
    rsa: LocalKey
    ed25519: LocalKey
    former_rsa: LocalKey | None = None
    rotated_by: int = 0

    def rsa_keys(self, item: int) -> tuple[LocalKey, ...]:
        """Return the keys to sign the outbox item `item` with: the one, then what to try if it fails."""
        if self.former_rsa is not None and 0 < item <= self.rotated_by:
            return self.former_rsa, self.rsa
        return (self.rsa,)


class Keyring:
    """Our actors' private keys, each loaded from PEM once.

    A command may change an actor's keys beside us. So what was loaded before an activity was written
    does not sign that activity, and nothing is kept for long.
    """

    def __init__(self, db: Database, addresses: Addresses, clock: Clock) -> None:
        self._db = db
        self._addresses = addresses
        self._clock = clock
        self._loaded: OrderedDict[int, tuple[Signer, datetime, int]] = OrderedDict()
        self._instance_id: int | None = None

    async def signer(self, actor_id: int, *, item: int = 0) -> Signer:
        """Return the keys of a local actor, as they were when outbox item `item` was written or later.

        Raises `NotFound`.
        """
        held = self._held(actor_id, item)
        if held is not None:
            return held
        async with self._db.reading() as tx:
            return await self._load(tx, actor_id)

    async def signer_in(self, tx: Tx, actor_id: int) -> Signer:
        """Return the keys of a local actor, read in `tx` if they have to be; raises `NotFound`."""
        return self._held(actor_id, 0) or await self._load(tx, actor_id)

    async def instance(self) -> Signer:
        """Return the keys of the instance actor, which signs what no person asked for."""
        if self._instance_id is None:
            async with self._db.reading() as tx:
                self._instance_id = await tx.scalar(
                    select(ActorRow.id).where(ActorRow.uri == self._addresses.instance_actor)
                )
        if self._instance_id is None:
            raise NotFound("This instance has no actor yet.")
        return await self.signer(self._instance_id)

    def _held(self, actor_id: int, item: int) -> Signer | None:
        held = self._loaded.get(actor_id)
        if held is None:
            return None
        signer, loaded_at, first_after = held
        if item >= first_after or self._clock.now() - loaded_at >= KEYS_LAST:
            return None
        self._loaded.move_to_end(actor_id)
        return signer

    async def _load(self, tx: Tx, actor_id: int) -> Signer:
        """Read an actor's keys. Which id its Ed25519 key has is known by its public half."""
        now = self._clock.now()
        row = (
            await tx.execute(
                select(ActorSecret, ActorRow.uri)
                .join(ActorRow, ActorRow.id == ActorSecret.actor_id)
                .where(ActorSecret.actor_id == actor_id)
            )
        ).one_or_none()
        if row is None:
            raise NotFound("There is no such local actor.")
        secret, uri = row
        listed = await tx.execute(
            select(ActorKey.key_id, ActorKey.public).where(
                ActorKey.actor_id == actor_id, ActorKey.kind == "ed25519"
            )
        )
        rsa_id = self._addresses.rsa_key(uri)
        ed25519 = LocalKey.from_pem(self._addresses.ed25519_key(uri), secret.ed25519)
        public = multikey(ed25519.private.public_key())
        ed25519_id = next((Uri(id_) for id_, known in listed if known == public), ed25519.key_id)
        signer = Signer(
            actor=Uri(uri),
            rsa=LocalKey.from_pem(rsa_id, secret.rsa),
            ed25519=replace(ed25519, key_id=ed25519_id),
            former_rsa=LocalKey.from_pem(rsa_id, secret.former_rsa) if secret.former_rsa else None,
            rotated_by=secret.rotated_by or 0,
        )
        self._loaded[actor_id] = signer, now, id_at(now)
        self._loaded.move_to_end(actor_id)
        if len(self._loaded) > KEYS_IN_MEMORY:
            self._loaded.popitem(last=False)
        return signer


async def ensure_instance_actor(db: Database, actors: Actors, addresses: Addresses) -> None:
    """Write the instance actor at first start; it is an Application (FEP-2677, FEP-d556)."""
    async with db.reading() as tx:
        if await actors.by_uri(tx, addresses.instance_actor) is not None:
            return
    keys = await new_keys()
    # Another process of this instance may start at the same moment and be first.
    with contextlib.suppress(IntegrityError):
        async with db.transaction() as tx:
            if await actors.by_uri(tx, addresses.instance_actor) is None:
                await actors.create_local(tx, uri=addresses.instance_actor, type="Application", keys=keys)
