"""A Space whose host is gone: a co-host takes over, and if there is none, it ends by itself.

    the host is gone for `host_absence_seconds`     the co-host who is there longest becomes host
    nobody who hosts for `deserted_after_minutes`   the Space ends

Somebody is there while a session of theirs is connected or a socket of theirs hears the room's events;
a browser that died is gone when its audio server says so. When somebody was last there stands in the
rows, so it does not matter which process looks, nor that it was started a moment ago.

A co-host who was sent out, may not be in this room any more or may host nothing here counts for
nothing, though they may hear it for another moment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, exists, func, or_, select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.config import Spaces as Limits
from fedispace.db.base import UtcDateTime
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, NotFound
from fedispace.queue.lookout import Lookout
from fedispace.spaces import members, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import HostBan, LiveSession, Member, Space
from fedispace.spaces.queries import is_present
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.sound.intruders import is_out
from fedispace.spaces.verbs import handing
from fedispace.spaces.verbs.acting import Acting

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
_AT_ONCE: Final = 5000

Hears = Callable[[int, int], bool]
"""Tells whether a socket in this process hears a Space for an account now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organizer:
    """A host or co-host: whether they are there, since when they are, and when they last were.

    `seen_at` is when a socket of theirs was last noted.
    """

    account_id: int
    role: MemberRole
    is_there: bool
    since: datetime
    last: datetime
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done: somebody takes over, or the Space ends, or neither."""

    heir: int | None = None
    is_over: bool = False


NOTHING: Final = Verdict()


def verdict(organizers: Sequence[Organizer], now: datetime, limits: Limits) -> Verdict:
    """Decide about one live Space by those who host it."""
    there = [one for one in organizers if one.is_there]
    if not organizers or any(one.role is MemberRole.HOST for one in there):
        return NOTHING
    if there:
        host = next((one for one in organizers if one.role is MemberRole.HOST), None)
        if host is not None and now - host.last < timedelta(seconds=limits.host_absence_seconds):
            return NOTHING
        return Verdict(heir=min(there, key=lambda one: (one.since, one.account_id)).account_id)
    last = max(one.last for one in organizers)
    return Verdict(is_over=now - last >= timedelta(minutes=limits.deserted_after_minutes))


class Ending(Protocol):
    """Ends a Space in its host's place."""

    async def end(self, space_id: int) -> Space: ...


class Absence(Lookout):
    """Looks for hosts who are gone. One instance for each web process."""

    def __init__(
        self, *, db: Database, clock: Clock, acting: Acting, hosting: Ending, limits: Limits, hears: Hears
    ) -> None:
        every = min(LOOK_SECONDS, limits.host_absence_seconds / 4)
        super().__init__(clock=clock, name="hosts' absence", every=every)
        self._db = db
        self._acting = acting
        self._hosting = hosting
        self._limits = limits
        self._hears = hears

    async def look(self) -> None:
        """Look once, and do what follows."""
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await queries.live_ids(tx):
                return
            found = await self._organizers(tx, now)
            orphaned = await self._orphaned(tx, now)
        stale = self._stale(found, now)
        if stale:
            async with self._db.transaction() as tx:
                await members.seen(tx, stale, now)
        for space_id, organizers in found.items():
            is_ours = any((space_id, one.account_id) in stale for one in organizers)
            decided = NOTHING if is_ours else verdict(organizers, now, self._limits)
            if decided.heir is not None:
                await self._take_over(space_id)
            elif decided.is_over:
                await self._end(space_id)
        for space_id in orphaned:
            await self._end(space_id)

    async def _take_over(self, space_id: int) -> None:
        """Make the co-host the host, if it is still as it was found."""
        async with self._acting.unasked(space_id) as scene:
            organizers = (await self._organizers(scene.tx, scene.now, space_id)).get(space_id, [])
            heir_id = verdict(organizers, scene.now, self._limits).heir
            heir = None if heir_id is None else await members.member(scene.tx, space_id, heir_id)
            if heir is not None:
                await handing.succeed(scene, heir, await members.host_of(scene.tx, space_id))
                log.info("space.taken_over", space=space_id, account=heir_id)

    async def _end(self, space_id: int) -> None:
        try:
            await self._hosting.end(space_id)
        except (Conflict, NotFound):  # somebody else ended it meanwhile
            return
        log.info("space.ended_deserted", space=space_id)

    async def _orphaned(self, tx: Tx, now: datetime) -> list[int]:
        """Return the Spaces that have had neither host nor co-host for too long.

        Whoever hosted was sent out of it: suspended, or of a server that is shut out. Then a row changed.
        """
        since = now - timedelta(minutes=self._limits.deserted_after_minutes)
        return list((await tx.core(_ORPHANED, {"since": since})).scalars())

    def _stale(self, found: Mapping[int, Sequence[Organizer]], now: datetime) -> set[tuple[int, int]]:
        """Return those whose sockets are here, and whose rows will not say so for long any more."""
        since = now - self._seen_lasts / 2
        return {
            (space_id, one.account_id)
            for space_id, organizers in found.items()
            for one in organizers
            if (one.seen_at is None or one.seen_at < since) and self._hears(space_id, one.account_id)
        }

    @property
    def _seen_lasts(self) -> timedelta:
        """For how long a socket counts after it was last noted."""
        return timedelta(seconds=min(10.0, self._limits.host_absence_seconds))

    async def _organizers(
        self, tx: Tx, now: datetime, space_id: int | None = None
    ) -> dict[int, list[Organizer]]:
        """Return who hosts, by Space: of all that are live, or of one if it is."""
        await tx.flush()
        if space_id is None:
            rows = await tx.core(_ORGANIZERS, {})
        else:
            rows = await tx.core(_ORGANIZERS_OF_ONE, {"space": space_id})
        found: dict[int, list[Organizer]] = {}
        for row in rows:
            was = [row.updated_at, row.started_at, row.seen_at, row.left]
            last = now if row.connected else max(moment for moment in was if moment is not None)
            is_there = row.connected or (row.seen_at is not None and now - row.seen_at < self._seen_lasts)
            found.setdefault(row.space_id, []).append(
                Organizer(
                    account_id=row.account_id,
                    role=MemberRole(row.role),
                    is_there=is_there,
                    since=row.here or row.updated_at,
                    last=last,
                    seen_at=row.seen_at,
                )
            )
        return found


def _organizes() -> ColumnElement[bool]:
    """The condition on a member, the account and the Space that they host it, or may as co-host."""
    may_host_nothing = exists().where(HostBan.host_id == Account.id, HostBan.account_id == Account.id)
    return and_(
        Member.removed_at.is_(None),
        or_(
            Member.role == MemberRole.HOST,
            and_(Member.role == MemberRole.COHOST, ~may_host_nothing, ~is_out()),
        ),
    )


_is_theirs: Final = and_(LiveSession.space_id == Member.space_id, LiveSession.account_id == Member.account_id)
_HERE: Final = select(func.min(LiveSession.connected_at)).where(_is_theirs, is_present()).scalar_subquery()
_LEFT: Final = select(func.max(LiveSession.ended_at)).where(_is_theirs).scalar_subquery()
_ORGANIZERS: Final = (
    select(
        Member.space_id,
        Member.account_id,
        Member.role,
        Member.updated_at,
        Member.seen_at,
        Space.started_at,
        exists().where(_is_theirs, is_present()).label("connected"),
        _HERE.label("here"),
        _LEFT.label("left"),
    )
    .join(Space, Space.id == Member.space_id)
    .join(Account, Account.id == Member.account_id)
    .where(Space.local, Space.state == Phase.LIVE, _organizes())
    .limit(_AT_ONCE)
)
_ORGANIZERS_OF_ONE: Final = _ORGANIZERS.where(Space.id == bindparam("space", type_=BigInteger()))
_of_this: Final = Member.space_id == Space.id
_SINCE: Final = bindparam("since", type_=UtcDateTime())
_ORPHANED: Final = (
    select(Space.id)
    .where(Space.local, Space.state == Phase.LIVE, Space.started_at <= _SINCE)
    .where(~exists().where(_of_this, Account.id == Member.account_id, _organizes()))
    .where(~exists().where(_of_this, Member.updated_at > _SINCE))
    .limit(_AT_ONCE)
)
