"""Brings activities to inboxes: at least once, in order per sender and peer, for a week if it must.

A delivery row exists until the peer has taken the activity or it is given up. The pump claims due
rows as capacity allows and runs each (peer, sender) as a lane: one at a time, in order. A failure puts
its whole lane off by the back-off; the claim leaves a lane alone while an earlier row of it waits. Only
an activity at which a peer breaks again and again, while it takes others, is passed by the rest.

Nobody waits for a slow peer but its own lanes: a peer gets at most `PER_HOST` requests at once, those
that failed last time share `DOUBTFUL` places among them, and the pump goes on claiming while they
hang. One that keeps failing is left alone for a while, then tried with one delivery (`peers.py`).

If the process dies, what was in flight (sent, but its row not yet removed) is sent again when the
lease runs out: at most `IN_FLIGHT` repeats, which peers recognise by the activity's id. Rows of
finished deliveries are removed a few milliseconds' worth at a time; a lane goes on, and its place is
free, only when its row is gone. A lane that lost its lease, because it waited too long for a place,
stops: its rows are somebody else's now.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, delete, or_, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import backoff
from fedispace.federation.fanout import WAKE_DELIVERY
from fedispace.federation.lanes import Lanes
from fedispace.federation.models import Delivery, OutboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.requests import SignedRequests
from fedispace.ids import Ids, id_at, moment_of
from fedispace.queue.bus import Bus
from fedispace.queue.leases import claim, give_back, is_any_due, renew, still_held

log = structlog.get_logger()

IN_FLIGHT = 64
DOUBTFUL = 16
PER_HOST = 4
BATCH = 512
HELD = 8192
LEASE = timedelta(seconds=90)
LEAST_LEASE = timedelta(seconds=45)
"""What must be left of a lease when a delivery begins: two requests of 15 seconds, and some."""
REMOVE_WINDOW = 0.003
GIVE_UP_AFTER = timedelta(days=7)
KEEP_AT_MOST = timedelta(days=10)
ASIDE_AFTER = 5
ASIDE_AT_LAST = timedelta(days=1)
AFTER_A_BREAK = timedelta(seconds=5)
ONE_AT_A_TIME = timedelta(minutes=1)
"""How long a lane steps back when another is trying a peer on probation."""


class DeliveryPump:
    """Claims deliveries and makes them."""

    wake_topic = WAKE_DELIVERY

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        bus: Bus,
        requests: SignedRequests,
        peers: Peers,
        rng: random.Random,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._requests = requests
        self._peers = peers
        self._rng = rng
        self._flights = asyncio.Semaphore(IN_FLIGHT)
        self._doubtful = asyncio.Semaphore(DOUBTFUL)
        self._places = _Places(PER_HOST)
        self._probed: set[str] = set()
        self._lanes: Lanes[Delivery] = Lanes(HELD, lambda: bus.publish(WAKE_DELIVERY, {}))
        self._delivered: list[tuple[int, asyncio.Future[None]]] = []
        self._remover: asyncio.Task[None] | None = None

    async def pump(self) -> int:
        await self._lanes.room(BATCH)
        await self._lanes.reclaim(self._take_back)
        await self._peers.refresh(self._db)
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, Delivery, now):
                return 0
        async with self._db.transaction() as tx:
            rows = await claim(
                tx, Delivery, now=now, lease=LEASE, limit=BATCH, lane=(Delivery.host, Delivery.sender_id)
            )
            bodies = await self._bodies(tx, {row.outbox_id for row in rows})
        if not rows:
            self._lanes.keep_awake()
        lanes: defaultdict[tuple[str, int], list[Delivery]] = defaultdict(list)
        for row in rows:
            lanes[row.host, row.sender_id].append(row)
        for (host, _), lane in lanes.items():
            self._lanes.start(f"deliver to {host}", lane, self._run(host, lane, bodies))
        return len(rows)

    async def idle(self) -> None:
        await self._lanes.idle()

    async def prune(self) -> None:
        """Drop what nobody tries any more: the queues of hosts that were dead all the time."""
        async with self._db.transaction() as tx:
            await tx.execute(
                delete(Delivery)
                .where(Delivery.outbox_id < id_at(self._clock.now() - KEEP_AT_MOST))
                .execution_options(synchronize_session=False)
            )

    async def _bodies(self, tx: Tx, outbox_ids: set[int]) -> dict[int, bytes]:
        if not outbox_ids:
            return {}
        rows = await tx.execute(select(OutboxItem.id, OutboxItem.body).where(OutboxItem.id.in_(outbox_ids)))
        return dict(rows.tuples().all())

    async def _run(self, host: str, lane: list[Delivery], bodies: Mapping[int, bytes]) -> None:
        for position, row in enumerate(lane):
            rest = lane[position:]
            async with self._places.at(host), self._flight(host):
                if self._has_to_wait(host):
                    await self._step_back(host, rest)
                    return
                if not await self._is_still_ours(rest):
                    log.warning("delivery.lease_lost", peer=host, rows=len(rest))
                    return
                if self._peers.is_on_probation(host):
                    waits_until = await self._probe(row, bodies[row.outbox_id])
                else:
                    waits_until = await self._deliver(row, bodies[row.outbox_id])
            if waits_until is not None:
                await self._give_back(rest[1:], waits_until)
                return

    def _flight(self, host: str) -> asyncio.Semaphore:
        return self._doubtful if self._peers.is_troubled(host) else self._flights

    def _has_to_wait(self, host: str) -> bool:
        """Tell whether a host is left alone for now, or being tried by somebody else at this moment."""
        if self._peers.is_closed(host):
            return True
        return host in self._probed and self._peers.is_on_probation(host)

    async def _probe(self, row: Delivery, body: bytes) -> datetime | None:
        """Try a host on probation; nobody else does meanwhile."""
        self._probed.add(row.host)
        try:
            return await self._deliver(row, body)
        finally:
            self._probed.discard(row.host)

    async def _deliver(self, row: Delivery, body: bytes) -> datetime | None:
        """Make one attempt; return until when the lane has to wait, None when it may go on."""
        try:
            reply = await self._requests.post_bytes(
                row.inbox, body, sender_id=row.sender_id, item=row.outbox_id
            )
        except Unavailable as error:
            return await self._failed(row, None, None, error.detail)
        except (Refused, Invalid, NotFound, Gone) as error:
            await self._give_up(row, error.detail)
            return None
        match backoff.judge(reply.status):
            case backoff.Verdict.DELIVERED:
                await self._remove(row.id)
                if self._peers.is_troubled(row.host):
                    async with self._db.transaction() as tx:
                        await self._peers.reached(tx, row.host)
                    self._lanes.keep_awake()
                return None
            case backoff.Verdict.PERMANENT:
                await self._give_up(row, f"HTTP {reply.status}")
                return None
            case backoff.Verdict.RETRY:
                return await self._failed(row, reply.status, reply.retry_after, f"HTTP {reply.status}")

    async def _failed(
        self, row: Delivery, status: int | None, retry_after: str | None, error: str
    ) -> datetime | None:
        wait = self._wait(row, status, retry_after)
        if wait is None:
            await self._give_up(row, error)
            return None
        until = self._clock.now() + wait
        aside = self._steps_aside(row, status)
        log.info("delivery.put_off", peer=row.host, attempts=row.attempts, error=error, aside=aside)
        async with self._db.transaction() as tx:
            if status is None or status >= 500:
                await self._peers.failed(tx, row.host)
            await self._put_off(tx, row, until, error, aside=aside)
        return None if aside else until

    def _steps_aside(self, row: Delivery, status: int | None) -> bool:
        """Tell whether the rest of the lane may pass a delivery that fails again and again.

        A peer that breaks at one activity of ours, and took another's since it last did (or has answered
        for a whole day, only not well), would otherwise get nothing from its sender for a week.
        """
        if status is None or status < 500 or row.attempts < ASIDE_AFTER:
            return False
        is_old = self._clock.now() - moment_of(row.outbox_id) >= ASIDE_AT_LAST
        return is_old or not self._peers.is_troubled(row.host)

    def _wait(self, row: Delivery, status: int | None, retry_after: str | None) -> timedelta | None:
        """Return how long to wait, or None to give up.

        Attempts alone are no measure: a peer whose inbox is broken but that sends us things is tried
        often. So it is given up only when a week has passed too, unless the peer refuses us.
        """
        asked = backoff.parse_retry_after(retry_after, self._clock.now())
        wait = backoff.next_attempt(row.attempts, self._rng, status=status, retry_after=asked)
        if wait is None and status not in (401, 403):
            age = self._clock.now() - moment_of(row.outbox_id)
            return backoff.DELAYS[-1] if age < GIVE_UP_AFTER else None
        return wait

    async def _put_off(self, tx: Tx, row: Delivery, until: datetime, error: str, *, aside: bool) -> None:
        """Put off a delivery and with it all of its lane, which has to wait for it anyway.

        Otherwise what waits would look due, and be looked at, all the time. One that steps aside goes to
        the end of the lane instead.
        """
        values: dict[str, Any] = {"run_at": until, "leased_until": None, "error": error[:300]}
        if aside:
            values["id"] = self._ids.next()
        else:
            free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= self._clock.now())
            lane = and_(Delivery.host == row.host, Delivery.sender_id == row.sender_id, Delivery.id > row.id)
            await tx.execute(
                update(Delivery)
                .where(lane, free, Delivery.run_at < until)
                .values(run_at=until)
                .execution_options(synchronize_session=False)
            )
        await tx.execute(
            update(Delivery)
            .where(still_held(Delivery, [row]))
            .values(values)
            .execution_options(synchronize_session=False)
        )

    async def _give_up(self, row: Delivery, error: str) -> None:
        log.info("delivery.given_up", peer=row.host, attempts=row.attempts, error=error)
        await self._remove(row.id)

    async def _step_back(self, host: str, rest: Sequence[Delivery]) -> None:
        """Let go of a lane whose host is left alone for now, until it may be tried."""
        async with self._db.transaction() as tx:
            until = await self._peers.closed_until(tx, host)
            if until is None and host in self._probed:
                until = self._clock.now() + ONE_AT_A_TIME
            await give_back(tx, Delivery, rest, run_at=until)

    async def _is_still_ours(self, rest: Sequence[Delivery]) -> bool:
        """Renew the lease when too little of it is left; False when it ran out and others have the rows."""
        now = self._clock.now()
        until = rest[0].leased_until
        if until is not None and until - now >= LEAST_LEASE:
            return True
        async with self._db.transaction() as tx:
            return await renew(tx, Delivery, rest, now + LEASE)

    async def _give_back(self, rest: Sequence[Delivery], run_at: datetime) -> None:
        if rest:
            async with self._db.transaction() as tx:
                await give_back(tx, Delivery, rest, run_at=run_at)

    async def _take_back(self, lane: Sequence[Delivery]) -> None:
        """Free the rows of a lane that broke off, but not for this very moment."""
        async with self._db.transaction() as tx:
            await give_back(tx, Delivery, lane, run_at=self._clock.now() + AFTER_A_BREAK, begun=True)

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
            failure: Unavailable | None = None
            try:
                async with self._db.transaction() as tx:
                    await tx.execute(
                        delete(Delivery)
                        .where(Delivery.id.in_([delivery_id for delivery_id, _ in batch]))
                        .execution_options(synchronize_session=False)
                    )
            except Exception as error:  # the rows stay; they are given back and sent again
                log.exception("delivery.remove_failed", rows=len(batch))
                failure = Unavailable(f"the database is away: {type(error).__name__}")
            for _, removed in batch:
                if removed.done():  # its lane was cancelled while it waited
                    continue
                if failure is None:
                    removed.set_result(None)
                else:
                    removed.set_exception(failure)


class _Places:
    """So many places at each host; a host nobody is at, or waits for, is forgotten."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._hosts: dict[str, _Place] = {}

    def at(self, host: str) -> "_Place":
        place = self._hosts.get(host)
        if place is None:
            place = self._hosts[host] = _Place(self._each, lambda: self._hosts.pop(host, None))
        return place


class _Place:
    """One host's places, as a context manager that many are in at once."""

    def __init__(self, size: int, forget: Callable[[], object]) -> None:
        self._free = asyncio.Semaphore(size)
        self._users = 0
        self._forget = forget

    async def __aenter__(self) -> None:
        self._users += 1
        try:
            await self._free.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._free.release()
        self._leave()

    def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            self._forget()
