"""Posts somebody wants to find again. Nobody else is told, here or elsewhere."""

from sqlalchemy import delete, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import add_new
from fedispace.errors import NotFound
from fedispace.ids import Ids
from fedispace.threads.boost import original_of
from fedispace.threads.models import Bookmark, Status
from fedispace.threads.visibility import visible


class Bookmarking:
    """Bookmarks of our own people. Both steps may be repeated; the repeat does nothing."""

    def __init__(self, db: Database, ids: Ids, clock: Clock) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock

    async def bookmark(self, by: Account, status_id: int) -> int:
        """Keep a post and return its id. Raises `NotFound` when `by` may not see it."""
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            row = {
                "id": self._ids.next(),
                "account_id": by.id,
                "status_id": status.id,
                "created_at": self._clock.now(),
            }
            await add_new(tx, Bookmark, row)
        return status.id

    async def unbookmark(self, by: Account, status_id: int) -> int:
        """Let go of a post and return its id; also of one that `by` may no longer see."""
        async with self._db.transaction() as tx:
            status = await tx.get(Status, status_id)
            if status is None:
                raise NotFound("There is no such post.")
            kept = status.boost_of_id or status.id
            await tx.execute(delete(Bookmark).where(Bookmark.account_id == by.id, Bookmark.status_id == kept))
        return kept


async def bookmarks(tx: Tx, account_id: int, page: Page) -> list[tuple[int, Status]]:
    """Return (cursor, post) of what an account kept and may still see, newest bookmark first."""
    statement = (
        select(Bookmark.id, Status)
        .join(Status, Status.id == Bookmark.status_id)
        .where(Bookmark.account_id == account_id, visible(account_id))
    )
    rows = (await tx.execute(page.apply(statement, Bookmark.id))).all()
    return page.newest_first([(cursor, status) for cursor, status in rows])
