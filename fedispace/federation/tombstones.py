"""What was deleted, so that it does not come back and a GET of it answers 410."""

from collections.abc import Iterable

from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.federation.models import Tombstone


async def bury(tx: Tx, clock: Clock, uri: str, former_type: str) -> None:
    """Remember that `uri` is deleted; burying twice is fine."""
    row = {"uri": uri, "former_type": former_type, "deleted_at": clock.now()}
    await tx.execute(insert(tx, Tombstone).values(row).on_conflict_do_nothing())


async def tombstone(tx: Tx, uri: str) -> Tombstone | None:
    """Return the tombstone of `uri`, if it has one."""
    return await tx.get(Tombstone, uri)


async def buried_among(tx: Tx, uris: Iterable[str]) -> set[str]:
    """Return those of `uris` that have a tombstone."""
    wanted = list(uris)
    if not wanted:
        return set()
    return set(await tx.scalars(select(Tombstone.uri).where(Tombstone.uri.in_(wanted))))
