"""Answering posts with an emoji: forms without scripts."""

from typing import Final

from aiohttp import web

from fedispace.db.engine import Database
from fedispace.threads.reactions import Reacting
from fedispace.web.changed import changed
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages

MAX_TYPED: Final = 300


class ReactingPages:
    """The two forms."""

    pages = Pages()

    def __init__(self, *, db: Database, reacting: Reacting, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._reacting = reacting
        self._presenter = presenter
        self._frame = frame

    @pages.post("/posts/{id}/react")
    async def react(self, asked: Asked) -> web.Response:
        """Add a reaction: what was typed, else the button that was pressed."""
        emoji = asked.text("other").strip() or asked.text("emoji")
        await self._reacting.react(asked.who.account, asked.id(), emoji[:MAX_TYPED])
        return await changed(asked, db=self._db, presenter=self._presenter, frame=self._frame)

    @pages.post("/posts/{id}/unreact")
    async def unreact(self, asked: Asked) -> web.Response:
        await self._reacting.unreact(asked.who.account, asked.id(), asked.text("emoji")[:MAX_TYPED])
        return await changed(asked, db=self._db, presenter=self._presenter, frame=self._frame)
