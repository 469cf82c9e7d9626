"""The ways in for people of other servers: signing in at home, a link by message; and leaving again.

Opening a link shows a button and uses nothing up: servers fetch links to preview them. The way home begins
with a page and not with a redirect, because a form of ours may lead nowhere but to us (`guard.py`).
"""

from typing import Final

from aiohttp import web

from fedispace.accounts.tokens import is_token
from fedispace.db.engine import Database
from fedispace.errors import (
    Conflict,
    FedispaceError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from fedispace.ids import Ids
from fedispace.spaces import queries
from fedispace.spaces.entry.entry_links import EntryLinks
from fedispace.spaces.entry.home_sign_in import HomeSignIn
from fedispace.spaces.entry.visits import LIFE, Visits
from fedispace.web.cards import SpaceCard
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages, number
from fedispace.web.words import refusal_of

_BROWSER_KNOWN: Final = 24 * 60 * 60
_MAX_SAID: Final = 4096
_NO_VISITS: Final = (
    "Accounts of other servers cannot be used on this server. Take part from your own server, or sign in."
)
_TOLD: Final = (Invalid, NotFound, Forbidden, Conflict, Refused, Unavailable, RateLimited)


class VisitPages:
    """Visiting from another server."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        homes: HomeSignIn,
        links: EntryLinks,
        visits: Visits,
        presenter: Presenter,
        frame: Frame,
        cookie: str,
        secure: bool,
    ) -> None:
        self._db = db
        self._ids = ids
        self._homes = homes
        self._links = links
        self._visits = visits
        self._presenter = presenter
        self._frame = frame
        self._cookie = f"{cookie}-visit"
        self._browser_cookie = f"{cookie}-browser"
        self._secure = secure

    @pages.get("/visit")
    async def form(self, asked: Asked) -> web.Response:
        return await self._form(asked, space_id=number(asked.query("space")))

    @pages.post("/visit", stranger=True)
    async def go_home(self, asked: Asked) -> web.Response:
        """Send somebody to the server they are at home on."""
        space_id = number(asked.text("space"))
        browser = self._browser(asked)
        try:
            departure = await self._homes.begin(
                asked.text("address"),
                browser=browser,
                address=asked.request.remote or "",
                space_id=space_id,
            )
        except _TOLD as error:
            return await self._form(asked, space_id=space_id, error=error)
        answer = await self._frame.page(
            asked, "visit_leaving.html", beside=False, host=departure.host, url=departure.url
        )
        answer.headers["Refresh"] = f"0; url={departure.url}"
        answer.headers["Cache-Control"] = "private, no-store"
        self._know(answer, browser)
        return answer

    @pages.get("/visit/from/{host}")
    async def come_back(self, asked: Asked) -> web.Response:
        """Take in who comes back from home."""
        query = asked.request.query
        if any(len(query.getall(name)) > 1 or len(value) > _MAX_SAID for name, value in query.items()):
            raise Invalid("This answer cannot be read.")
        try:
            arrival = await self._homes.come_back(
                asked.request.match_info["host"],
                query,
                browser=asked.request.cookies.get(self._browser_cookie, ""),
                address=asked.request.remote or "",
            )
        except _TOLD as error:
            return await self._form(asked, space_id=None, error=error)
        return await self._welcome(asked, arrival.token, arrival.space_id)

    @pages.post("/visit/link", stranger=True)
    async def send_link(self, asked: Asked) -> web.Response:
        """Have a link sent to the account somebody says is theirs."""
        space_id = number(asked.text("space"))
        if space_id is None:
            raise NotFound("There is no such Space.")
        browser = self._browser(asked)
        try:
            handle = await self._links.ask(
                space_id, asked.text("address"), browser=browser, address=asked.request.remote or ""
            )
        except _TOLD as error:
            return await self._form(asked, space_id=space_id, error=error)
        answer = await self._frame.page(
            asked, "visit_sent.html", beside=False, handle=handle, space=await self._space(asked, space_id)
        )
        answer.headers["Cache-Control"] = "private, no-store"
        self._know(answer, browser)
        return answer

    @pages.get("/visit/link/{link}")
    async def show_link(self, asked: Asked) -> web.Response:
        """Ask whether to use a link, and use nothing up."""
        link = asked.request.match_info["link"]
        waiting = await self._links.look(link, asked.request.cookies.get(self._browser_cookie, ""))
        async with self._db.reading() as tx:
            space = await self._presenter.space(tx, waiting.space, waiting.account.id)
        answer = await self._frame.page(
            asked,
            "visit_link.html",
            beside=False,
            action=f"/visit/link/{link}",
            person=self._presenter.face(waiting.account),
            space=space,
            indexable=False,
        )
        answer.headers["Cache-Control"] = "private, no-store"
        return answer

    @pages.post("/visit/link/{link}", stranger=True)
    async def use_link(self, asked: Asked) -> web.Response:
        entered = await self._links.take(
            asked.request.match_info["link"], asked.request.cookies.get(self._browser_cookie, "")
        )
        return await self._welcome(asked, entered.token, entered.space_id)

    @pages.post("/visit/end", guests=True)
    async def end(self, asked: Asked) -> web.Response:
        """End the visit in this browser."""
        await self._visits.end(asked.request.cookies.get(self._cookie, ""))
        return self._goodbye()

    @pages.post("/visit/end_all", guests=True)
    async def end_all(self, asked: Asked) -> web.Response:
        """End the visits of this account in all browsers."""
        if asked.guest is None:
            raise NotFound("Nobody visits with this browser.")
        await self._visits.end_all(asked.guest.account.id)
        return self._goodbye()

    async def _form(
        self, asked: Asked, *, space_id: int | None, error: FedispaceError | None = None
    ) -> web.Response:
        refusal = None if error is None else refusal_of(error)
        answer = await self._frame.page(
            asked,
            "visit.html",
            beside=False,
            status=200 if refusal is None else refusal.status,
            space=None if space_id is None else await self._space(asked, space_id),
            address=asked.text("address"),
            error="" if refusal is None else refusal.detail,
            visits=[] if asked.guest is None else await self._visits.listed(asked.guest.account.id),
            indexable=False,
        )
        if isinstance(error, RateLimited):
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer

    async def _space(self, asked: Asked, space_id: int) -> SpaceCard | None:
        """Return the Space somebody is on the way to, if they may see it."""
        try:
            async with self._db.reading() as tx:
                space = await queries.space(tx, space_id, asked.person_id)
                return await self._presenter.space(tx, space, asked.person_id)
        except (NotFound, Gone):
            return None

    async def _welcome(self, asked: Asked, token: str, space_id: int | None) -> web.Response:
        """Begin to know this browser, under a token it did not have before."""
        await self._visits.end(asked.request.cookies.get(self._cookie, ""))
        answer = redirect(await self._path(token, space_id))
        answer.set_cookie(
            self._cookie,
            token,
            max_age=int(LIFE.total_seconds()),
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )
        return answer

    async def _path(self, token: str, space_id: int | None) -> str:
        guest = await self._visits.guest(token)
        if guest is None:
            raise Forbidden("This account cannot visit here.")
        if space_id is None:
            return "/visit"
        try:
            async with self._db.reading() as tx:
                space = await queries.space(tx, space_id, guest.account.id)
                return (await self._presenter.space(tx, space, guest.account.id)).path
        except NotFound:
            return "/visit"

    def _goodbye(self) -> web.Response:
        answer = redirect("/?did=visit-ended")
        answer.del_cookie(self._cookie, path="/", httponly=True, secure=self._secure, samesite="Lax")
        return answer

    def _browser(self, asked: Asked) -> str:
        """Return the secret that this browser alone has, made if it has none."""
        known = asked.request.cookies.get(self._browser_cookie, "")
        return known if is_token(known) else self._ids.token()

    def _know(self, answer: web.Response, browser: str) -> None:
        answer.set_cookie(
            self._browser_cookie,
            browser,
            max_age=_BROWSER_KNOWN,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )


class NoVisitPages:
    """What stands at these addresses where the operator takes no visitors: a sentence, and nothing else."""

    pages = Pages()

    @pages.get("/visit{rest:(/.*)?}")
    async def say(self, asked: Asked) -> web.Response:
        raise NotFound(_NO_VISITS)

    @pages.post("/visit{rest:(/.*)?}", stranger=True)
    async def refuse(self, asked: Asked) -> web.Response:
        raise NotFound(_NO_VISITS)
