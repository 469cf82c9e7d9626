"""What was deleted, so that it does not come back and a GET of it answers 410."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import Tombstone

THEIRS_KEPT_FOR = timedelta(days=90)


async def bury(tx: Tx, clock: Clock, uri: str, former_type: str) -> None:
    """Remember that `uri` is deleted; burying twice is fine."""
    row = {"uri": uri, "former_type": former_type, "deleted_at": clock.now()}
    await tx.execute(insert(tx, Tombstone).values(row).on_conflict_do_nothing())


async def tombstone(tx: Tx, uri: str) -> Tombstone | None:
    """Return the tombstone of `uri`, if it has one."""
    return await tx.get(Tombstone, uri)


async def has_left(tx: Tx, addresses: Addresses, username: str) -> bool:
    """Tell whether somebody of ours was called that and deleted the account; case makes no difference."""
    return await tombstone(tx, addresses.actor(username.lower())) is not None


async def buried_among(tx: Tx, uris: Iterable[str]) -> set[str]:
    """Return those of `uris` that have a tombstone."""
    wanted = list(uris)
    if not wanted:
        return set()
    return set(await tx.scalars(select(Tombstone.uri).where(Tombstone.uri.in_(wanted))))


async def prune(db: Database, clock: Clock, addresses: Addresses) -> None:
    """Forget what others deleted long ago: no Create of it is still on its way. Ours stay (410)."""
    theirs = ~Tombstone.uri.startswith(f"{addresses.origin}/", autoescape=True)
    old = Tombstone.deleted_at < clock.now() - THEIRS_KEPT_FOR
    await forget(db, Tombstone, old, theirs)
