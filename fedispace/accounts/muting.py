"""Not wanting to read somebody, for good or for a while. They are not told."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, select

from fedispace.accounts.models import Account, Mute
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.accounts.relationships import Relationship, relationship
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.errors import Forbidden
from fedispace.ids import Ids

LONGEST: Final = 10 * 365 * 24 * 3600
"""A mute for longer than this many seconds ends then: a clock has to be able to count that far."""


class Muting:
    """Mutes and unmutes."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, people: People) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._people = people

    async def mute(
        self, by: Account, target_id: int, *, notifications: bool = True, seconds: int = 0
    ) -> Relationship:
        """Mute an account for some seconds (0: for good), with what it does to one unless told otherwise.

        A repeat replaces what was said before.
        """
        if target_id == by.id:
            raise Forbidden("One cannot mute oneself.")
        now = self._clock.now()
        expires_at = now + timedelta(seconds=min(seconds, LONGEST)) if seconds > 0 else None
        said: dict[str, Any] = {"notifications": notifications, "expires_at": expires_at}
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            row = {"id": self._ids.next(), "account_id": by.id, "target_id": target.id, "created_at": now}
            await tx.execute(
                insert(tx, Mute)
                .values({**row, **said})
                .on_conflict_do_update(index_elements=["account_id", "target_id"], set_=said)
            )
            return await relationship(tx, by.id, target.id, now)

    async def unmute(self, by: Account, target_id: int) -> Relationship:
        """Mute an account no longer; repeating it is fine."""
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            await tx.execute(delete(Mute).where(Mute.account_id == by.id, Mute.target_id == target.id))
            return await relationship(tx, by.id, target.id, self._clock.now())

    async def prune(self) -> None:
        """Forget the mutes that have run out."""
        await forget(self._db, Mute, Mute.expires_at <= self._clock.now())


async def muted(tx: Tx, account_id: int, page: Page, now: datetime) -> list[tuple[Mute, Account]]:
    """Return whom an account mutes, newest first; pages go by the id of the mute."""
    statement = (
        select(Mute, Account)
        .join(Account, Account.id == Mute.target_id)
        .where(Mute.account_id == account_id, or_(Mute.expires_at.is_(None), Mute.expires_at > now))
    )
    rows = (await tx.execute(page.apply(statement, Mute.id))).all()
    return page.newest_first([(mute, account) for mute, account in rows])
