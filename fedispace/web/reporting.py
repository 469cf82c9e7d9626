"""Telling the moderators about a person or a post: one form, sent once."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import Conflict, Forbidden, Invalid, NotFound
from fedispace.moderation.reports import MAX_COMMENT, Category, Reporting
from fedispace.threads.visibility import require_visible
from fedispace.web.cards import PostCard
from fedispace.web.faces import Face
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages

CATEGORIES: Final[dict[Category, tuple[str, str]]] = {
    "spam": ("Spam", "Advertising, fake accounts, the same thing over and over."),
    "violation": (
        "Against the rules here",
        "Harassment, hate, threats, or what the rules of this place forbid.",
    ),
    "legal": ("Against the law", "In your country, or where this server is."),
    "other": ("Something else", "Say below what it is."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Whom a report is about, and the post that gave rise to it."""

    face: Face
    uri: str | None
    post: PostCard | None
    is_remote: bool


class ReportPages:
    """The forms."""

    pages = Pages()

    def __init__(
        self, *, db: Database, people: People, reporting: Reporting, presenter: Presenter, frame: Frame
    ) -> None:
        self._db = db
        self._people = people
        self._reporting = reporting
        self._presenter = presenter
        self._frame = frame

    @pages.get("/people/{id}/report", stranger=False)
    async def about_person(self, asked: Asked) -> web.Response:
        return await self._drawn(asked, await self._person(asked))

    @pages.post("/people/{id}/report")
    async def report_person(self, asked: Asked) -> web.Response:
        return await self._sent(asked, await self._person(asked))

    @pages.get("/posts/{id}/report", stranger=False)
    async def about_post(self, asked: Asked) -> web.Response:
        return await self._drawn(asked, await self._post(asked))

    @pages.post("/posts/{id}/report")
    async def report_post(self, asked: Asked) -> web.Response:
        return await self._sent(asked, await self._post(asked))

    async def _person(self, asked: Asked) -> _Subject:
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, asked.id())
        if account.is_suspended:
            raise NotFound("There is no such account.")
        return self._checked(
            asked,
            _Subject(face=self._presenter.face(account), uri=None, post=None, is_remote=not account.local),
        )

    async def _post(self, asked: Asked) -> _Subject:
        async with self._db.reading() as tx:
            status = await require_visible(tx, asked.who.account.id, asked.id())
            card = await self._presenter.post(tx, status, asked.viewer_id)
        return self._checked(
            asked, _Subject(face=card.author, uri=card.uri, post=card, is_remote=not status.local)
        )

    def _checked(self, asked: Asked, subject: _Subject) -> _Subject:
        if subject.face.id == asked.who.account.id:
            raise Forbidden("One cannot report oneself.")
        return subject

    async def _sent(self, asked: Asked, subject: _Subject) -> web.Response:
        category = next((known for known in CATEGORIES if known == asked.text("category")), None)
        try:
            if category is None:
                raise Invalid("Say what kind of thing it is.")
            await self._reporting.report(
                asked.who.account,
                subject.face.id,
                objects=[subject.uri] if subject.uri else [],
                comment=asked.text("comment"),
                category=category,
                forward=asked.text("forward") == "1",
            )
        except (Invalid, Conflict) as error:
            return await self._drawn(asked, subject, error=error.detail, status=422)
        return redirect(f"{subject.face.path}?did=reported")

    async def _drawn(
        self, asked: Asked, subject: _Subject, *, error: str = "", status: int = 200
    ) -> web.Response:
        return await self._frame.page(
            asked,
            "report.html",
            status=status,
            face=subject.face,
            post=subject.post,
            is_remote=subject.is_remote,
            categories=CATEGORIES,
            chosen=asked.text("category"),
            comment=asked.text("comment"),
            most=MAX_COMMENT,
            error=error,
        )
