"""How far somebody has read, kept for all their devices."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select, update

from fedispace.accounts.models import Account, Marker
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import Conflict

TIMELINES: Final = ("home", "notifications")


class Markers:
    """Writes markers."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def write(self, by: Account, read: Mapping[str, int]) -> list[Marker]:
        """Note how far each timeline was read; raises `Conflict` when another device did so just now."""
        async with self._db.transaction() as tx:
            for timeline, last_read_id in read.items():
                await self._write(tx, by.id, timeline, str(last_read_id))
            return await markers(tx, by.id, list(read))

    async def _write(self, tx: Tx, account_id: int, timeline: str, last_read_id: str) -> None:
        known = await tx.scalar(
            select(Marker.version).where(Marker.account_id == account_id, Marker.timeline == timeline)
        )
        now = self._clock.now()
        if known is None:
            row = {
                "account_id": account_id,
                "timeline": timeline,
                "last_read_id": last_read_id,
                "version": 1,
                "updated_at": now,
            }
            statement = insert(tx, Marker).values(row).on_conflict_do_nothing()
            written = await tx.scalar(statement.returning(Marker.version))
        else:
            written = await tx.scalar(
                update(Marker)
                .where(Marker.account_id == account_id, Marker.timeline == timeline, Marker.version == known)
                .values(last_read_id=last_read_id, version=known + 1, updated_at=now)
                .returning(Marker.version)
                .execution_options(synchronize_session=False)
            )
        if written is None:
            raise Conflict("Another device wrote down where it reads at the same moment.")


async def markers(tx: Tx, account_id: int, timelines: Collection[str]) -> list[Marker]:
    """Return how far an account has read those timelines, where it was noted."""
    rows = await tx.scalars(
        select(Marker)
        .where(Marker.account_id == account_id, Marker.timeline.in_(timelines))
        .order_by(Marker.timeline)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def read_up_to(tx: Tx, account_id: int, timeline: str) -> int:
    """Return the id up to which an account has read a timeline; 0 when it was never noted."""
    (marker, *_) = [*await markers(tx, account_id, [timeline]), None]
    return int(marker.last_read_id) if marker is not None and marker.last_read_id.isdecimal() else 0
