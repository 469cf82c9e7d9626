"""When a remote account goes, or moves its inbox: what we counted for it is counted no more."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute

from fedispace.accounts.models import Account, Follow
from fedispace.db.engine import Tx
from fedispace.federation.models import ActorKey, ActorRow
from fedispace.federation.outbox import Outbox


class Departures:
    """Takes remote accounts out of fan-outs and counts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def forget(self, tx: Tx, actor: ActorRow, now: datetime) -> None:
        """Delete a remote account with all it posted and did. The actor row stays, to say it is gone."""
        await self.leave_fan_outs(tx, actor.uri)
        await tx.execute(delete(ActorKey).where(ActorKey.actor_id == actor.id))
        await self.forget_local(tx, actor, now)

    async def forget_local(self, tx: Tx, actor: ActorRow, now: datetime) -> None:
        """Do the same for one of ours, who is in no fan-out and whose last word is still to be signed."""
        await _count_down(tx, Account.followers_count, Follow.target_id, Follow.account_id, actor.id)
        await _count_down(tx, Account.following_count, Follow.account_id, Follow.target_id, actor.id)
        await tx.execute(
            delete(Account).where(Account.id == actor.id).execution_options(synchronize_session=False)
        )
        actor.gone_at = now
        actor.document = {}
        await tx.flush()

    async def leave_fan_outs(self, tx: Tx, uri: str) -> None:
        """Take a follower's inbox off the count of everybody it follows here."""
        for target_id, follower_id in await _followed(tx, uri):
            await self._outbox.follower_lost(tx, target_id, follower_id)

    async def join_fan_outs(self, tx: Tx, uri: str) -> None:
        """Count a follower's inbox for everybody it follows here."""
        for target_id, follower_id in await _followed(tx, uri):
            await self._outbox.follower_gained(tx, target_id, follower_id)


async def _followed(tx: Tx, uri: str) -> list[tuple[int, int]]:
    """Return (followed, follower) for each account the remote actor `uri` follows; all are ours."""
    rows = await tx.execute(
        select(Follow.target_id, Follow.account_id)
        .join(ActorRow, ActorRow.id == Follow.account_id)
        .where(ActorRow.uri == uri, Follow.accepted.is_(True))
    )
    return [(target_id, follower_id) for target_id, follower_id in rows]


async def _count_down(
    tx: Tx,
    counter: InstrumentedAttribute[int],
    whose: InstrumentedAttribute[int],
    other: InstrumentedAttribute[int],
    gone_id: int,
) -> None:
    """Take one off `counter` of everybody who has an accepted follow with the account that is gone."""
    touched = select(whose).where(other == gone_id, Follow.accepted.is_(True)).scalar_subquery()
    values: dict[Any, Any] = {counter: case((counter > 0, counter - 1), else_=0)}
    await tx.execute(
        update(Account)
        .where(Account.id.in_(touched))
        .values(values)
        .execution_options(synchronize_session=False)
    )
