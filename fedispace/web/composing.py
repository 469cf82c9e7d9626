"""The page with the composer on it, for a new post, an answer, or a draft that is opened again."""

from aiohttp import web

from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.visibility import require_visible
from fedispace.web.cards import Draft, PostCard
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked


class Composer:
    """Draws it, with the post that is answered above."""

    def __init__(self, *, db: Database, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._presenter = presenter
        self._frame = frame

    async def page(self, asked: Asked, draft: Draft, *, status: int = 200) -> web.Response:
        return await self._frame.page(
            asked,
            "compose.html",
            status=status,
            draft=draft,
            answered=await self._answered(asked, draft),
            quoted=await self._quoted(asked, draft),
            limit=MAX_CHARACTERS,
            most=MAX_POSTS,
        )

    async def _answered(self, asked: Asked, draft: Draft) -> PostCard | None:
        """Return the post that is answered; a draft outlives it, so it may be gone."""
        if not draft.in_reply_to:
            return None
        async with self._db.reading() as tx:
            try:
                parent = await require_visible(tx, asked.viewer_id, draft.in_reply_to)
            except NotFound:
                if draft.draft_id is None:
                    raise
                return None
            return await self._presenter.post(tx, parent, asked.viewer_id)

    async def _quoted(self, asked: Asked, draft: Draft) -> PostCard | None:
        """Return the post that is quoted."""
        if not draft.quote:
            return None
        async with self._db.reading() as tx:
            quoted = await require_visible(tx, asked.viewer_id, draft.quote)
            return await self._presenter.post(tx, quoted, asked.viewer_id)
