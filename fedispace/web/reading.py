"""The timelines: what this place is, home, everyone."""

from collections.abc import Sequence

from aiohttp import web

from fedispace.accounts.paging import Page
from fedispace.db.engine import Database
from fedispace.ids import Ids
from fedispace.threads import timelines
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.models import Status
from fedispace.web.cards import Draft
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.rooms import bar
from fedispace.web.routing import Asked, Pages, number

PAGE_SIZE = 30


class ReadingPages:
    """Lists of posts."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        presenter: Presenter,
        frame: Frame,
        description: str,
    ) -> None:
        self._db = db
        self._ids = ids
        self._presenter = presenter
        self._frame = frame
        self._description = description

    @pages.get("/")
    async def front(self, asked: Asked) -> web.Response:
        """Home for who is signed in; for a stranger, what this place is."""
        return await (self._welcome(asked) if asked.visitor is None else self._home(asked))

    async def _home(self, asked: Asked) -> web.Response:
        page, viewer = page_of(asked), asked.who
        async with self._db.reading() as tx:
            statuses = await timelines.home(tx, viewer.account.id, page, asked.at)
            cards = await self._presenter.feed(tx, statuses, viewer.account.id)
            side = await self._frame.side_in(tx, viewer.account.id)
            on_stage = await bar(tx, viewer.account.id, side.live)
        draft = Draft(key=self._ids.token(), visibility=viewer.user.default_visibility)
        return await self._frame.page(
            asked,
            "home.html",
            side=side,
            bar=on_stage,
            draft=draft,
            cards=cards,
            more=older("/", statuses, page),
            limit=MAX_CHARACTERS,
            most=MAX_POSTS,
        )

    async def _welcome(self, asked: Asked) -> web.Response:
        page = page_of(asked)
        async with self._db.reading() as tx:
            statuses = await timelines.public(tx, None, page, asked.at, local=True)
            cards = await self._presenter.feed(tx, statuses, None)
            side = await self._frame.side_in(tx, None)
        return await self._frame.page(
            asked,
            "welcome.html",
            side=side,
            description=self._description,
            live=side.live,
            coming=side.coming,
            cards=cards,
            more=older("/", statuses, page),
        )

    @pages.get("/public")
    async def everyone(self, asked: Asked) -> web.Response:
        page, local = page_of(asked), asked.query("local") == "1"
        async with self._db.reading() as tx:
            statuses = await timelines.public(tx, asked.viewer_id, page, asked.at, local=local)
            cards = await self._presenter.feed(tx, statuses, asked.viewer_id)
        base = "/public?local=1" if local else "/public"
        return await self._frame.page(
            asked, "public.html", local=local, cards=cards, more=older(base, statuses, page)
        )


def page_of(asked: Asked) -> Page:
    """Return which part of a list is asked for; a number that is none asks for the beginning."""
    return Page(max_id=number(asked.query("max_id")), limit=PAGE_SIZE)


def older(base: str, rows: Sequence[Status], page: Page) -> str:
    """Return where the list goes on, or nothing when this was its end."""
    if len(rows) < page.limit:
        return ""
    return f"{base}{'&' if '?' in base else '?'}max_id={rows[-1].id}"
