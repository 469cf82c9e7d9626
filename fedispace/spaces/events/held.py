"""What waits until a paused room goes on: everything written meanwhile but by those who keep order there.

One of ours is told so when they write (`voices.require_voice`). Another server's people cannot be: what they
answer is taken, stands wherever the thread is read, and is in the room once it goes on. So is a reply that
was changed meanwhile, or a pause could be filled with what stood there before it.

Whether something came meanwhile is a matter of when we had it, by its id, and not of its writer's clock;
and of that too, for what was fetched has its id by its own date.
"""

from typing import Final

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from fedispace.db.engine import Tx
from fedispace.ids import id_at
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Member, Space
from fedispace.spaces.roles import MemberRole
from fedispace.threads.models import Status

ORDERLY: Final = frozenset({MemberRole.HOST, MemberRole.COHOST})
"""Who writes in a room while it is paused."""


def is_paused(space: Space) -> bool:
    """Tell whether a room's conversation stands still; one that was paused when it ended goes on.

    Of another server's room it is not known here who of its hosts writes on, nor surely when it goes on.
    """
    return space.local and space.paused_at is not None and space.state == Phase.LIVE


def is_held(space: Space) -> ColumnElement[bool]:
    """The condition that a post of the room's conversation is not shown in it before it goes on."""
    since = space.paused_at
    if since is None or not is_paused(space):
        return false()
    keeps_order = _keeping_order(space.id).where(Member.account_id == Status.account_id).correlate(Status)
    came_since = or_(Status.id >= id_at(since), func.coalesce(Status.edited_at, Status.created_at) >= since)
    return and_(came_since, ~keeps_order.exists())


async def keeps_order(tx: Tx, space_id: int, account_id: int) -> bool:
    """Tell whether what somebody writes is shown while the room is paused."""
    found = await tx.scalar(_keeping_order(space_id).where(Member.account_id == account_id))
    return found is not None


def _keeping_order(space_id: int) -> Select[int]:
    return select(Member.account_id).where(
        Member.space_id == space_id, Member.role.in_(ORDERLY), Member.removed_at.is_(None)
    )
