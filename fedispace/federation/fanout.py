"""Turns an activity's audience into one delivery row per distinct inbox.

Followers are read from `follower_inboxes`, which counts followers per (shared) inbox, in batches
with a cursor; each batch is one transaction, so a fan-out to very many neither blocks the writer nor
starts over after a crash. The fan-outs of one sender run in order, so that deliveries are made in
the order things happened. Each batch renews the lease, and ends the fan-out here when the lease was
lost: somebody else goes on from the cursor. One that fails is put off and holds up its sender only.
"""

from datetime import timedelta

import structlog
from sqlalchemy import delete, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import Invalid
from fedispace.federation.models import ActorRow, Delivery, Fanout, FollowerInbox, OutboxItem
from fedispace.federation.outbox import WAKE_FANOUT
from fedispace.federation.policy import Policy
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.queue.leases import claim, give_back, is_any_due, renew

log = structlog.get_logger()

WAKE_DELIVERY = "wake.deliveries"
CLAIMED = 32
BATCH = 500
LEASE = timedelta(seconds=60)
RETRY_AFTER = timedelta(seconds=5)
RETRY_AT_LEAST_EVERY = timedelta(hours=1)


class FanoutPump:
    """Claims fan-outs and writes their deliveries."""

    wake_topic = WAKE_FANOUT

    def __init__(self, db: Database, ids: Ids, clock: Clock, bus: Bus, policy: Policy) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._policy = policy
        self._held: list[Fanout] = []

    async def pump(self) -> int:
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, Fanout, now):
                return 0
        async with self._db.transaction() as tx:
            await give_back(tx, Fanout, self._held, begun=True)
            self._held = []
            taken = await claim(tx, Fanout, now=now, lease=LEASE, limit=CLAIMED, lane=(Fanout.sender_id,))
        self._held = list(taken)
        for fanout in taken:
            if fanout in self._held:
                await self._attempt(fanout)
        return len(taken)

    async def _attempt(self, fanout: Fanout) -> None:
        """Spread one; when that fails, put it off, and let go of what has to wait for it."""
        try:
            await self._spread(fanout)
            self._held.remove(fanout)
        except Exception:
            log.exception("fanout.failed", activity=fanout.id, attempts=fanout.attempts)
            wait = min(RETRY_AFTER * 2 ** min(fanout.attempts, 10), RETRY_AT_LEAST_EVERY)
            later = [held for held in self._held if held.sender_id == fanout.sender_id and held is not fanout]
            async with self._db.transaction() as tx:
                await give_back(tx, Fanout, [fanout], run_at=self._clock.now() + wait, begun=True)
                await give_back(tx, Fanout, later)
            self._held = [held for held in self._held if held.sender_id != fanout.sender_id]

    async def idle(self) -> None:
        return

    async def _spread(self, fanout: Fanout) -> None:
        cursor: str | None = fanout.cursor
        while cursor is not None:
            async with self._db.transaction() as tx:
                if not await renew(tx, Fanout, [fanout], self._clock.now() + LEASE):
                    log.warning("fanout.lease_lost", activity=fanout.id)
                    return
                cursor = await self._batch(tx, fanout, cursor)

    async def _batch(self, tx: Tx, fanout: Fanout, cursor: str) -> str | None:
        """Write one batch of deliveries; return the cursor of the next, or None when all is done."""
        audience = await tx.scalar(select(OutboxItem.audience).where(OutboxItem.id == fanout.id))
        inboxes: list[str] = []
        following: str | None = None
        if audience is not None and audience["followers"]:
            found = await tx.scalars(
                select(FollowerInbox.inbox)
                .where(FollowerInbox.actor_id == fanout.sender_id, FollowerInbox.inbox > cursor)
                .order_by(FollowerInbox.inbox)
                .limit(BATCH)
            )
            inboxes = list(found)
            following = inboxes[-1] if len(inboxes) == BATCH else None
        if following is None and audience is not None:
            inboxes += await self._inboxes_of(tx, audience["actors"], fanout.id)
        await self._write(tx, fanout, inboxes)
        if following is None:
            await tx.execute(delete(Fanout).where(Fanout.id == fanout.id))
        else:
            await tx.execute(update(Fanout).where(Fanout.id == fanout.id).values(cursor=following))
        tx.after_commit(lambda: self._bus.publish(WAKE_DELIVERY, {}))
        return following

    async def _inboxes_of(self, tx: Tx, actors: list[int], outbox_id: int) -> list[str]:
        if not actors:
            return []
        public = await tx.scalar(select(OutboxItem.public).where(OutboxItem.id == outbox_id))
        rows = await tx.execute(
            select(ActorRow.inbox, ActorRow.shared_inbox).where(
                ActorRow.id.in_(actors), ~ActorRow.local, ActorRow.gone_at.is_(None)
            )
        )
        return [shared if public and shared else inbox for inbox, shared in rows]

    async def _write(self, tx: Tx, fanout: Fanout, inboxes: list[str]) -> None:
        now = self._clock.now()
        rows = [
            {
                "id": self._ids.next(),
                "outbox_id": fanout.id,
                "sender_id": fanout.sender_id,
                "inbox": inbox,
                "host": host,
                "run_at": now,
                "attempts": 0,
            }
            for inbox in dict.fromkeys(inboxes)
            if (host := await self._reachable(inbox)) is not None
        ]
        if rows:
            await tx.execute(insert(tx, Delivery).on_conflict_do_nothing(), rows)

    async def _reachable(self, inbox: str) -> str | None:
        try:
            host = host_of(inbox)
        except Invalid:
            return None
        return None if await self._policy.is_refused(host) else host
