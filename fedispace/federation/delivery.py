"""Brings activities to inboxes: at least once, in order per sender and peer, for days if it must.

A delivery row exists until the peer has taken the activity or it is given up. The pump claims due
rows as capacity allows and runs each (peer, sender) as a lane: one at a time, in order. A failure puts
the row off by the back-off and gives the rest of its lane back; the claim leaves a lane alone while an
earlier row of it waits. A peer gets at most `PER_HOST` requests at once and the whole pump
`IN_FLIGHT`, so a slow peer holds no more than its share; one that keeps failing is left alone for a
while (`peers.py`).

If the process dies, what was in flight (sent, but its row not yet removed) is sent again when the
lease runs out: at most `IN_FLIGHT` repeats, which peers recognise by the activity's id. Rows of
finished deliveries are removed a few milliseconds' worth at a time; a lane goes on, and its place is
free, only when its row is gone.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import backoff
from fedispace.federation.fanout import WAKE_DELIVERY
from fedispace.federation.models import Delivery, OutboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.requests import SignedRequests
from fedispace.queue.leases import claim, is_any_due

log = structlog.get_logger()

IN_FLIGHT = 64
PER_HOST = 4
BATCH = 256
HELD = 1024
LEASE = timedelta(seconds=60)
REMOVE_WINDOW = 0.003


class DeliveryPump:
    """Claims deliveries and makes them."""

    wake_topic = WAKE_DELIVERY

    def __init__(
        self, db: Database, clock: Clock, requests: SignedRequests, peers: Peers, rng: random.Random
    ) -> None:
        self._db = db
        self._clock = clock
        self._requests = requests
        self._peers = peers
        self._rng = rng
        self._flights = asyncio.Semaphore(IN_FLIGHT)
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._lanes: set[asyncio.Task[None]] = set()
        self._held = 0
        self._delivered: list[tuple[int, asyncio.Future[None]]] = []
        self._remover: asyncio.Task[None] | None = None

    async def release_leases(self) -> None:
        """Take back what a former process held: only for a database that has no other worker."""
        async with self._db.transaction() as tx:
            await tx.execute(
                update(Delivery).where(Delivery.leased_until.is_not(None)).values(leased_until=None)
            )

    async def pump(self) -> int:
        while self._held > HELD - BATCH:
            await asyncio.wait(self._lanes, return_when=asyncio.FIRST_COMPLETED)
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, Delivery, now):
                return 0
        async with self._db.transaction() as tx:
            rows = await claim(
                tx, Delivery, now=now, lease=LEASE, limit=BATCH, lane=(Delivery.host, Delivery.sender_id)
            )
            bodies = await self._bodies(tx, {row.outbox_id for row in rows})
        lanes: defaultdict[tuple[str, int], list[Delivery]] = defaultdict(list)
        for row in rows:
            lanes[row.host, row.sender_id].append(row)
        for (host, _), lane in lanes.items():
            self._start(host, lane, bodies)
        return len(rows)

    async def idle(self) -> None:
        while self._lanes:
            await asyncio.gather(*self._lanes)

    async def _bodies(self, tx: Tx, outbox_ids: set[int]) -> dict[int, bytes]:
        if not outbox_ids:
            return {}
        rows = await tx.execute(select(OutboxItem.id, OutboxItem.body).where(OutboxItem.id.in_(outbox_ids)))
        return dict(rows.tuples().all())

    def _start(self, host: str, lane: list[Delivery], bodies: Mapping[int, bytes]) -> None:
        self._held += len(lane)
        task = asyncio.create_task(self._run(host, lane, bodies), name=f"deliver to {host}")
        self._lanes.add(task)

        def ended(_task: asyncio.Task[None]) -> None:
            self._lanes.discard(task)
            self._held -= len(lane)

        task.add_done_callback(ended)

    async def _run(self, host: str, lane: list[Delivery], bodies: Mapping[int, bytes]) -> None:
        at_host = self._hosts.setdefault(host, asyncio.Semaphore(PER_HOST))
        async with at_host:
            for position, row in enumerate(lane):
                async with self._flights:
                    if self._peers.is_closed(host):
                        await self._give_back(lane[position:])
                        break
                    if position:
                        await self._keep(lane[position:])
                    if not await self._deliver(row, bodies[row.outbox_id]):
                        await self._give_back(lane[position + 1 :])
                        break
        if not at_host.locked():
            self._hosts.pop(host, None)

    async def _deliver(self, row: Delivery, body: bytes) -> bool:
        """Make one attempt; tell whether the lane may go on."""
        try:
            reply = await self._requests.post_bytes(row.inbox, body, sender_id=row.sender_id)
        except Unavailable as error:
            return await self._failed(row, None, None, error.detail)
        except (Refused, Invalid, NotFound, Gone) as error:
            return await self._give_up(row, error.detail)
        match backoff.judge(reply.status):
            case backoff.Verdict.DELIVERED:
                await self._remove(row.id)
                if self._peers.is_troubled(row.host):
                    async with self._db.transaction() as tx:
                        await self._peers.answered(tx, row.host)
                return True
            case backoff.Verdict.PERMANENT:
                return await self._give_up(row, f"HTTP {reply.status}")
            case backoff.Verdict.RETRY:
                return await self._failed(row, reply.status, reply.retry_after, f"HTTP {reply.status}")

    async def _failed(self, row: Delivery, status: int | None, retry_after: str | None, error: str) -> bool:
        asked = backoff.parse_retry_after(retry_after, self._clock.now())
        wait = backoff.next_attempt(row.attempts, self._rng, status=status, retry_after=asked)
        if wait is None:
            return await self._give_up(row, error)
        log.info("delivery.put_off", peer=row.host, attempts=row.attempts, error=error)
        async with self._db.transaction() as tx:
            await tx.execute(
                update(Delivery)
                .where(Delivery.id == row.id)
                .values(run_at=self._clock.now() + wait, leased_until=None, error=error[:300])
            )
            if status is None or status >= 500:
                await self._peers.failed(tx, row.host)
        return False

    async def _give_up(self, row: Delivery, error: str) -> bool:
        log.info("delivery.given_up", peer=row.host, attempts=row.attempts, error=error)
        await self._remove(row.id)
        return True

    async def _keep(self, rest: list[Delivery]) -> None:
        """Renew the lease of a long lane when half of it is used up."""
        now = self._clock.now()
        held_until = rest[0].leased_until
        if held_until is None or held_until - now > LEASE / 2:
            return
        for row in rest:
            row.leased_until = now + LEASE
        await self._set_lease(rest, now + LEASE)

    async def _give_back(self, rest: list[Delivery]) -> None:
        if rest:
            await self._set_lease(rest, None)

    async def _set_lease(self, rows: list[Delivery], until: datetime | None) -> None:
        undone = -1 if until is None else 0
        async with self._db.transaction() as tx:
            await tx.execute(
                update(Delivery)
                .where(Delivery.id.in_([row.id for row in rows]))
                .values(leased_until=until, attempts=Delivery.attempts + undone)
                .execution_options(synchronize_session=False)
            )

    async def _remove(self, delivery_id: int) -> None:
        """Delete a finished row, together with others that finish within a few milliseconds."""
        removed = asyncio.get_running_loop().create_future()
        self._delivered.append((delivery_id, removed))
        if self._remover is None or self._remover.done():
            self._remover = asyncio.create_task(self._remove_all())
        await removed

    async def _remove_all(self) -> None:
        await asyncio.sleep(REMOVE_WINDOW)
        while self._delivered:
            batch, self._delivered = self._delivered, []
            try:
                async with self._db.transaction() as tx:
                    await tx.execute(
                        delete(Delivery)
                        .where(Delivery.id.in_([delivery_id for delivery_id, _ in batch]))
                        .execution_options(synchronize_session=False)
                    )
            except Exception as error:  # the rows stay; their lease runs out and they are sent again
                log.exception("delivery.remove_failed", rows=len(batch))
                for _, removed in batch:
                    removed.set_exception(Unavailable(f"the database is away: {type(error).__name__}"))
                continue
            for _, removed in batch:
                removed.set_result(None)
