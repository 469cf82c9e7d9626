"""Spaces: the list, and the page where one listens and speaks."""

from dataclasses import replace
from datetime import datetime

from aiohttp import web
from sqlalchemy import select

from fedispace.accounts.paging import Page
from fedispace.clock import wire_time
from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden, NotFound, Unauthenticated
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.spaces import access, queries
from fedispace.spaces.entry.entering import Entering
from fedispace.spaces.entry.passes import Passes
from fedispace.spaces.events.voices import heard_in
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Space
from fedispace.threads import conversation
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible
from fedispace.web.cards import PinCard, PostCard, Seat, SpaceCard
from fedispace.web.embedding import embed_of
from fedispace.web.faces import Face
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.rooms import RoomReader, servers_of
from fedispace.web.routing import Asked, Pages
from fedispace.web.wants import to_object, wants_activity
from fedispace.web.writing import reply_to

_LISTED = 20
_LATELY = 5
_REPLIES = 100
_MAX_SESSIONS = 2
_NOBODY = Face(id=0, name="", handle="", path="/", host="", initials="", hue=0, picture=None)
BLANK = Seat(face=_NOBODY, role="speaker")
"""What scripts make seats of."""

BLANK_PIN = PinCard(id=0, href="/", title="", is_ours=False)


class StagePages:
    """Pages of Spaces."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        addresses: Addresses,
        entering: Entering,
        passes: Passes,
        presenter: Presenter,
        rooms: RoomReader,
        frame: Frame,
    ) -> None:
        self._db = db
        self._ids = ids
        self._addresses = addresses
        self._entering = entering
        self._passes = passes
        self._presenter = presenter
        self._rooms = rooms
        self._frame = frame

    @pages.get("/spaces")
    async def listed(self, asked: Asked) -> web.Response:
        viewer_id, many = asked.person_id, Page(limit=_LISTED)
        async with self._db.reading() as tx:
            live = await queries.spaces(tx, viewer_id, Phase.LIVE, many, now=asked.at)
            coming = await queries.spaces(tx, viewer_id, Phase.SCHEDULED, many, now=asked.at)
            lately = Page(limit=_LATELY)
            ended = await queries.spaces(tx, viewer_id, Phase.ENDED, lately, now=asked.at)
            live_cards = await self._presenter.spaces(tx, live, viewer_id)
            soonest = sorted(coming, key=lambda space: space.starts_at)
            coming_cards = await self._presenter.spaces(tx, soonest, viewer_id)
            ended_cards = await self._presenter.spaces(tx, ended, viewer_id)
        return await self._frame.page(
            asked, "spaces.html", live=live_cards, coming=coming_cards, ended=ended_cards
        )

    @pages.post("/stage/{id}/pass", guests=True)
    async def key(self, asked: Asked) -> web.Response:
        """Give whoever is known here the right to be in a room: a pass, or a ticket to another server's.

        A pass that is shown lasts longer; the ticket is exchanged for one there.
        """
        who = asked.somebody
        if who is None:
            raise Unauthenticated("Sign in first.")
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), who.account.id)
        if space.local:
            issued = await self._passes.grant(who.account.id, space.id, renews=asked.text("renews") or None)
            given = {"pass": issued.token, "expires_at": wire_time(issued.expires_at)}
        else:
            client_key = asked.text("client_key") or None
            admission = await self._entering.join(who.account, space.id, "listener", client_key)
            given = {"ticket": admission.ticket or ""}
        return web.json_response(given, headers={"Cache-Control": "no-store"})

    @pages.get("/@{handle}/spaces/{id}")
    async def space(self, asked: Asked) -> web.Response:
        viewer_id = asked.person_id
        async with self._db.reading() as tx:
            space, card = await self._seen(tx, asked)
            if wants_activity(asked) and (answer := to_object(space.uri, self._addresses)):
                return answer
            room = await self._rooms.room(tx, space, viewer_id)
            announcement, replies = await self._talk(tx, space, viewer_id, asked.at)
        draft, somebody = None, None if room.refusal else asked.somebody
        if asked.visitor is not None and announcement is not None:
            default = asked.visitor.user.default_visibility
            draft = replace(
                reply_to(announcement, key=self._ids.token(), default=default, next=asked.path), label="Reply"
            )
        link = self._addresses.origin + card.path if space.local else space.url
        return await self._frame.page(
            asked,
            "space.html",
            connects_to=servers_of(space),
            microphone=True,
            space=card,
            room=room,
            link=link,
            embed=embed_of(space, card, self._addresses) if space.local and room.is_for_strangers else None,
            announcement=announcement,
            replies=replies,
            draft=draft,
            known=somebody is not None,
            csrf=somebody.csrf if somebody is not None else "",
            standing=False,
            blank=BLANK,
            blank_pin=BLANK_PIN,
            limit=MAX_CHARACTERS,
            most=MAX_POSTS,
        )

    @pages.get("/@{handle}/spaces/{id}/now")
    async def now(self, asked: Asked) -> web.Response:
        """Draw again what changes while one listens, where events do not come through; and the thread.

        The script names the sessions it holds and is told which of them are over: after a restart of
        the audio server a browser by itself would take seconds longer to notice. `only` says what it wants.
        """
        only = asked.query("only")
        async with self._db.reading() as tx:
            space, card = await self._seen(tx, asked)
            over = await _ended(tx, space.id, asked.query("sessions").split(",")[:_MAX_SESSIONS])
            parts = ""
            if only in ("", "stage"):
                seats = await self._rooms.seats(tx, space)
                drawn = self._frame.piece(
                    asked, "stage.html", "stage", card, seats, (), space.local, here=card.path
                )
                parts += f'<div data-part="stage">{drawn}</div>'
            if only in ("", "replies"):
                _, replies = await self._talk(tx, space, asked.person_id, asked.at)
                said = self._frame.piece(asked, "stage.html", "said", replies, card, here=card.path)
                parts += f'<div data-part="replies">{said}</div>'
        answer = self._frame.fragment(asked, parts)
        answer.headers["X-Sessions-Ended"] = ",".join(over)
        answer.headers["X-Space-State"] = card.state
        answer.headers["X-Space-Paused"] = "yes" if card.paused else "no"
        return answer

    async def _seen(self, tx: Tx, asked: Asked) -> tuple[Space, SpaceCard]:
        """Return the Space of the page's address, if the viewer may see it and its host is named."""
        space = await self._open_to(tx, asked)
        card = await self._presenter.space(tx, space, asked.person_id)
        handle = asked.request.match_info["handle"]
        if f"/@{handle}".casefold() != card.host.path.casefold():
            raise NotFound("There is no such Space.")
        return space, card

    async def _open_to(self, tx: Tx, asked: Asked) -> Space:
        """Return the Space; whom its host blocks is told so little as that, where all others see it."""
        try:
            return await queries.space(tx, asked.id(), asked.person_id)
        except NotFound:
            if asked.person_id is None:
                raise
            await queries.space(tx, asked.id(), None)
            raise Forbidden(access.CANNOT_JOIN) from None

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
        replies = await heard_in(tx, space, replies)
        cards = await self._presenter.tree(tx, [status.id], replies, viewer_id)
        return await self._presenter.post(tx, status, viewer_id), cards


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
