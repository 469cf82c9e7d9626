"""Changing a Space: its words and its time, who may come in, and who may ask to speak.

Peers are told by an Update, those who said that they will come are reminded of the new time, and whoever may
not be in the room any more leaves it at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from fedispace.accounts.models import Account, Follow
from fedispace.config import Spaces as Limits
from fedispace.errors import Conflict
from fedispace.queue.bus import Bus
from fedispace.queue.jobs import Jobs
from fedispace.spaces import details, lifecycle, presence, queries
from fedispace.spaces.access import OPEN_TO_ALL, Access, parse_access
from fedispace.spaces.details import SpeakPolicy
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, LiveSession, Member, Space
from fedispace.spaces.reminders import tell_those_who_come
from fedispace.spaces.roles import Action, MemberRole
from fedispace.spaces.verbs.acting import Acting, Scene

_WIDTH: Final[dict[Access, int]] = {"public": 3, "unlisted": 3, "followers": 2, "invited": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be another; None is what stays."""

    title: str | None = None
    description: str | None = None
    starts_at: datetime | None = None
    access: Access | None = None
    topics: Sequence[str] | None = None
    language: str | None = None
    speak_policy: SpeakPolicy | None = None


class Changing:
    """The verb of the host's form."""

    def __init__(self, *, acting: Acting, bus: Bus, jobs: Jobs, tidings: Tidings, limits: Limits) -> None:
        self._acting = acting
        self._bus = bus
        self._jobs = jobs
        self._tidings = tidings
        self._limits = limits

    async def change(self, by_id: int, space_id: int, changes: Changes) -> None:
        """Write what is another, before a Space is live or while it is."""
        async with self._acting.scene(by_id, space_id, Action.EDIT, before_live=True) as scene:
            tx, space = scene.tx, scene.space
            former = parse_access(space.access)
            was = _said(space)
            moved = await self._move(scene, changes.starts_at)
            self._write(space, changes)
            if _said(space) == was:
                return
            space.updated_at = lifecycle.after_change(space.updated_at, scene.now)
            author = await tx.get(Account, space.host_id)
            assert author is not None
            await self._tidings.changed(tx, space, author)
            if changes.access is not None and changes.access != former:
                await self._tidings.relisted(tx, space)
                if _WIDTH[changes.access] < _WIDTH[former]:
                    await self._send_home(scene, changes.access)
                    await self._turn_away(scene, author)
            if moved:
                await tell_those_who_come(tx, self._jobs, space, moved=True)

    def _write(self, space: Space, changes: Changes) -> None:
        if changes.title is not None:
            space.title = details.checked_title(changes.title)
        if changes.description is not None:
            space.description = details.checked_description(changes.description)
        if changes.topics is not None:
            space.topics = details.checked_topics(changes.topics, self._limits.max_topics)
        if changes.language is not None:
            space.language = details.checked_language(changes.language)
        if changes.speak_policy is not None:
            space.speak_policy = changes.speak_policy
        if changes.access is not None:
            space.access = changes.access

    async def _move(self, scene: Scene, starts_at: datetime | None) -> bool:
        """Give a Space that has not begun another time; tell whether it has one now."""
        space, now = scene.space, scene.now.replace(microsecond=0)
        if starts_at is None or starts_at.replace(microsecond=0) == space.starts_at:
            return False
        begins = max(now, starts_at.replace(microsecond=0))
        if Phase(space.state) is not Phase.SCHEDULED:
            raise Conflict("This Space has begun; its time cannot be changed any more.")
        details.require_near(begins, now, self._limits.schedule_horizon_days)
        others = [
            each
            for each in await queries.unfinished(scene.tx, space.host_id)
            if each.id != space.id and each.state == Phase.SCHEDULED and each.starts_at > now
        ]
        if begins > now and len(others) >= self._limits.max_scheduled_per_host:
            raise Conflict("You have another Space scheduled already; cancel it first.")
        space.previous_starts_at = space.starts_at
        space.starts_at = begins
        space.ends_at = lifecycle.end_of(begins, now, Phase.SCHEDULED)
        return True

    async def _send_home(self, scene: Scene, access: Access) -> None:
        """End the sessions of those who may not be here any more.

        The list of guests begins with who is on stage and who was invited: that somebody once raised a
        hand while the Space was open, or was muted, is no invitation.
        """
        tx, space_id = scene.tx, scene.space.id
        has_reason = or_(
            Member.role != MemberRole.LISTENER,
            Member.invited_as.is_not(None),
            Member.invite_uri.is_not(None),
            Member.removed_at.is_not(None),
        )
        await tx.execute(delete(Member).where(Member.space_id == space_id, ~has_reason))
        if access in OPEN_TO_ALL:
            return
        guests = select(Member.account_id).where(Member.space_id == space_id, has_reason)
        may_stay: ColumnElement[bool] = LiveSession.account_id.in_(guests)
        if access == "followers":
            followers = select(Follow.account_id).where(
                Follow.target_id == scene.space.host_id, Follow.accepted
            )
            may_stay = or_(may_stay, LiveSession.account_id.in_(followers))
        ended = await tx.execute(
            update(LiveSession)
            .where(LiveSession.space_id == space_id, LiveSession.ended_at.is_(None))
            .where(or_(LiveSession.account_id.is_(None), ~may_stay))
            .values(ended_at=scene.now)
            .returning(LiveSession.sfu, LiveSession.engine_session)
        )
        scene.ended += [(row.sfu, row.engine_session) for row in ended]
        scene.hands_changed = True
        await presence.count_listeners(tx, self._bus, [space_id])

    async def _turn_away(self, scene: Scene, author: Account) -> None:
        """Tell those who were to come, and may not see the Space any more, that they are not expected."""
        tx, space = scene.tx, scene.space
        rows = await tx.execute(
            select(Attendance.join_uri, Account)
            .join(Account, Account.id == Attendance.account_id)
            .join(Space, Space.id == Attendance.space_id)
            .outerjoin(Member, and_(Member.space_id == space.id, Member.account_id == Account.id))
            .where(Attendance.space_id == space.id, ~queries.is_for())
        )
        for join_uri, account in rows.all():
            await tx.execute(
                delete(Attendance).where(Attendance.space_id == space.id, Attendance.account_id == account.id)
            )
            if not account.local:
                await self._tidings.turned_away(tx, author, account, join_uri)


def _said(space: Space) -> tuple[object, ...]:
    """Return what of a Space can be changed."""
    return (
        space.title,
        space.description,
        space.starts_at,
        space.access,
        tuple(space.topics or ()),
        space.language,
        space.speak_policy,
    )
