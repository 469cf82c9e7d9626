"""The page of a hashtag, where every hashtag in a post leads, here and on other servers."""

from datetime import datetime
from urllib.parse import quote

from aiohttp import web

from fedispace.accounts.paging import Page
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.objects import Collection
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.followed_tags import follows_tag
from fedispace.threads.tags import MAX_NAME, key_of, tagged
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.reading import older, page_of
from fedispace.web.routing import Asked, Pages
from fedispace.web.wants import as_activity, wants_activity

_LISTED = 40


class TagPages:
    """Pages of hashtags."""

    pages = Pages()

    def __init__(self, *, db: Database, addresses: Addresses, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._addresses = addresses
        self._presenter = presenter
        self._frame = frame

    @pages.get("/tags/{name}")
    async def tag(self, asked: Asked) -> web.Response:
        """Show public posts with a hashtag; a hashtag nobody has used is a page without posts.

        A thread is not shown as one card here: the post that has the hashtag need not be its first.
        """
        name = asked.request.match_info["name"].strip()
        if not key_of(name) or len(name) > MAX_NAME:
            raise NotFound("There is no such hashtag.")
        if wants_activity(asked):
            return as_activity(await self._collection(name, asked.at))
        page = page_of(asked)
        async with self._db.reading() as tx:
            statuses = await tagged(tx, asked.viewer_id, name, page, asked.at)
            cards = await self._presenter.posts(tx, statuses, asked.viewer_id)
            is_followed = await follows_tag(tx, asked.viewer_id, name)
        return await self._frame.page(
            asked,
            "tag.html",
            name=name,
            cards=cards,
            is_followed=is_followed,
            more=older(f"/tags/{quote(name, safe='')}", statuses, page),
        )

    async def _collection(self, name: str, now: datetime) -> Collection:
        """Return the newest public posts from here with a hashtag, by their ids."""
        async with self._db.reading() as tx:
            statuses = await tagged(tx, None, name, Page(limit=_LISTED), now, local=True)
        return Collection(
            id=self._addresses.tag(key_of(name)), items=tuple(Uri(status.uri) for status in statuses)
        )
