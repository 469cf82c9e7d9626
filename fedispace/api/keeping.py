"""Calls about posts to find again: bookmarks, pins, favourites; and who favourited and boosted a post."""

from collections.abc import Sequence

from fedispace.accounts.models import Account as AccountRow
from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import ById, Paged, RowId
from fedispace.api.entities.status import Status
from fedispace.api.links import page_of
from fedispace.api.people import profiles
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.threads import acted
from fedispace.threads import bookmarks as kept
from fedispace.threads.bookmarks import Bookmarking
from fedispace.threads.models import Status as StatusRow
from fedispace.threads.pins import Pinning
from fedispace.threads.visibility import require_visible


class PagedOf(Paged, frozen=True, kw_only=True):
    id: RowId


class KeepingCalls(Calls):
    """Mastodon's `bookmarks` and `favourites` methods, and the rest of `statuses` that keeps posts."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        posts: Posts,
        bookmarking: Bookmarking,
        pinning: Pinning,
        presenter: AccountPresenter,
    ) -> None:
        self._db = db
        self._clock = clock
        self._posts = posts
        self._bookmarking = bookmarking
        self._pinning = pinning
        self._presenter = presenter

    @routes.post("/api/v1/statuses/{id}/bookmark", who=Who.PERSON, scope="write:bookmarks")
    async def bookmark(self, call: Call[ById]) -> Status:
        """Bookmark a post."""
        kept_id = await self._bookmarking.bookmark(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, kept_id)

    @routes.post("/api/v1/statuses/{id}/unbookmark", who=Who.PERSON, scope="write:bookmarks")
    async def unbookmark(self, call: Call[ById]) -> Status:
        """Remove a bookmark."""
        kept_id = await self._bookmarking.unbookmark(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, kept_id)

    @routes.get("/api/v1/bookmarks", who=Who.PERSON, scope="read:bookmarks")
    async def bookmarks(self, call: Call[Paged]) -> Listing[Status]:
        """Return what the asker bookmarked, newest bookmark first."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            return await self._page(tx, await kept.bookmarks(tx, viewer, page_of(call.given)), viewer)

    @routes.get("/api/v1/favourites", who=Who.PERSON, scope="read:favourites")
    async def favourites(self, call: Call[Paged]) -> Listing[Status]:
        """Return what the asker favourited, newest favourite first."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            return await self._page(tx, await acted.favourites(tx, viewer, page_of(call.given)), viewer)

    @routes.get("/api/v1/statuses/{id}/favourited_by", who=Who.ANYONE, scope="read:accounts")
    async def favourited_by(self, call: Call[PagedOf]) -> Listing[Account]:
        """Return who favourited a post."""
        viewer, page = call.viewer_id, page_of(call.given, default=40, most=80)
        async with self._db.reading() as tx:
            row = await _original(tx, viewer, call.given.id)
            people = await acted.favourited_by(tx, viewer, row.id, self._clock.now(), page)
            return await self._people(tx, people)

    @routes.get("/api/v1/statuses/{id}/reblogged_by", who=Who.ANYONE, scope="read:accounts")
    async def reblogged_by(self, call: Call[PagedOf]) -> Listing[Account]:
        """Return who boosted a post."""
        viewer, page = call.viewer_id, page_of(call.given, default=40, most=80)
        async with self._db.reading() as tx:
            row = await _original(tx, viewer, call.given.id)
            people = await acted.boosted_by(tx, viewer, row.id, self._clock.now(), page)
            return await self._people(tx, people)

    @routes.post("/api/v1/statuses/{id}/pin", who=Who.PERSON, scope="write:accounts")
    async def pin(self, call: Call[ById]) -> Status:
        """Pin one of the asker's own posts to the top of the profile."""
        pinned_id = await self._pinning.pin(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, pinned_id)

    @routes.post("/api/v1/statuses/{id}/unpin", who=Who.PERSON, scope="write:accounts")
    async def unpin(self, call: Call[ById]) -> Status:
        """Take one of the asker's own posts off the profile's top."""
        pinned_id = await self._pinning.unpin(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, pinned_id)

    async def _page(self, tx: Tx, rows: Sequence[tuple[int, StatusRow]], viewer_id: int) -> Listing[Status]:
        shown = await self._posts.many(tx, [status for _, status in rows], viewer_id)
        return Listing(items=shown, cursors=[cursor for cursor, _ in rows])

    async def _people(self, tx: Tx, rows: Sequence[tuple[int, AccountRow]]) -> Listing[Account]:
        items = await profiles(tx, self._presenter, (who for _, who in rows))
        return Listing(items=items, cursors=[cursor for cursor, _ in rows])


async def _original(tx: Tx, viewer_id: int | None, status_id: int) -> StatusRow:
    row = await require_visible(tx, viewer_id, status_id)
    return row if row.boost_of_id is None else await require_visible(tx, viewer_id, row.boost_of_id)
