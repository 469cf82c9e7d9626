"""When an account goes, or a remote one moves its inbox: what we counted for it is counted no more."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, or_, select

from fedispace.accounts.counts import add_to_counts
from fedispace.accounts.models import Account, Follow, Notification
from fedispace.db.engine import Tx
from fedispace.federation.models import ActorKey, ActorRow
from fedispace.federation.outbox import Outbox
from fedispace.queue.jobs import Jobs

ERASE: Final = "accounts.erase"
FOLLOWS: Final = 100
NOTICES: Final = 500


class Departures:
    """Takes remote accounts out of fan-outs and counts."""

    def __init__(self, outbox: Outbox, jobs: Jobs) -> None:
        self._outbox = outbox
        self._jobs = jobs

    async def forget(self, tx: Tx, actor: ActorRow, now: datetime) -> None:
        """Have a remote account deleted with all it posted and did.

        From this moment it is shown nowhere, and out of the fan-outs unless it follows very many; a job
        removes what it left, some at a time (`leaving.py`).
        The actor row stays, to say it is gone.
        """
        await tx.execute(delete(ActorKey).where(ActorKey.actor_id == actor.id))
        actor.gone_at = now
        actor.document = {}
        account = await tx.get(Account, actor.id)
        if account is not None:
            account.suspended_at_home = True
            await self.forget_follows(tx, account.id)
            await self._jobs.enqueue(tx, ERASE, {"account": actor.id}, unique_key=f"{ERASE} {actor.id}")
        await tx.flush()

    async def forget_follows(self, tx: Tx, account_id: int) -> bool:
        """Remove some of whom an account followed and who followed it; tell whether there are more."""
        rows = await tx.scalars(
            select(Follow)
            .where(or_(Follow.account_id == account_id, Follow.target_id == account_id))
            .order_by(Follow.id)
            .limit(FOLLOWS)
        )
        follows = rows.all()
        for follow in follows:
            if follow.accepted and follow.account_id == account_id:
                await add_to_counts(tx, follow.target_id, followers=-1)
                await self._outbox.follower_lost(tx, follow.target_id, account_id)
            elif follow.accepted:
                await add_to_counts(tx, follow.account_id, following=-1)
            await tx.delete(follow)
        await tx.flush()
        return len(follows) == FOLLOWS

    async def forget_notices(self, tx: Tx, account_id: int) -> bool:
        """Remove some of what an account was told and others were told of it; tell whether there is more."""
        some = (
            select(Notification.id)
            .where(or_(Notification.account_id == account_id, Notification.from_id == account_id))
            .limit(NOTICES)
        )
        gone = await tx.scalars(
            delete(Notification).where(Notification.id.in_(some)).returning(Notification.id),
            execution_options={"synchronize_session": False},
        )
        return len(gone.all()) == NOTICES

    async def forget_account(self, tx: Tx, actor: ActorRow, now: datetime) -> None:
        """Remove the profile, when nothing of the account is left but what goes with it."""
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
