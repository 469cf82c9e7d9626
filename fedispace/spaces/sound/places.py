"""Somebody's place in a room: judged and written in one transaction, before and after the SFU is asked.

Whichever way the sound then goes, by WebRTC (`live`) or over HTTP (`streaming`): who may enter is decided
here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import delete, insert, select

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.errors import Unavailable
from fedispace.ids import Ids
from fedispace.media.live import grants
from fedispace.queue.bus import Bus
from fedispace.spaces import access, members, presence, queries
from fedispace.spaces.access import Role
from fedispace.spaces.entry.bearers import Bearers, Shown
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.order_of_locks import hold_space
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.placement import Placement
from fedispace.spaces.sound.threshold import Threshold, threshold, threshold_of_session

log = structlog.get_logger()

MOST_OF_ONE: Final = 3
"""How many microphones, and how many ears, one person may have in a room; the oldest gives way."""

_BEGIN: Final = insert(table_of(LiveSession))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somebody's place in a room, written and not yet connected."""

    resource: str
    session: str
    space_id: int
    participant: str
    role: Role
    sfu: str
    is_fed: bool
    stage: bool
    is_silent: bool
    account_id: int | None
    displaced: tuple[tuple[str, str], ...] = ()


def participant_of(account_id: int) -> str:
    """Return what the SFU calls somebody who has an account."""
    return f"account {account_id}"


async def _is_silent(tx: Tx, space: Threshold, account_id: int | None) -> bool:
    """Tell whether what somebody says is not to be heard now: they are muted, or the room is paused."""
    row = None if account_id is None else await members.member(tx, space.id, account_id)
    return space.is_paused or (row is not None and row.muted_at is not None)


class Places:
    """Gives places in rooms, and takes them back."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        bus: Bus,
        fleet: Fleet,
        placement: Placement,
        secret: bytes,
        bearers: Bearers,
        strangers_listen: bool,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._fleet = fleet
        self._placement = placement
        self._secret = secret
        self._bearers = bearers
        self._strangers_listen = strangers_listen

    async def take(
        self, tx: Tx, space_id: int, shown: Shown | None, role: Role, *, resource: str = ""
    ) -> Place:
        """Find out who it is and write the session, if this person may enter now; `resource` is its name."""
        account_id = None
        if shown is not None:
            await hold_space(tx, space_id)
            account_id = await self._bearers.account_of(tx, shown, space_id=space_id, role=role)
        space = await threshold(tx, space_id)
        standing = await queries.standing(tx, space, account_id)
        access.require_role(space.access, standing, role)
        if not standing.is_known and not self._strangers_listen:
            raise access.account_needed()
        access.require_live(space.phase)
        sfu = await self._placement.server_for(tx, space_id, role)
        is_fed = await self._placement.is_fed(tx, space_id, sfu)
        session = self._ids.token()
        place = Place(
            resource=resource or self._ids.token(),
            session=session,
            space_id=space_id,
            participant=f"anonymous {session}" if account_id is None else participant_of(account_id),
            role=role,
            sfu=sfu,
            stage=access.may_speak(space.access, standing),
            is_fed=is_fed,
            is_silent=role == "speaker" and await _is_silent(tx, space, account_id),
            account_id=account_id,
            displaced=await self._make_way(tx, space_id, account_id, role),
        )
        await tx.core(
            _BEGIN,
            {
                "resource": place.resource,
                "engine_session": place.session,
                "space_id": space_id,
                "account_id": account_id,
                "role": role,
                "created_at": self._clock.now(),
                "sfu": sfu,
            },
        )
        return place

    async def _make_way(
        self, tx: Tx, space_id: int, account_id: int | None, role: Role
    ) -> tuple[tuple[str, str], ...]:
        """End the oldest sessions of somebody who has as many as one person may, and return them."""
        if account_id is None:
            return ()
        there = [one for one in await presence.open_sessions(tx, space_id, account_id) if one.role == role]
        oldest = sorted(there, key=lambda one: one.created_at)[: max(0, len(there) + 1 - MOST_OF_ONE)]
        names = [one.engine_session for one in oldest]
        await presence.record(tx, self._bus, connected=(), ended=names, now=self._clock.now())
        return tuple((one.sfu, one.engine_session) for one in oldest)

    async def give_back(self, tx: Tx, place: Place, shown: Shown | None) -> None:
        await tx.execute(delete(LiveSession).where(LiveSession.resource == place.resource))
        if shown is not None:
            await self._bearers.give_back(tx, shown)

    def grant(self, place: Place, *, nonce: str, now: datetime) -> str:
        """Return the grant that opens the session of `place` at the SFU."""
        grant = grants.issue(
            room=str(place.space_id),
            session=place.session,
            participant=place.participant,
            role="publish" if place.role == "speaker" else "subscribe",
            nonce=nonce,
            now=now,
            stage=place.stage,
        )
        return grants.sign(grant, self._secret)

    async def is_fed(self, tx: Tx, space_id: int, sfu: str) -> bool:
        """Tell whether a room is there by grace of another server, from which its sound comes."""
        return await self._placement.is_fed(tx, space_id, sfu)

    async def hang_up_displaced(self, place: Place) -> None:
        """End what has given way to `place`."""
        for server, session in place.displaced:
            try:
                await self._fleet.client(server).hang_up(session)
            except Unavailable:  # an audio server that is away has no sessions
                log.warning("space.session_not_ended", sfu=server)

    async def holds(self, place: Place) -> bool:
        """Tell whether nobody has ended what we have just begun: a host, or the end of the Space.

        A host's decision may have been written while our session was, and neither have seen the other:
        so it is judged once more, now that the session can be seen.
        """
        async with self._db.reading() as tx:
            space = await threshold_of_session(tx, place.resource)
            if space is None:
                return False
            standing = await queries.standing(tx, space, place.account_id)
        may = access.may_speak if place.role == "speaker" else access.is_let_in
        return space.phase is Phase.LIVE and may(space.access, standing)

    async def is_live(self, space_id: int) -> bool:
        """Tell whether a Space is live."""
        async with self._db.reading() as tx:
            return await tx.scalar(select(Space.state).where(Space.id == space_id)) == Phase.LIVE
