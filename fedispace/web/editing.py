"""Changing one's own post on the web: the words, the warning, who may reply and quote from now on."""

from dataclasses import replace

from aiohttp import web

from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden, Invalid, RateLimited
from fedispace.threads.compose import MAX_CHARACTERS
from fedispace.threads.edits import Editing
from fedispace.threads.models import Status
from fedispace.threads.visibility import require_visible
from fedispace.threads.written import Draft as Written
from fedispace.web.cards import Draft
from fedispace.web.frame import Frame, redirect
from fedispace.web.interactions import chosen_words
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages


class EditingPages:
    """The form, and what is done with it."""

    pages = Pages()

    def __init__(self, *, db: Database, editing: Editing, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._editing = editing
        self._presenter = presenter
        self._frame = frame

    @pages.get("/posts/{id}/edit", stranger=False)
    async def form(self, asked: Asked) -> web.Response:
        async with self._db.reading() as tx:
            status = await self._own(tx, asked)
        return await self._drawn(asked, Draft(posts=(status.source or "",), spoiler=status.spoiler))

    @pages.post("/posts/{id}/edit")
    async def edit(self, asked: Asked) -> web.Response:
        """Change the post; a question it asks and what it quotes stay as they are."""
        draft = Draft(
            posts=(asked.text("post"),),
            spoiler=asked.text("spoiler").strip(),
            replies=asked.text("replies")[:16],
            quotes=asked.text("quotes")[:16],
        )
        async with self._db.reading() as tx:
            status = await self._own(tx, asked)
            path = f"{self._presenter.face(asked.who.account).path}/{status.id}"
        hid_pictures = status.sensitive and not status.spoiler
        written = Written(
            text=draft.posts[0], spoiler=draft.spoiler, sensitive=bool(draft.spoiler) or hid_pictures
        )
        try:
            policy = chosen_words(draft.replies, draft.quotes)
            await self._editing.edit(asked.who.account, status.id, written, policy=policy, keeps_poll=True)
        except (Invalid, RateLimited) as error:
            return await self._drawn(asked, replace(draft, error=error.detail), status=422)
        return redirect(f"{path}?did=changed")

    async def _own(self, tx: Tx, asked: Asked) -> Status:
        status = await require_visible(tx, asked.who.account.id, asked.id())
        if status.account_id != asked.who.account.id or status.boost_of_id is not None:
            raise Forbidden("Only its author can change a post.")
        return status

    async def _drawn(self, asked: Asked, draft: Draft, *, status: int = 200) -> web.Response:
        async with self._db.reading() as tx:
            card = await self._presenter.post(tx, await self._own(tx, asked), asked.viewer_id)
        return await self._frame.page(
            asked, "edit.html", status=status, draft=draft, post=card, limit=MAX_CHARACTERS
        )
