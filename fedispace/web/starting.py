"""What a host does with a Space by forms: start, plan, change, open, end, call off."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from fedispace.accounts.models import Account
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Database
from fedispace.errors import Conflict, Forbidden, Invalid, NotFound
from fedispace.spaces import queries
from fedispace.spaces.access import parse_access
from fedispace.spaces.details import parse_speak_policy
from fedispace.spaces.models import Space
from fedispace.spaces.rsvp import Attending
from fedispace.spaces.verbs.changing import Changes, Changing
from fedispace.spaces.verbs.hosting import Hosting
from fedispace.threads.visibility import require_visible
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.rooms import path_of
from fedispace.web.routing import Asked, Pages, number
from fedispace.web.times import typed

_MAX_PREFILLED: Final = 80
_TOPIC: Final = re.compile(r"[^\s,#]+")
_ASKS: Final = {
    "end": (
        "End this Space for everyone?",
        "The sound stops for all who listen. Its thread stays; it cannot be opened again.",
        "End for everyone",
    ),
    "cancel": (
        "Cancel this Space?",
        "Those who said that they will come are told. It cannot be taken back.",
        "Cancel it",
    ),
}
"""What is asked before it is done, what is lost by it, and the word on the button."""


class StartingPages:
    """The forms of hosts."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        hosting: Hosting,
        changing: Changing,
        attending: Attending,
        presenter: Presenter,
        frame: Frame,
        limits: Limits,
    ) -> None:
        self._db = db
        self._hosting = hosting
        self._changing = changing
        self._attending = attending
        self._presenter = presenter
        self._frame = frame
        self._limits = limits

    @pages.get("/start-a-space", stranger=False)
    async def blank(self, asked: Asked) -> web.Response:
        """The form; `about` names a thread one wants to talk about."""
        about = number(asked.query("about"))
        return await self._form(asked, title=await self._title_about(asked, about), about=about)

    @pages.post("/start-a-space")
    async def start(self, asked: Asked) -> web.Response:
        """Open a Space at once, or put it on the calendar."""
        host, later = asked.who.account, asked.text("when") == "later"
        try:
            space = await self._hosting.create(
                host,
                title=asked.text("title"),
                description=asked.text("description"),
                starts_at=typed(asked.text("starts_at"), asked.text("zone")) if later else None,
                access=parse_access(asked.text("access", "public")),
                topics=topics_of(asked.text("topics")),
                language=asked.text("language"),
                speak_policy=parse_speak_policy(asked.text("speaks", "request")),
                about_id=number(asked.text("about")),
            )
            if not later:
                await self._hosting.open(host, space.id)
        except (Invalid, Conflict) as error:
            return await self._form(
                asked,
                title=asked.text("title"),
                about=number(asked.text("about")),
                error=error.detail,
                status=422,
            )
        path = path_of(self._presenter, host, space)
        return redirect(f"{path}?did=scheduled" if later else f"{path}?stage=1")

    @pages.get("/stage/{id}/edit", stranger=False)
    async def ask_to_edit(self, asked: Asked) -> web.Response:
        space, host = await self._own(asked)
        return await self._edit_form(asked, space, host)

    @pages.post("/stage/{id}/edit")
    async def edit(self, asked: Asked) -> web.Response:
        space, host = await self._own(asked)
        when = asked.text("starts_at")
        try:
            await self._changing.change(
                asked.who.account.id,
                space.id,
                Changes(
                    title=asked.text("title"),
                    description=asked.text("description"),
                    starts_at=typed(when, asked.text("zone")) if when else None,
                    topics=topics_of(asked.text("topics")),
                    language=asked.text("language"),
                    speak_policy=parse_speak_policy(asked.text("speaks", "request")),
                ),
            )
        except (Invalid, Conflict) as error:
            return await self._edit_form(asked, space, host, error=error.detail, status=422)
        return redirect(f"{path_of(self._presenter, host, space)}?did=space-changed")

    @pages.get("/stage/{id}/{verb:end|cancel}", stranger=False)
    async def ask(self, asked: Asked) -> web.Response:
        """Ask before what cannot be taken back."""
        space, host = await self._own(asked)
        verb = asked.request.match_info["verb"]
        question, loss, word = _ASKS[verb]
        return await self._frame.page(
            asked,
            "confirm.html",
            question=question,
            loss=loss,
            action=f"/stage/{space.id}/{verb}",
            next="",
            back=path_of(self._presenter, host, space),
            choices=[(verb, word)],
            post=None,
        )

    @pages.post("/stage/{id}/open")
    async def open(self, asked: Asked) -> web.Response:
        space = await self._hosting.open(asked.who.account, asked.id())
        return redirect(f"{await self._path(space)}?stage=1")

    @pages.post("/stage/{id}/end")
    async def end(self, asked: Asked) -> web.Response:
        space = await self._hosting.close(asked.who.account, asked.id())
        return redirect(await self._path(space))

    @pages.post("/stage/{id}/cancel")
    async def cancel(self, asked: Asked) -> web.Response:
        space = await self._hosting.cancel(asked.who.account, asked.id())
        return redirect(await self._path(space))

    @pages.post("/stage/{id}/remind")
    async def remind(self, asked: Asked) -> web.Response:
        """Say that one will come, and be told when it starts."""
        await self._attending.attend(asked.who.account, asked.id())
        return redirect(f"{await self._shown(asked)}?did=reminder")

    @pages.post("/stage/{id}/forget")
    async def forget(self, asked: Asked) -> web.Response:
        await self._attending.stay_away(asked.who.account, asked.id())
        return redirect(f"{await self._shown(asked)}?did=no-reminder")

    async def _form(
        self, asked: Asked, *, title: str, about: int | None, error: str = "", status: int = 200
    ) -> web.Response:
        return await self._frame.page(
            asked,
            "start.html",
            status=status,
            error=error,
            action="/start-a-space",
            editing=False,
            title=title,
            description=asked.text("description"),
            access=asked.text("access", "public"),
            speaks=asked.text("speaks", "request"),
            topics=asked.text("topics"),
            language=asked.text("language", asked.who.user.default_language or ""),
            starts_at=asked.text("starts_at"),
            about=about,
            horizon=self._limits.schedule_horizon_days,
            back="/spaces",
        )

    async def _edit_form(
        self, asked: Asked, space: Space, host: Account, *, error: str = "", status: int = 200
    ) -> web.Response:
        typed_anew = asked.request.method == "POST"
        return await self._frame.page(
            asked,
            "start.html",
            status=status,
            error=error,
            action=f"/stage/{space.id}/edit",
            editing=True,
            title=asked.text("title") if typed_anew else space.title,
            description=asked.text("description") if typed_anew else space.description,
            access=space.access,
            speaks=asked.text("speaks") if typed_anew else space.speak_policy,
            topics=asked.text("topics") if typed_anew else " ".join(f"#{topic}" for topic in space.topics),
            language=asked.text("language") if typed_anew else space.language,
            starts_at=asked.text("starts_at"),
            planned=space.starts_at,
            about=None,
            horizon=self._limits.schedule_horizon_days,
            back=path_of(self._presenter, host, space),
        )

    async def _title_about(self, asked: Asked, about: int | None) -> str:
        """Return the beginning of the thread somebody wants to talk about."""
        if about is None:
            return ""
        with contextlib.suppress(NotFound):
            async with self._db.reading() as tx:
                status = await require_visible(tx, asked.who.account.id, about)
                card = await self._presenter.post(tx, status, asked.viewer_id)
            words = " ".join((card.title or card.html.striptags()).split())
            return words if len(words) <= _MAX_PREFILLED else f"{words[:_MAX_PREFILLED].rsplit(' ', 1)[0]}…"
        return ""

    async def _own(self, asked: Asked) -> tuple[Space, Account]:
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.who.account.id)
            host = await tx.get_one(Account, space.host_id)
            standing = await queries.standing(tx, space, asked.who.account.id)
        if not space.local or not standing.is_host:
            raise Forbidden("Only the host can do this.")
        return space, host

    async def _path(self, space: Space) -> str:
        async with self._db.reading() as tx:
            return path_of(self._presenter, await tx.get_one(Account, space.host_id), space)

    async def _shown(self, asked: Asked) -> str:
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.viewer_id)
        return await self._path(space)


def topics_of(text: str) -> Sequence[str]:
    """Return the hashtags of a field, without their signs."""
    return _TOPIC.findall(text)
