"""The room's conversation: the posts that answer its announcement, from any server, in their time.

It is an ordinary thread (`conversation_id` is the Space's id), and stays one afterwards. What is of the
room is who of it is read there: nobody who was sent out, banned or blocked by the host or by somebody on
stage, nobody of a silenced server whom no host follows. Their posts are where they always were, in
everybody else's timelines.

A post's offset is how long after the beginning it was written, by its own date. What comes while a room is
paused is neither told to it nor in the list before it goes on, but for what its hosts write (`held`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.db.engine import Database, Tx
from fedispace.spaces import safety
from fedispace.spaces.access import OPEN_TO_ALL, parse_access
from fedispace.spaces.events.held import is_held, is_paused, keeps_order
from fedispace.spaces.events.room_events import Message
from fedispace.spaces.models import Member, Space
from fedispace.spaces.sound.intruders import is_kept_out
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible, wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When in a Space something was written. `offset` is in seconds; none before it began."""

    offset: int | None
    is_after: bool


def moment_of(started_at: datetime | None, ended_at: datetime | None, written_at: datetime) -> Moment:
    """Return when in a Space that was: an offset goes on after the end, and says so."""
    if started_at is None or written_at < started_at:
        return Moment(offset=None, is_after=False)
    is_after = ended_at is not None and written_at > ended_at
    return Moment(offset=int((written_at - started_at).total_seconds()), is_after=is_after)


async def replies(tx: Tx, space: Space, viewer_id: int | None, page: Page) -> list[Status]:
    """Return a page of the room's conversation that the viewer may read, newest first."""
    statement = select(Status).where(
        _is_of_room(space.id),
        ~is_held(space),
        Status.id != (space.announcement_id or 0),
        visible(viewer_id),
    )
    statement = statement.where(wanted(viewer_id))
    rows = (await tx.scalars(page.apply(statement, Status.id))).all()
    return page.newest_first(rows)


def _is_of_room(space_id: int) -> ColumnElement[bool]:
    """The condition that a post stands in the conversation, and that its author is read in the room."""
    kept_out = (
        select(Account.id)
        .join(Space, Space.id == space_id)
        .outerjoin(Member, and_(Member.space_id == space_id, Member.account_id == Account.id))
        .where(Account.id == Status.account_id)
        .where(or_(is_kept_out(), safety.is_unseen(Space.id, Space.host_id, Account.id)))
        .correlate(Status)
        .exists()
    )
    return and_(
        Status.conversation_id == space_id,
        Status.boost_of_id.is_(None),
        Status.pending_approval.is_(False),
        Status.visibility != "direct",
        ~kept_out,
    )


class RoomThread:
    """Says what of a conversation's news a room is told."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def told(self, space_id: int, message: Message) -> dict[str, Any] | None:
        """Return the event for what happened in the conversation; none for what is not read in the room.

        What not everybody may read is told without its author, and only where not everybody may be.
        """
        if "gone" in message:
            return {"event": "post_removed", "id": str(message["gone"])}
        is_new = "came" in message
        async with self._db.reading() as tx:
            space = await tx.get(Space, space_id)
            status = await _in_room(tx, space_id, int(message["came"] if is_new else message["changed"]))
            if space is None or status is None:
                return None
            if is_paused(space) and not await keeps_order(tx, space_id, status.account_id):
                return None
        is_open = is_distributable(status.visibility)
        if status.id == space.announcement_id or (not is_open and parse_access(space.access) in OPEN_TO_ALL):
            return None
        if not is_new:
            return {"event": "post_edited", "id": str(status.id)}
        at = moment_of(space.started_at, space.ended_at, status.created_at)
        author = {"account_id": str(status.account_id)} if is_open else {}
        return {"event": "post", "id": str(status.id), "offset": at.offset, "is_after": at.is_after, **author}


async def _in_room(tx: Tx, space_id: int, status_id: int) -> Status | None:
    rows: Sequence[Status] = (
        await tx.scalars(select(Status).where(Status.id == status_id, _is_of_room(space_id)))
    ).all()
    return rows[0] if rows else None
