"""Posts to find again: bookmarks and pins; and the pages of who favourited and boosted a post."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.threads import acted
from fedispace.threads import bookmarks as kept
from fedispace.threads.bookmarks import Bookmarking
from fedispace.threads.pins import Pinning
from fedispace.threads.visibility import require_visible
from fedispace.web.changed import changed
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.reading import page_of
from fedispace.web.routing import Asked, Pages

People = Callable[[Tx, int, Page], Awaitable[list[tuple[int, Account]]]]


class KeepingPages:
    """Forms that keep posts, and the lists."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        bookmarking: Bookmarking,
        pinning: Pinning,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._clock = clock
        self._bookmarking = bookmarking
        self._pinning = pinning
        self._presenter = presenter
        self._frame = frame

    @pages.get("/bookmarks", stranger=False)
    async def bookmarks(self, asked: Asked) -> web.Response:
        viewer, page = asked.who.account, page_of(asked)
        async with self._db.reading() as tx:
            rows = await kept.bookmarks(tx, viewer.id, page)
            cards = await self._presenter.posts(tx, [status for _, status in rows], viewer.id)
        more = f"/bookmarks?max_id={rows[-1][0]}" if len(rows) == page.limit else ""
        return await self._frame.page(asked, "bookmarks.html", cards=cards, more=more)

    @pages.post("/posts/{id}/bookmark")
    async def bookmark(self, asked: Asked) -> web.Response:
        await self._bookmarking.bookmark(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.post("/posts/{id}/unbookmark")
    async def unbookmark(self, asked: Asked) -> web.Response:
        await self._bookmarking.unbookmark(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.post("/posts/{id}/pin")
    async def pin(self, asked: Asked) -> web.Response:
        await self._pinning.pin(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.post("/posts/{id}/unpin")
    async def unpin(self, asked: Asked) -> web.Response:
        await self._pinning.unpin(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.get("/posts/{id}/liked-by")
    async def favourited_by(self, asked: Asked) -> web.Response:
        async def people(tx: Tx, status_id: int, page: Page) -> list[tuple[int, Account]]:
            return await acted.favourited_by(tx, asked.viewer_id, status_id, self._clock.now(), page)

        return await self._people(asked, "Liked by", people)

    @pages.get("/posts/{id}/boosted-by")
    async def boosted_by(self, asked: Asked) -> web.Response:
        async def people(tx: Tx, status_id: int, page: Page) -> list[tuple[int, Account]]:
            return await acted.boosted_by(tx, asked.viewer_id, status_id, self._clock.now(), page)

        return await self._people(asked, "Boosted by", people)

    async def _people(self, asked: Asked, heading: str, people: People) -> web.Response:
        page = page_of(asked)
        async with self._db.reading() as tx:
            status = await require_visible(tx, asked.viewer_id, asked.id())
            rows = await people(tx, status.boost_of_id or status.id, page)
            card = await self._presenter.post(tx, status, asked.viewer_id)
        return await self._frame.page(
            asked,
            "people.html",
            heading=heading,
            post=card,
            people=[self._presenter.face(account) for _, account in rows],
            more=f"{asked.path}?max_id={rows[-1][0]}" if len(rows) == page.limit else "",
        )

    async def _changed(self, asked: Asked) -> web.Response:
        return await changed(asked, db=self._db, presenter=self._presenter, frame=self._frame)
