"""The way every page request takes: who asks, may this form be trusted, then the page or a refusal."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from fedispace import errors
from fedispace.accounts.signin import SignIn, Visitor
from fedispace.clock import Clock
from fedispace.spaces.entry.visits import Guest, Visits
from fedispace.web.frame import Frame, redirect
from fedispace.web.leading import Leading
from fedispace.web.origin import require_ours, require_token
from fedispace.web.routing import NO_FORM, Asked, Row
from fedispace.web.words import refusal_of

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_MAX_FIELDS = 200

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Turns rows of the table of pages into aiohttp handlers."""

    def __init__(
        self,
        *,
        origin: str,
        sign_in: SignIn,
        visits: Visits | None,
        leading: Leading,
        frame: Frame,
        clock: Clock,
    ) -> None:
        self._origin = origin
        self._sign_in = sign_in
        self._visits = visits
        self._leading = leading
        self._frame = frame
        self._clock = clock
        self.secure = origin.startswith("https://")
        self.cookie = "__Host-fedispace" if self.secure else "fedispace"
        self.visit_cookie = f"{self.cookie}-visit"

    def opened(self, row: Row, owner: object) -> Handler:
        """Return the handler of `row`, whose function is a method of `owner`."""

        async def handler(request: web.Request) -> web.StreamResponse:
            asked = Asked(request=request, visitor=None, form=NO_FORM, at=self._clock.now())
            try:
                asked = await self._asked(request, row)
                return await row.function(owner, asked)
            except errors.FedispaceError as error:
                return await self._refuse(asked, error)

        return handler

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """Answer for every address that is no page."""
        asked = Asked(
            request=request, visitor=await self._visitor(request), form=NO_FORM, at=self._clock.now()
        )
        return await self._refuse(asked, errors.NotFound("There is no page at this address."))

    async def instead(self, request: web.Request, error: errors.FedispaceError) -> web.StreamResponse:
        """Answer a browser at the address of an object that other servers are not shown: who is known here is
        led to its page if they may see it all the same; for the rest there is a page that says so."""
        visitor = await self._visitor(request)
        guest = None if visitor is not None else await self._guest(request)
        asked = Asked(request=request, visitor=visitor, guest=guest, form=NO_FORM, at=self._clock.now())
        if asked.person_id is not None and isinstance(error, errors.NotFound):
            page = await self._leading.page_of(request.path, asked.person_id)
            if page is not None:
                return redirect(page)
        return await self._refuse(asked, error)

    async def _asked(self, request: web.Request, row: Row) -> Asked:
        visitor = await self._visitor(request)
        guest = None if visitor is not None else await self._guest(request)
        if row.method == "GET":
            asked = Asked(request=request, visitor=visitor, guest=guest, form=NO_FORM, at=self._clock.now())
            if not row.stranger:
                _ = asked.who
            return asked
        require_ours(request, self._origin)
        asked = Asked(
            request=request, visitor=visitor, guest=guest, form=await _form(request), at=self._clock.now()
        )
        if not row.stranger:
            whose = guest if guest is not None and row.guests else asked.who
            require_token(asked.text("csrf"), whose.csrf)
        return asked

    async def _guest(self, request: web.Request) -> Guest | None:
        token = request.cookies.get(self.visit_cookie, "")
        return await self._visits.guest(token) if token and self._visits is not None else None

    async def _visitor(self, request: web.Request) -> Visitor | None:
        token = request.cookies.get(self.cookie, "")
        return await self._sign_in.visitor(token) if token else None

    async def _refuse(self, asked: Asked, error: errors.FedispaceError) -> web.StreamResponse:
        refusal = refusal_of(error)
        headers = {}
        if isinstance(error, errors.RateLimited):
            headers["Retry-After"] = str(error.retry_after)
        elif isinstance(error, errors.Unavailable):
            headers["Retry-After"] = str(errors.AWAY_SECONDS)
        if "application/json" in asked.request.headers.get("Accept", ""):
            answer = web.json_response({"detail": refusal.detail}, status=refusal.status)
        elif asked.piece:
            answer = web.Response(text=refusal.detail, status=refusal.status)
        elif isinstance(error, errors.Unauthenticated) and asked.request.method == "GET":
            answer = redirect(f"/auth/sign_in?next={quote(asked.request.path_qs, safe='')}")
        else:
            answer = await self._frame.page(
                asked,
                "error.html",
                status=refusal.status,
                heading=refusal.heading,
                detail=refusal.detail,
                way_on=refusal.way_on,
                way_word=refusal.way_word,
            )
        answer.headers.update(headers)
        return answer


async def _form(request: web.Request) -> "MultiDictProxy[str]":
    """Read a form of text fields; a file that came along is not a field of any form of ours."""
    if request.content_type not in _FORMS:
        raise errors.Forbidden("That is not a form.")
    try:
        posted = await request.post()
    except (ValueError, LookupError) as error:
        raise errors.Invalid("The form cannot be read.") from error
    fields = MultiDict((name, value) for name, value in posted.items() if isinstance(value, str))
    if len(fields) > _MAX_FIELDS:
        raise errors.Invalid("The form has too many fields.")
    return MultiDictProxy(fields)
