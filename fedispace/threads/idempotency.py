"""A client's own name for a request: a POST repeated after a lost answer publishes nothing twice."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.models import IdempotencyKey, Status

KEY_LASTS: Final = timedelta(hours=1)
MAX_KEY: Final = 255


async def claim(tx: Tx, clock: Clock, account_id: int, key: str) -> list[Status]:
    """Take the key for this transaction; return the thread of the request that had it before."""
    now = clock.now()
    await tx.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.account_id == account_id, IdempotencyKey.created_at < now - KEY_LASTS
        )
    )
    taken = await tx.scalar(
        insert(tx, IdempotencyKey)
        .values(account_id=account_id, key=key[:MAX_KEY], status_id=0, created_at=now)
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    if taken is not None:
        return []
    first = await tx.get(
        Status, await tx.scalar(select(IdempotencyKey.status_id).where(_of(account_id, key)))
    )
    if first is None:
        return []
    rows = await tx.scalars(
        select(Status)
        .where(Status.thread_id == first.thread_id, Status.thread_position >= first.thread_position)
        .order_by(Status.thread_position)
        .limit(MAX_POSTS)
    )
    return list(rows)


async def keep(tx: Tx, account_id: int, key: str, first: Status) -> None:
    """Remember what the request that claimed `key` made."""
    await tx.execute(update(IdempotencyKey).where(_of(account_id, key)).values(status_id=first.id))


def _of(account_id: int, key: str) -> ColumnElement[bool]:
    return and_(IdempotencyKey.account_id == account_id, IdempotencyKey.key == key[:MAX_KEY])


async def prune(db: Database, clock: Clock) -> None:
    """Forget the keys that have lost their meaning, of accounts that have not posted since."""
    await forget(db, IdempotencyKey, IdempotencyKey.created_at < clock.now() - KEY_LASTS)
