"""What was deleted, so that it does not come back and a GET of it answers 410."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from sqlalchemy import String, bindparam, exists, select

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import add_new
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import Tombstone

THEIRS_KEPT_FOR = timedelta(days=90)
_tombstones: Final = table_of(Tombstone).c
_IS_BURIED: Final = select(exists().where(_tombstones.uri == bindparam("uri", type_=String())))


async def bury(tx: Tx, clock: Clock, uri: str, former_type: str) -> None:
    """Remember that `uri` is deleted; burying twice is fine."""
    row = {"uri": uri, "former_type": former_type, "deleted_at": clock.now()}
    await add_new(tx, Tombstone, row)


async def tombstone(tx: Tx, uri: str) -> Tombstone | None:
    """Return the tombstone of `uri`, if it has one."""
    return await tx.get(Tombstone, uri)


async def is_buried(tx: Tx, uri: str) -> bool:
    """Tell whether `uri` has a tombstone."""
    return (await tx.core(_IS_BURIED, {"uri": uri})).scalar_one()  # type: ignore[no-any-return]


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
