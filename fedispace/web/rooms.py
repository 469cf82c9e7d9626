"""What the page of a Space shows of its room before any script has run."""

from collections.abc import Sequence
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from sqlalchemy import select

from fedispace.accounts.models import Account, Follow
from fedispace.accounts.people import People
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Tx
from fedispace.errors import Forbidden, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.hosts import origin_of
from fedispace.spaces import access, members, presence, queries
from fedispace.spaces.access import OPEN_TO_ALL
from fedispace.spaces.models import Attendance, Pin, Space
from fedispace.spaces.roles import ON_STAGE
from fedispace.spaces.room import shown_of, stage_of
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible
from fedispace.web.cards import OnStage, PinCard, PostCard, RoomCard, Seat, SpaceCard
from fedispace.web.guard import source_of
from fedispace.web.present import Presenter

_PINS: Final = 20
_API: Final = "/api/fedispace/v1/spaces/"


class RoomReader:
    """Reads rooms for pages. Of another server's room only the host is known here: its page asks there."""

    def __init__(self, addresses: Addresses, people: People, presenter: Presenter, limits: Limits) -> None:
        self._addresses = addresses
        self._people = people
        self._presenter = presenter
        self._limits = limits

    async def room(self, tx: Tx, space: Space, viewer_id: int | None) -> RoomCard:
        seats = await self.seats(tx, space)
        own = None if viewer_id is None else await members.member(tx, space.id, viewer_id)
        coming = None if viewer_id is None else await tx.get(Attendance, (space.id, viewer_id))
        host = await self._people.by_id(tx, space.host_id)
        whep, refusal = _way_in(space, viewer_id)
        if space.local and not refusal:
            refusal = await _kept_out(tx, space, viewer_id)
        is_for_strangers = self.is_for_strangers(space)
        if viewer_id is None and not refusal and not is_for_strangers:
            refusal = access.account_needed().detail
        home = source_of(space.uri)
        there = space.uri.rstrip("/").rpartition("/")[2]
        is_host = (own is not None and own.role == "host") or (space.local and viewer_id == space.host_id)
        return RoomCard(
            seats=tuple(seats),
            limit=self._limits.max_speakers,
            safety_seconds=self._limits.safety_buffer_seconds if space.local else None,
            api=f"{_API}{space.id}" if space.local else f"{home}{_API}{there}",
            signal=f"/spaces/{space.id}/signal" if space.local else space.signal_endpoint or "",
            whep=whep,
            whip=f"/spaces/{space.id}/whip" if space.local else space.whip_endpoint or "",
            key=f"/stage/{space.id}/pass",
            domain=host.domain or self._addresses.account_domain,
            ics=f"/spaces/{space.id}.ics",
            listeners=tuple(self._presenter.face(one) for one in await shown_of(tx, space.id)),
            pins=await self._pins(tx, space, viewer_id),
            interested=await queries.count_attendances(tx, space.id),
            is_reminded=coming is not None and coming.state != "refused",
            is_on_stage=is_host or (own is not None and own.role in ON_STAGE),
            is_host=is_host,
            may_listen=not refusal,
            is_for_strangers=is_for_strangers,
            may_ask=space.speak_policy != "invited",
            refusal=refusal,
            about=await self._about(tx, space, viewer_id),
        )

    def is_for_strangers(self, space: Space) -> bool:
        """Tell whether anybody may listen without an account: ours by our rule, another's by what it says."""
        takes = space.takes_strangers(ours=self._limits.anonymous_listening)
        return takes and space.access in OPEN_TO_ALL

    async def seats(self, tx: Tx, space: Space) -> list[Seat]:
        """Return who is on stage; of another server's Space, where nobody is known to host, its maker too."""
        seats = [
            Seat(
                face=self._presenter.face(one.account),
                role=cast(Literal["host", "cohost", "speaker"], one.role.value),
                is_muted=one.is_muted or not one.has_mic_on,
                is_here=one.is_connected,
            )
            for one in await stage_of(tx, space.id)
        ]
        if not any(seat.role == "host" for seat in seats):
            maker = await self._people.by_id(tx, space.host_id)
            there = await presence.connected_accounts(tx, space.id, "speaker")
            seats.insert(0, Seat(face=self._presenter.face(maker), role="host", is_here=maker.id in there))
        return seats

    async def _pins(self, tx: Tx, space: Space, viewer_id: int | None) -> tuple[PinCard, ...]:
        rows = (
            await tx.scalars(
                select(Pin)
                .where(Pin.space_id == space.id, Pin.removed_at.is_(None))
                .order_by(Pin.id)
                .limit(_PINS)
            )
        ).all()
        wanted = [pin.status_id for pin in rows if pin.status_id is not None]
        cards = {card.id: card for card in await self._posts(tx, wanted, viewer_id)}
        shown: list[PinCard] = []
        for pin in rows:
            card = cards.get(pin.status_id or 0)
            if card is not None:
                said = card.spoiler or card.title or card.html.striptags()
                words = " ".join(said.split())[:120] or "A post"
                title = f"{card.author.name}: {words}"
                shown.append(PinCard(id=pin.id, href=card.path, title=title, is_ours=True))
            elif pin.url is not None:
                shown.append(PinCard(id=pin.id, href=pin.url, title=pin.title or pin.url, is_ours=False))
        return tuple(shown)

    async def _about(self, tx: Tx, space: Space, viewer_id: int | None) -> PostCard | None:
        found = [] if space.about_id is None else await self._posts(tx, [space.about_id], viewer_id)
        return found[0] if found else None

    async def _posts(self, tx: Tx, ids: Sequence[int], viewer_id: int | None) -> list[PostCard]:
        if not ids:
            return []
        rows = (await tx.scalars(select(Status).where(Status.id.in_(ids), visible(viewer_id)))).all()
        return await self._presenter.posts(tx, rows, viewer_id)


def servers_of(space: Space) -> list[str]:
    """Return whom the page may talk to beside us: the server another's Space lives on."""
    if space.local:
        return []
    home = origin_of(space.uri)
    known = (space.uri, space.whep_endpoint, space.whip_endpoint)
    sources = {source_of(url) for url in known if url and origin_of(url) == home}
    if space.signal_endpoint and urlsplit(space.signal_endpoint).netloc == urlsplit(space.uri).netloc:
        sources |= {source.replace("http", "ws", 1) for source in sources}
    return sorted(sources)


def path_of(presenter: Presenter, host: Account, space: Space) -> str:
    """Return where the page of a Space is."""
    return f"{presenter.face(host).path}/spaces/{space.id}"


async def _kept_out(tx: Tx, space: Space, viewer_id: int | None) -> str:
    """Return why somebody may not be in a room of ours, in the words they are told."""
    standing = await queries.standing(tx, space, viewer_id)
    try:
        access.require_presence(access.parse_access(space.access), standing)
    except (Forbidden, NotFound) as refused:
        return refused.detail
    return ""


def _way_in(space: Space, viewer_id: int | None) -> tuple[str, str]:
    """Return where to listen, and why one cannot listen when one cannot."""
    if space.local:
        return f"/spaces/{space.id}/whep", ""
    if viewer_id is None and space.whep_endpoint is None:
        return "", "Sign in to listen to this Space here."
    return space.whep_endpoint or "", ""


async def bar(tx: Tx, viewer_id: int, spaces: Sequence[SpaceCard]) -> tuple[OnStage, ...]:
    """Return those the viewer follows, and the viewer, who host one of these Spaces or speak in it."""
    on_stage = {face.id: (face, card) for card in spaces for face in (*card.speakers, card.host)}
    followed = set(
        await tx.scalars(
            select(Follow.target_id).where(
                Follow.account_id == viewer_id, Follow.accepted, Follow.target_id.in_(on_stage)
            )
        )
    )
    return tuple(
        OnStage(face=face, space=card)
        for id_, (face, card) in on_stage.items()
        if id_ in followed or id_ == viewer_id
    )
