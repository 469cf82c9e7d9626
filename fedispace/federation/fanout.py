"""Turns an activity's audience into one delivery row per distinct inbox.

Followers are read from `follower_inboxes`, which counts followers per (shared) inbox, in batches
with a cursor; each batch is one transaction, so a fan-out to very many neither blocks the writer nor
starts over after a crash. The fan-outs of one sender run in order, so that deliveries are made in
the order things happened. Each batch renews the lease, and ends the fan-out here when the lease was
lost: somebody else goes on from the cursor. One that fails is put off and holds up its sender only.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import bindparam, delete, select, update

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.errors import Invalid
from fedispace.federation import bands
from fedispace.federation.enqueue import enqueue
from fedispace.federation.everyone import inboxes_after
from fedispace.federation.models import ActorRow, Fanout, FollowerInbox, OutboxItem
from fedispace.federation.outbox import WAKE_FANOUT
from fedispace.federation.peers import Peers
from fedispace.federation.policy import Policy
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.queue.leases import Held, claim, give_back, is_any_due, renew

log = structlog.get_logger()

WAKE_DELIVERY = "wake.deliveries"
CLAIMED = 32
BATCH = 1000
LEASE = timedelta(seconds=60)
RETRY_AFTER = timedelta(seconds=5)
RETRY_AT_LEAST_EVERY = timedelta(hours=1)

_items = table_of(OutboxItem)
_fanouts = table_of(Fanout)
_followers = table_of(FollowerInbox)
_ITEM = select(_items.c.type, _items.c.public, _items.c.audience).where(_items.c.id == bindparam("item"))
_FOLLOWERS = (
    select(_followers.c.inbox)
    .where(_followers.c.actor_id == bindparam("actor"), _followers.c.inbox > bindparam("after"))
    .order_by(_followers.c.inbox)
    .limit(BATCH)
)
_DONE = delete(_fanouts).where(_fanouts.c.id == bindparam("item"))
_GO_ON = update(_fanouts).where(_fanouts.c.id == bindparam("item")).values(cursor=bindparam("at"))


@dataclass(slots=True, kw_only=True, eq=False)
class HeldFanout(Held):
    """A fan-out this process is about to spread."""

    sender_id: int
    cursor: str


class FanoutPump:
    """Claims fan-outs and writes their deliveries."""

    wake_topic = WAKE_FANOUT

    def __init__(self, db: Database, ids: Ids, clock: Clock, bus: Bus, policy: Policy, peers: Peers) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._policy = policy
        self._peers = peers
        self._held: list[HeldFanout] = []

    async def pump(self) -> int:
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, Fanout, now):
                return 0
        async with self._db.transaction() as tx:
            await give_back(tx, Fanout, self._held, begun=True)
            self._held = []
            taken = await claim(
                tx, Fanout, HeldFanout, now=now, lease=LEASE, limit=CLAIMED, lane=("sender_id",)
            )
        self._held = list(taken)
        for fanout in taken:
            if fanout in self._held:
                await self._attempt(fanout)
        return len(taken)

    async def _attempt(self, fanout: HeldFanout) -> None:
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

    async def _spread(self, fanout: HeldFanout) -> None:
        cursor: str | None = fanout.cursor
        while cursor is not None:
            async with self._db.transaction() as tx:
                if not await renew(tx, Fanout, [fanout], self._clock.now() + LEASE):
                    log.warning("fanout.lease_lost", activity=fanout.id)
                    return
                cursor = await self._batch(tx, fanout, cursor)

    async def _batch(self, tx: Tx, fanout: HeldFanout, cursor: str) -> str | None:
        """Write one batch of deliveries; return the cursor of the next, or None when all is done.

        Those who are named come first: they are few, and they are meant.
        """
        item = (await tx.core(_ITEM, {"item": fanout.id})).one_or_none()
        following: str | None = None
        if item is not None and item.audience["actors"] and not cursor:
            named = await self._inboxes_of(tx, item.audience["actors"], public=item.public)
            await self._write(tx, fanout, named, bands.ORDINARY, spare_the_dead=False)
        if item is not None and item.audience.get("everyone"):
            inboxes, following = await inboxes_after(tx, cursor)
            await self._write(tx, fanout, inboxes, bands.LOW, spare_the_dead=False)
        elif item is not None and item.audience["followers"]:
            said = {"actor": fanout.sender_id, "after": cursor}
            inboxes = list((await tx.core(_FOLLOWERS, said)).scalars())
            following = inboxes[-1] if len(inboxes) == BATCH else None
            many = BATCH if cursor else len(inboxes)
            band = bands.band_of_followers(item.type, fanout.sender_id, inboxes=many)
            await self._write(tx, fanout, inboxes, band, spare_the_dead=band != bands.LOW)
        if following is None:
            await tx.core(_DONE, {"item": fanout.id})
        else:
            await tx.core(_GO_ON, {"item": fanout.id, "at": following})
        tx.after_commit(lambda: self._bus.publish(WAKE_DELIVERY, {}))
        return following

    async def _inboxes_of(self, tx: Tx, actors: list[int], *, public: bool) -> list[str]:
        rows = await tx.execute(
            select(ActorRow.inbox, ActorRow.shared_inbox).where(
                ActorRow.id.in_(actors), ~ActorRow.local, ActorRow.gone_at.is_(None)
            )
        )
        return [shared if public and shared else inbox for inbox, shared in rows]

    async def _write(
        self, tx: Tx, fanout: HeldFanout, inboxes: list[str], band: int, *, spare_the_dead: bool
    ) -> None:
        """Write a delivery for each inbox that may be told.

        What goes to followers is not queued for a server that has been dead for a week, but for one
        post a day that tries it; a Delete or an Update is, because it has to arrive when it comes back.
        """
        told: list[tuple[str, str]] = []
        for inbox in dict.fromkeys(inboxes):
            host = await self._reachable(inbox)
            if host is not None and not (spare_the_dead and self._peers.is_given_up(host)):
                told.append((inbox, host))
        if told:
            numbered = zip(self._ids.several(len(told)), told, strict=True)
            await enqueue(
                tx,
                outbox_id=fanout.id,
                sender_id=fanout.sender_id,
                band=band,
                now=self._clock.now(),
                rows=((id_, inbox, host) for id_, (inbox, host) in numbered),
            )

    async def _reachable(self, inbox: str) -> str | None:
        try:
            host = host_of(inbox)
        except Invalid:
            return None
        return None if await self._policy.is_refused(host) else host
