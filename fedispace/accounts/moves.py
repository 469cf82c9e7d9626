"""What follows when somebody has moved: those of ours who followed the old account follow the new one.

A Move is believed when the new account names the old one in `alsoKnownAs`, so that nobody moves other
people's followers to himself, nor his own to somebody who did not ask for them (FEP-7628). An account
that has itself moved on is no place to move to, which ends circles; and one account moves at most once
in a week, so that nobody has us send follows back and forth.

Afterwards, in jobs of a few hundred each: a Follow to the new account and an Undo of the old for every
local follower; blocks, mutes and private notes about the old account are kept for the new one too.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import exists, select

from fedispace.accounts.blocking import Blocking
from fedispace.accounts.following import Following
from fedispace.accounts.models import Account, Block, Follow, Migration, Mute, PrivateNote
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import FedispaceError, Refused
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs, Task

log = structlog.get_logger()

TASK: Final = "accounts.carry_over"
THEIRS_AT_MOST_EVERY: Final = timedelta(days=7)
BATCH: Final = 200
MAX_CARRIED: Final = 1000
"""Blocks, mutes and notes about one account that are kept for its successor."""


class Moves:
    """Writes down that an account moved, and carries over what belongs to it."""

    def __init__(
        self, db: Database, ids: Ids, clock: Clock, jobs: Jobs, following: Following, blocking: Blocking
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._jobs = jobs
        self._following = following
        self._blocking = blocking

    def tasks(self) -> dict[str, Task]:
        return {TASK: self.carry_over}

    async def record(self, tx: Tx, origin: Account, target: Account, *, at_most_every: timedelta) -> None:
        """Write a confirmed move; raises `Refused` when the last one is too recent."""
        last = await last_move(tx, origin.id)
        if last is not None and last.created_at > self._clock.now() - at_most_every:
            if last.target_uri == target.uri and origin.moved_to_uri == target.uri:
                return  # the same news again
            raise Refused("move_too_soon", "This account has moved only recently.", status=403)
        origin.moved_to_uri = target.uri
        tx.add(
            Migration(
                id=self._ids.next(),
                account_id=origin.id,
                target_uri=target.uri,
                followers_count=origin.followers_count,
                created_at=self._clock.now(),
            )
        )
        await tx.flush()
        await self._jobs.enqueue(tx, TASK, {"origin": origin.id, "target": target.id, "after": 0})

    async def carry_over(self, arguments: Mapping[str, Any]) -> None:
        """Move one batch of local followers, and with the first what else is kept about the account."""
        origin_id, target_id, after = arguments["origin"], arguments["target"], arguments["after"]
        async with self._db.reading() as tx:
            origin, target = await tx.get(Account, origin_id), await tx.get(Account, target_id)
            follows = await _followers_here(tx, origin_id, after)
        if origin is None or target is None or origin.moved_to_uri != target.uri:
            return  # one of them is gone, or came back
        if after == 0:
            await self._keep_at_bay(origin_id, target_id)
        for follow, follower in follows:
            await self._follow_on(follow, follower, target_id)
        if len(follows) == BATCH:
            async with self._db.transaction() as tx:
                await self._jobs.enqueue(tx, TASK, {**arguments, "after": follows[-1][0].id})

    async def _follow_on(self, follow: Follow, follower: Account, target_id: int) -> None:
        """Let one follower follow the successor; who may not follow them only stops following."""
        try:
            await self._following.follow(follower, target_id, boosts=follow.show_boosts)
        except FedispaceError as error:
            log.info("move.not_followed", follower=follower.id, reason=error.detail)
        await self._following.unfollow(follower, follow.target_id)

    async def _keep_at_bay(self, origin_id: int, target_id: int) -> None:
        """Let who blocked, muted or noted something about the old account have it for the new one."""
        async with self._db.reading() as tx:
            blockers = await tx.scalars(
                select(Account)
                .join(Block, Block.account_id == Account.id)
                .where(Block.target_id == origin_id, Account.domain == "", Account.id != target_id)
                .limit(MAX_CARRIED)
            )
            at_bay = list(blockers)
        for blocker in at_bay:
            await self._blocking.block(blocker, target_id)
        now = self._clock.now()
        async with self._db.transaction() as tx:
            muted = await tx.scalars(
                select(Mute)
                .where(Mute.target_id == origin_id, Mute.account_id != target_id)
                .limit(MAX_CARRIED)
            )
            mutes: list[dict[str, Any]] = [
                {
                    "id": self._ids.next(),
                    "account_id": mute.account_id,
                    "target_id": target_id,
                    "notifications": mute.notifications,
                    "expires_at": mute.expires_at,
                    "created_at": now,
                }
                for mute in muted
            ]
            noted = await tx.scalars(
                select(PrivateNote).where(PrivateNote.target_id == origin_id).limit(MAX_CARRIED)
            )
            notes = [
                {"account_id": note.account_id, "target_id": target_id, "comment": note.comment}
                for note in noted
            ]
            for table, rows in ((Mute, mutes), (PrivateNote, notes)):
                if rows:
                    await tx.execute(insert(tx, table).on_conflict_do_nothing(), rows)


async def last_move(tx: Tx, account_id: int) -> Migration | None:
    """Return the latest move of an account."""
    return (
        await tx.scalars(
            select(Migration).where(Migration.account_id == account_id).order_by(Migration.id.desc()).limit(1)
        )
    ).one_or_none()


async def has_moved_to(tx: Tx, account_id: int, target_uri: str) -> bool:
    """Tell whether an account has ever moved to another one."""
    return bool(
        await tx.scalar(
            select(exists().where(Migration.account_id == account_id, Migration.target_uri == target_uri))
        )
    )


async def _followers_here(tx: Tx, account_id: int, after: int) -> Sequence[tuple[Follow, Account]]:
    rows = await tx.execute(
        select(Follow, Account)
        .join(Account, Account.id == Follow.account_id)
        .where(Follow.target_id == account_id, Follow.id > after, Account.domain == "")
        .order_by(Follow.id)
        .limit(BATCH)
    )
    return [(follow, follower) for follow, follower in rows]
