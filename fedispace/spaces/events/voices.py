"""Whose words belong to a room's conversation: not theirs whom the stage blocks, or who are out of it.

The conversation is a federated thread, and another server's people can answer anywhere. What they write
stays where it is, and is not shown in the room; one of ours is told at once that they cannot. What waits
while a room is paused is in `held`.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, select

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.errors import Conflict, Forbidden
from fedispace.federation.models import ActorRow
from fedispace.spaces import access, queries, safety
from fedispace.spaces.events import held
from fedispace.spaces.models import Member, Space
from fedispace.spaces.sound import intruders
from fedispace.threads.models import Status


async def require_voice(tx: Tx, account_id: int, conversation_id: int | None) -> None:
    """Raise `Forbidden` if the conversation is a room's, and the account is not to be heard there.

    While a room is paused only those who keep order write in it: `Conflict`.
    """
    space = None if conversation_id is None else await tx.get(Space, conversation_id)
    if space is None:
        return
    standing = await queries.standing(tx, space, account_id)
    if not access.may_be_heard(access.parse_access(space.access), standing):
        raise Forbidden(access.CANNOT_JOIN)
    if space.local and held.is_paused(space) and standing.role not in held.ORDERLY:
        raise Conflict("The room is paused; replies wait until it goes on.")


async def unheard(tx: Tx, space_id: int, account_ids: Collection[int]) -> set[int]:
    """Return which of these accounts are not to be heard in a room."""
    rows = await tx.scalars(
        select(Account.id)
        .join(Space, Space.id == space_id)
        .join(ActorRow, ActorRow.id == Account.id)
        .outerjoin(Member, and_(Member.space_id == space_id, Member.account_id == Account.id))
        .where(Account.id.in_(list(account_ids)))
        .where(intruders.is_out() | safety.is_unseen(Space.id, Space.host_id, Account.id))
    )
    return set(rows)


async def heard_in(tx: Tx, space: Space, statuses: Sequence[Status]) -> list[Status]:
    """Return those of `statuses` that are shown in a room now."""
    out = await unheard(tx, space.id, {status.account_id for status in statuses})
    ids = [status.id for status in statuses]
    waiting = set(await tx.scalars(select(Status.id).where(Status.id.in_(ids), held.is_held(space))))
    return [status for status in statuses if status.account_id not in out and status.id not in waiting]
