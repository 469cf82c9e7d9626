"""Draws a page inside the frame every page shares: who is signed in, what is live, what is coming."""

from collections.abc import Collection

from aiohttp import web

from fedispace.accounts.paging import Page
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.spaces import queries
from fedispace.spaces.lifecycle import Phase
from fedispace.web.cards import GuestCard, Reader, Side
from fedispace.web.guard import headers_for
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked
from fedispace.web.templates import Templates

NOTICES = {
    "posted": "Posted.",
    "kept": "Kept as a draft. You find it here on every device.",
    "thread-scheduled": "It will be published at its time.",
    "discarded": "Discarded.",
    "deleted": "Deleted. Other servers have been told.",
    "followed": "You follow them now. What they write next will be in your Home.",
    "requested": "They have been asked. You will see their posts once they accept.",
    "scheduled": "Your Space is planned. Share this page, and come back when it is time.",
    "signed-out": "You are signed out.",
    "visit-ended": "Your visit here is over. This browser no longer knows you.",
    "saved": "Saved.",
    "left": "Your account is deleted. Other servers are being told.",
    "blocked": "You have nothing to do with each other any more.",
    "muted": "You will not see what they write.",
    "changed": "Changed. Other servers are being told.",
    "reported": "Thank you. The moderators will look at it.",
    "conversation-followed": "You will be told of new replies.",
    "conversation-left": "You will not be told of new replies any more.",
    "conversation-muted": "You will hear no more of this conversation, and your Home leaves it out.",
    "conversation-heard": "You hear of this conversation again.",
    "tag-followed": "Public posts with this hashtag will be in your Home.",
    "told": "Sent.",
    "invitation-declined": "You declined the invitation. The Space is not for you to see any more.",
    "space-changed": "Changed. Who said that they will come is told.",
    "reminder": "You will be told when it starts.",
    "no-reminder": "You will not be told.",
    "server-blocked": "You will see nothing from that server.",
}
_SIDE = 5


class Frame:
    """Answers with pages."""

    def __init__(
        self, *, db: Database, clock: Clock, templates: Templates, presenter: Presenter, secure: bool
    ) -> None:
        self._db = db
        self._clock = clock
        self._templates = templates
        self._presenter = presenter
        self._secure = secure

    async def page(
        self,
        asked: Asked,
        template: str,
        *,
        status: int = 200,
        beside: bool = True,
        side: Side | None = None,
        connects_to: Collection[str] = (),
        sends_form_to: Collection[str] = (),
        microphone: bool = False,
        **values: object,
    ) -> web.Response:
        """Return the page `template` makes of `values`; not to be called inside a transaction."""
        html = self._templates.page(
            template,
            now=self._clock.now(),
            here=asked.path,
            reader=self.reader(asked),
            guest=self.guest(asked),
            side=(side or await self.side(asked)) if beside else None,
            notice=NOTICES.get(asked.query("did"), ""),
            **values,
        )
        headers = headers_for(
            private=asked.somebody is not None,
            secure=self._secure,
            connects_to=connects_to,
            sends_form_to=sends_form_to,
            microphone=microphone,
        )
        if values.get("indexable") is False:
            headers["X-Robots-Tag"] = "noindex"
        answer = web.Response(text=html, status=status, content_type="text/html", headers=headers)
        if asked.somebody is None:
            # Only what holds no secret of anybody's: sizes of compressed pages tell of what is in them
            # (BREACH), and the pages of people who are known carry their token.
            answer.enable_compression()
        return answer

    def framed(self, asked: Asked, template: str, **values: object) -> web.Response:
        """Return a page that stands in another site's page: nobody is known on it, nothing is beside it."""
        html = self._templates.page(
            template,
            now=self._clock.now(),
            here=asked.path,
            reader=None,
            guest=None,
            side=None,
            notice="",
            **values,
        )
        headers = headers_for(private=False, secure=self._secure, framed=True)
        return web.Response(text=html, content_type="text/html", headers=headers)

    def piece(self, asked: Asked, template: str, macro: str, *arguments: object, here: str = "") -> str:
        """Return one part of a page, for a script that puts it in place."""
        return self._templates.piece(
            template,
            macro,
            *arguments,
            now=self._clock.now(),
            here=here or asked.path,
            reader=self.reader(asked),
            guest=self.guest(asked),
        )

    def fragment(self, asked: Asked, html: str, *, status: int = 200) -> web.Response:
        """Return a part of a page as an answer."""
        headers = {**headers_for(private=True, secure=self._secure)}
        return web.Response(text=html, status=status, content_type="text/html", headers=headers)

    def reader(self, asked: Asked) -> Reader | None:
        if asked.visitor is None:
            return None
        return Reader(
            face=self._presenter.face(asked.visitor.account),
            csrf=asked.visitor.csrf,
            default_visibility=asked.visitor.user.default_visibility,
        )

    def guest(self, asked: Asked) -> GuestCard | None:
        """Return who visits, for forms and for saying so."""
        if asked.guest is None:
            return None
        return GuestCard(face=self._presenter.face(asked.guest.account), csrf=asked.guest.csrf)

    async def side(self, asked: Asked) -> Side:
        async with self._db.reading() as tx:
            return await self.side_in(tx, asked.viewer_id)

    async def side_in(self, tx: Tx, viewer_id: int | None) -> Side:
        """Return what is live and what is coming up for the viewer."""
        few, now = Page(limit=_SIDE), self._clock.now()
        live = await queries.spaces(tx, viewer_id, Phase.LIVE, few, now=now)
        coming = await queries.spaces(tx, viewer_id, Phase.SCHEDULED, few, now=now)
        soonest = sorted(coming, key=lambda space: space.starts_at)
        return Side(
            live=await self._presenter.spaces(tx, live, viewer_id),
            coming=await self._presenter.spaces(tx, soonest, viewer_id),
        )


def redirect(path: str) -> web.Response:
    """Send the browser to another page of ours after a form (so that a reload repeats nothing)."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
