"""Spaces: the list, planning and opening one, and the page where one listens and speaks."""

from datetime import datetime

from aiohttp import web
from sqlalchemy import select

from fedispace.accounts.paging import Page
from fedispace.clock import wire_time
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.hosts import origin_of
from fedispace.ids import Ids
from fedispace.spaces import queries
from fedispace.spaces.access import OPEN_TO_ALL, parse_access, parse_role
from fedispace.spaces.entering import Entering
from fedispace.spaces.hosting import Hosting
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Space
from fedispace.threads import conversation
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible
from fedispace.web.cards import PostCard, SpaceCard
from fedispace.web.frame import Frame, redirect
from fedispace.web.guard import source_of
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages
from fedispace.web.times import typed
from fedispace.web.wants import to_object, wants_activity
from fedispace.web.writing import reply_to

_LISTED = 20
_LATELY = 5
_REPLIES = 100
_MAX_SESSIONS = 2


class StagePages:
    """Pages of Spaces."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        addresses: Addresses,
        hosting: Hosting,
        entering: Entering,
        presenter: Presenter,
        frame: Frame,
        limits: Limits,
    ) -> None:
        self._db = db
        self._ids = ids
        self._addresses = addresses
        self._hosting = hosting
        self._entering = entering
        self._presenter = presenter
        self._frame = frame
        self._limits = limits

    @pages.get("/spaces")
    async def listed(self, asked: Asked) -> web.Response:
        viewer_id, many = asked.viewer_id, Page(limit=_LISTED)
        async with self._db.reading() as tx:
            live = await queries.spaces(tx, viewer_id, Phase.LIVE, many)
            coming = await queries.spaces(tx, viewer_id, Phase.SCHEDULED, many)
            ended = await queries.spaces(tx, viewer_id, Phase.ENDED, Page(limit=_LATELY))
            live_cards = await self._presenter.spaces(tx, live, viewer_id)
            soonest = sorted(coming, key=lambda space: space.starts_at)
            coming_cards = await self._presenter.spaces(tx, soonest, viewer_id)
            ended_cards = await self._presenter.spaces(tx, ended, viewer_id)
        return await self._frame.page(
            asked, "spaces.html", live=live_cards, coming=coming_cards, ended=ended_cards
        )

    @pages.get("/start-a-space", stranger=False)
    async def blank(self, asked: Asked) -> web.Response:
        return await self._form(asked)

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
            )
            if not later:
                await self._hosting.open(host, space.id)
        except (Invalid, Conflict) as error:
            return await self._form(asked, error=error.detail, status=422)
        path = f"{self._presenter.face(host).path}/spaces/{space.id}"
        return redirect(f"{path}?did=scheduled" if later else f"{path}?stage=1")

    async def _form(self, asked: Asked, *, error: str = "", status: int = 200) -> web.Response:
        return await self._frame.page(
            asked,
            "start.html",
            status=status,
            error=error,
            title=asked.text("title"),
            description=asked.text("description"),
            access=asked.text("access", "public"),
            starts_at=asked.text("starts_at"),
            horizon=self._limits.schedule_horizon_days,
        )

    @pages.get("/@{handle}/spaces/{id}")
    async def space(self, asked: Asked) -> web.Response:
        viewer_id = asked.viewer_id
        async with self._db.reading() as tx:
            space, card = await self._seen(tx, asked)
            if wants_activity(asked) and (answer := to_object(space.uri, self._addresses)):
                return answer
            announcement, replies = await self._talk(tx, space, viewer_id, asked.at)
        draft = None
        if asked.visitor is not None and announcement is not None:
            default = asked.visitor.user.default_visibility
            draft = reply_to(announcement, key=self._ids.token(), default=default, next=asked.path)
        whep, refusal = self._way_in(asked, space)
        return await self._frame.page(
            asked,
            "space.html",
            connects_to=_servers_of(space),
            microphone=True,
            space=card,
            link=self._addresses.origin + card.path,
            announcement=announcement,
            replies=replies,
            draft=draft,
            whep_url=whep,
            needs_ticket=asked.visitor is not None and not (space.local and _is_open(space)),
            sees_stage=space.local,
            may_listen=not refusal,
            refusal=refusal,
            limit=MAX_CHARACTERS,
            most=MAX_POSTS,
        )

    @pages.get("/@{handle}/spaces/{id}/now")
    async def now(self, asked: Asked) -> web.Response:
        """Draw again what changes while one listens: the stage and the thread.

        The script names the sessions it holds and is told which of them are over: after a restart of
        the audio server a browser by itself would take seconds longer to notice.
        """
        async with self._db.reading() as tx:
            space, card = await self._seen(tx, asked)
            _, replies = await self._talk(tx, space, asked.viewer_id, asked.at)
            over = await _ended(tx, space.id, asked.query("sessions").split(",")[:_MAX_SESSIONS])
        stage = self._frame.piece(asked, "stage.html", "stage", card, space.local, here=card.path)
        said = self._frame.piece(asked, "stage.html", "said", replies, here=card.path)
        answer = self._frame.fragment(
            asked, f'<div data-part="stage">{stage}</div><div data-part="replies">{said}</div>'
        )
        answer.headers["X-Sessions-Ended"] = ",".join(over)
        return answer

    @pages.post("/stage/{id}/ticket")
    async def ticket(self, asked: Asked) -> web.Response:
        """Let who is signed in enter: a ticket, and where to offer."""
        role = parse_role(asked.text("role", "listener"))
        key = asked.text("client_key") or None
        admission = await self._entering.join(asked.who.account, asked.id(), role, key)
        return web.json_response(
            {
                "ticket": admission.ticket,
                "whep_url": admission.whep_url,
                "whip_url": admission.whip_url,
                "signal_url": admission.signal_url,
                "expires_at": wire_time(admission.expires_at) if admission.expires_at else None,
            },
            headers={"Cache-Control": "no-store"},
        )

    @pages.post("/stage/{id}/open")
    async def open(self, asked: Asked) -> web.Response:
        space = await self._hosting.open(asked.who.account, asked.id())
        return redirect(f"{self._path(asked, space)}?stage=1")

    @pages.get("/stage/{id}/end", stranger=False)
    async def ask_to_end(self, asked: Asked) -> web.Response:
        return await self._ask(
            asked,
            verb="end",
            question="End this Space for everyone?",
            loss="The sound stops for all who listen. Its thread stays; it cannot be opened again.",
            word="End for everyone",
        )

    @pages.post("/stage/{id}/end")
    async def end(self, asked: Asked) -> web.Response:
        space = await self._hosting.close(asked.who.account, asked.id())
        return redirect(self._path(asked, space))

    @pages.get("/stage/{id}/cancel", stranger=False)
    async def ask_to_cancel(self, asked: Asked) -> web.Response:
        return await self._ask(
            asked,
            verb="cancel",
            question="Cancel this Space?",
            loss="Those who said that they will come are told. It cannot be taken back.",
            word="Cancel it",
        )

    @pages.post("/stage/{id}/cancel")
    async def cancel(self, asked: Asked) -> web.Response:
        space = await self._hosting.cancel(asked.who.account, asked.id())
        return redirect(self._path(asked, space))

    async def _ask(self, asked: Asked, *, verb: str, question: str, loss: str, word: str) -> web.Response:
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.who.account.id)
        return await self._frame.page(
            asked,
            "confirm.html",
            question=question,
            loss=loss,
            action=f"/stage/{space.id}/{verb}",
            next="",
            back=self._path(asked, space),
            choices=[(verb, word)],
            post=None,
        )

    async def _seen(self, tx: Tx, asked: Asked) -> tuple[Space, SpaceCard]:
        """Return the Space of the page's address, if the viewer may see it and its host is named."""
        space = await queries.space(tx, asked.id(), asked.viewer_id)
        card = await self._presenter.space(tx, space, asked.viewer_id)
        handle = asked.request.match_info["handle"]
        if f"/@{handle}".casefold() != card.host.path.casefold():
            raise NotFound("There is no such Space.")
        return space, card

    async def _talk(
        self, tx: Tx, space: Space, viewer_id: int | None, now: datetime
    ) -> tuple[PostCard | None, list[PostCard]]:
        """Return the post that announced the Space, and what was answered to it."""
        statement = select(Status).where(visible(viewer_id), Status.account_id == space.host_id)
        if space.announcement_id is not None:
            statement = statement.where(Status.id == space.announcement_id)
        else:
            statement = statement.where(Status.subject_uri == space.uri)
        status = (await tx.scalars(statement.order_by(Status.id).limit(1))).one_or_none()
        if status is None:
            return None, []
        replies = await conversation.descendants(tx, viewer_id, status, now, _REPLIES)
        cards = await self._presenter.tree(tx, [status.id], replies, viewer_id)
        return await self._presenter.post(tx, status, viewer_id), cards

    def _way_in(self, asked: Asked, space: Space) -> tuple[str, str]:
        """Return where to listen without a ticket, and why one cannot listen when one cannot."""
        if space.local:
            return f"/spaces/{space.id}/whep", ""
        if asked.visitor is None and space.whep_endpoint is None:
            return "", "Sign in to listen to this Space here."
        return space.whep_endpoint or "", ""

    def _path(self, asked: Asked, space: Space) -> str:
        host = self._presenter.face(asked.who.account)
        if space.host_id != asked.who.account.id:
            raise NotFound("There is no such Space.")
        return f"{host.path}/spaces/{space.id}"


async def _ended(tx: Tx, space_id: int, resources: list[str]) -> list[str]:
    """Return which of these sessions of a Space have ended."""
    rows = await tx.scalars(
        select(LiveSession.resource).where(
            LiveSession.resource.in_(resources),
            LiveSession.space_id == space_id,
            LiveSession.ended_at.is_not(None),
        )
    )
    return list(rows)


def _is_open(space: Space) -> bool:
    return space.access in OPEN_TO_ALL


def _servers_of(space: Space) -> list[str]:
    """Return whom the page may talk to beside us: the server another's Space lives on."""
    if space.local:
        return []
    known = (space.uri, space.whep_endpoint, space.whip_endpoint)
    return [source_of(url) for url in known if url and origin_of(url) == origin_of(space.uri)]
