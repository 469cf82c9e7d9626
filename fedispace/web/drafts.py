"""Drafts and scheduled threads: the list, opening one again, publishing it now, throwing it away."""

from aiohttp import web

from fedispace.accounts.paging import Page
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.ids import Ids
from fedispace.threads.drafts import Drafts, drafts, own
from fedispace.threads.manuscript import unpacked
from fedispace.threads.models import ThreadDraft
from fedispace.web.cards import DraftCard
from fedispace.web.composing import Composer
from fedispace.web.frame import Frame, redirect
from fedispace.web.manuscripts import opened
from fedispace.web.routing import Asked, Pages, number

_LISTED = 40
_OPENING = 160


class DraftPages:
    """Pages of what is not published yet."""

    pages = Pages()

    def __init__(self, *, db: Database, ids: Ids, drafts: Drafts, composer: Composer, frame: Frame) -> None:
        self._db = db
        self._ids = ids
        self._drafts = drafts
        self._composer = composer
        self._frame = frame

    @pages.get("/drafts", stranger=False)
    async def listed(self, asked: Asked) -> web.Response:
        before = number(asked.query("before"))
        async with self._db.reading() as tx:
            rows = await drafts(tx, asked.who.account.id, Page(max_id=before, limit=_LISTED))
        cards = [_card(row) for row in rows]
        timed = sorted(
            (card for card in cards if card.scheduled_at),
            key=lambda card: card.scheduled_at or card.changed_at,
        )
        return await self._frame.page(
            asked,
            "drafts.html",
            scheduled=sorted(timed, key=lambda card: card.scheduled_at or card.changed_at),
            drafts=[card for card in cards if card.scheduled_at is None],
            more=f"/drafts?before={rows[-1].id}" if len(rows) == _LISTED else "",
        )

    @pages.get("/drafts/{id}", stranger=False)
    async def open(self, asked: Asked) -> web.Response:
        return await self._opened(asked)

    @pages.post("/drafts/{id}/publish")
    async def publish(self, asked: Asked) -> web.Response:
        """Publish a draft as it stands; one that cannot be is opened, with the reason."""
        try:
            await self._drafts.publish(asked.who.account, asked.id())
        except Invalid as error:
            return await self._opened(asked, error=error.detail, status=422)
        return redirect("/?did=posted")

    async def _opened(self, asked: Asked, *, error: str = "", status: int = 200) -> web.Response:
        async with self._db.reading() as tx:
            row = await own(tx, asked.who.account.id, asked.id())
        draft = opened(
            row,
            unpacked(row.thread),
            visibility=asked.who.user.default_visibility,
            key=self._ids.token(),
            error=error,
        )
        return await self._composer.page(asked, draft, status=status)

    @pages.get("/drafts/{id}/discard", stranger=False)
    async def ask_to_discard(self, asked: Asked) -> web.Response:
        async with self._db.reading() as tx:
            card = _card(await own(tx, asked.who.account.id, asked.id()))
        return await self._frame.page(
            asked,
            "confirm.html",
            question="Discard this draft?",
            loss=f"{card.posts} post{'s' if card.posts > 1 else ''}, starting with: {card.opening}",
            action=f"/drafts/{card.id}/discard",
            next="/drafts",
            back="/drafts",
            choices=[("discard", "Discard it")],
            post=None,
        )

    @pages.post("/drafts/{id}/discard")
    async def discard(self, asked: Asked) -> web.Response:
        await self._drafts.discard(asked.who.account, asked.id())
        return redirect("/drafts?did=discarded")


def _card(row: ThreadDraft) -> DraftCard:
    manuscript = unpacked(row.thread)
    opening = " ".join(manuscript.posts[0].text.split()) or manuscript.posts[0].spoiler
    return DraftCard(
        id=row.id,
        path=f"/drafts/{row.id}",
        name=row.name,
        opening=opening[:_OPENING] + ("…" if len(opening) > _OPENING else ""),
        posts=len(manuscript.posts),
        changed_at=row.updated_at,
        scheduled_at=row.scheduled_at,
        failure=row.failure or "",
    )
