"""Brings activities to inboxes: at least once, in order per sender and peer, for a week if it must.

A delivery row exists until the peer has taken the activity or it is given up. The pump claims due
rows as capacity allows, an equal share from each queue (`bands.py`), and runs each (peer, sender) as a
lane: one at a time, in order. A failure puts its whole lane off by the back-off; the claim leaves a
lane alone while an earlier row of it waits. Only an activity at which a peer breaks again and again,
while it takes others, is passed by the rest.

Nobody waits for a slow peer but its own lanes: a peer gets at most `PER_HOST` requests at once, fewer
while it is not known to be quick, a request that hangs makes room for others (`flights.py`), those to
peers that failed last time share `DOUBTFUL` places among them, and the pump goes on claiming for
everybody else. One that keeps failing is left alone for a while, then tried with one delivery (`peers.py`).

If the process dies, what was in flight (sent, but its row not yet removed) is sent again when the
lease runs out: at most `IN_FLIGHT` repeats, and as many as were hanging; peers recognise them by the
activity's id. Rows of finished deliveries are removed a few milliseconds' worth at a time; a lane goes
on, and its place is free, only when its row is gone. A lane that lost its lease, because it waited too
long for a place, stops: its rows are somebody else's now.

What is given up leaves a dead letter (`dead_letters.py`), which an operator sees and can send again.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, bindparam, delete, or_, select, update

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.errors import DatabaseAway, Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import backoff, bands, dead_letters
from fedispace.federation.fanout import WAKE_DELIVERY
from fedispace.federation.flights import Flights, Places
from fedispace.federation.lanes import Lanes
from fedispace.federation.models import Delivery, OutboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.requests import SignedRequests
from fedispace.ids import Ids, moment_of
from fedispace.queue.bus import Bus
from fedispace.queue.leases import Held, claim, give_back, holding, renew, still_held

log = structlog.get_logger()

IN_FLIGHT = 64
SLOW = 160
DOUBTFUL = 16
PER_HOST = 4
PER_NEW_HOST = 2
BATCH = 512
HELD_OF_A_BAND = 2048
HELD = HELD_OF_A_BAND * len(bands.ALL)
LEASE = timedelta(seconds=90)
LEAST_LEASE = timedelta(seconds=45)
"""What must be left of a lease when a delivery begins: two requests of 15 seconds, and some."""
REMOVE_WINDOW = 0.003
GIVE_UP_AFTER = timedelta(days=7)
ASIDE_AFTER = 5
ASIDE_AT_LAST = timedelta(days=1)
AFTER_A_BREAK = timedelta(seconds=5)
ONE_AT_A_TIME = timedelta(minutes=1)
"""How long a lane steps back when another is trying a peer on probation."""

_deliveries = table_of(Delivery)
_outbox = table_of(OutboxItem)
_REMOVE = delete(_deliveries).where(_deliveries.c.id.in_(bindparam("ids", expanding=True)))
_BODIES = select(_outbox.c.id, _outbox.c.body).where(_outbox.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(slots=True, kw_only=True, eq=False)
class HeldDelivery(Held):
    """A delivery this process is about to make."""

    outbox_id: int
    sender_id: int
    inbox: str
    host: str
    band: int


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
        outcomes: Counter[str] | None = None,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._requests = requests
        self._peers = peers
        self._rng = rng
        self._outcomes: Counter[str] = Counter() if outcomes is None else outcomes
        self._flights = Flights(IN_FLIGHT, slow=SLOW)
        self._doubtful = Flights(DOUBTFUL)
        self._places = Places(first=PER_NEW_HOST, quick=PER_HOST)
        self._held: Counter[int] = Counter()
        self._probed: set[str] = set()
        self._lanes: Lanes[HeldDelivery] = Lanes(
            HELD, lambda: bus.publish(WAKE_DELIVERY, {}), is_busy=lambda: self._flights.are_full
        )
        self._delivered: list[tuple[int, asyncio.Future[None]]] = []
        self._remover: asyncio.Task[None] | None = None

    async def pump(self) -> int:
        await self._lanes.reclaim(self._take_back)
        await self._peers.refresh(self._db)
        now = self._clock.now()
        async with self._db.reading() as tx:
            busy = await bands.with_something_due(tx, now)
        if not busy:
            return 0
        rows, bodies = await self._claimed(now, [band for band in busy if self._held[band] < HELD_OF_A_BAND])
        if not rows:
            self._lanes.keep_awake()
        lanes: defaultdict[tuple[str, int], list[HeldDelivery]] = defaultdict(list)
        for row in rows:
            lanes[row.host, row.sender_id].append(row)
        for (host, _), lane in lanes.items():
            self._held[lane[0].band] += len(lane)
            self._lanes.start(f"deliver to {host}", lane, self._run(host, lane, bodies))
        return len(rows)

    async def _claimed(
        self, now: datetime, busy: Sequence[int]
    ) -> tuple[list[HeldDelivery], dict[int, bytes]]:
        """Take an equal share of each of the queues, and none for hosts at whose door others wait."""
        if not busy:
            return [], {}
        rows: list[HeldDelivery] = []
        crowded = self._places.crowded()
        if crowded:
            self._lanes.keep_awake()
        async with self._db.transaction() as tx:
            for band in busy:
                rows += await claim(
                    tx,
                    Delivery,
                    HeldDelivery,
                    now=now,
                    lease=LEASE,
                    limit=min(BATCH // len(busy), HELD_OF_A_BAND - self._held[band]),
                    lane=("host", "sender_id"),
                    band=band,
                    without=crowded,
                )
            found = await tx.core(_BODIES, {"ids": list({row.outbox_id for row in rows})})
            return rows, {row.id: row.body for row in found}

    async def idle(self) -> None:
        await self._lanes.idle()

    async def _run(self, host: str, lane: list[HeldDelivery], bodies: Mapping[int, bytes]) -> None:
        try:
            await self._in_order(host, lane, bodies)
        finally:
            self._held[lane[0].band] -= len(lane)

    async def _in_order(self, host: str, lane: list[HeldDelivery], bodies: Mapping[int, bytes]) -> None:
        for position, row in enumerate(lane):
            rest = lane[position:]
            async with self._places.at(host), self._flights_to(host).of(row.band) as flight:
                if not await self._is_still_ours(rest):
                    log.warning("delivery.lease_lost", peer=host, rows=len(rest))
                    return
                if self._has_to_wait(host):  # no await from here to the probe: two would try at once
                    await self._step_back(host, rest)
                    return
                if self._peers.is_on_probation(host):
                    waits_until = await self._probe(row, bodies[row.outbox_id])
                else:
                    waits_until = await self._deliver(row, bodies[row.outbox_id])
                self._places.answered(host, quickly=waits_until is None and not flight.is_slow)
            if waits_until is not None:
                await self._give_back(rest[1:], waits_until)
                return

    def _flights_to(self, host: str) -> Flights:
        return self._doubtful if self._peers.is_troubled(host) else self._flights

    def _has_to_wait(self, host: str) -> bool:
        """Tell whether a host is left alone for now, or being tried by somebody else at this moment."""
        if self._peers.is_closed(host):
            return True
        return host in self._probed and self._peers.is_on_probation(host)

    async def _probe(self, row: HeldDelivery, body: bytes) -> datetime | None:
        """Try a host on probation; nobody else does meanwhile."""
        self._probed.add(row.host)
        try:
            return await self._deliver(row, body)
        finally:
            self._probed.discard(row.host)

    async def _deliver(self, row: HeldDelivery, body: bytes) -> datetime | None:
        """Make one attempt; return until when the lane has to wait, None when it may go on."""
        try:
            reply = await self._requests.post_bytes(
                row.inbox, body, sender_id=row.sender_id, item=row.outbox_id
            )
        except DatabaseAway:  # ours, not the peer's fault
            raise
        except Unavailable as error:
            return await self._failed(row, None, None, error.detail)
        except (Refused, Invalid, NotFound, Gone) as error:
            await self._give_up(row, error.detail)
            return None
        match backoff.judge(reply.status):
            case backoff.Verdict.DELIVERED:
                self._outcomes["delivered"] += 1
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
        self, row: HeldDelivery, status: int | None, retry_after: str | None, error: str
    ) -> datetime | None:
        wait = self._wait(row, status, retry_after)
        if wait is None:
            await self._give_up(row, error, status)
            return None
        until = self._clock.now() + wait
        aside = self._steps_aside(row, status)
        self._outcomes["put_off"] += 1
        log.info("delivery.put_off", peer=row.host, attempts=row.attempts, error=error, aside=aside)
        async with self._db.transaction() as tx:
            if _is_the_hosts(status):
                await self._peers.failed(tx, row.host)
            await self._put_off(tx, row, until, error, aside=aside)
        return None if aside else until

    def _steps_aside(self, row: HeldDelivery, status: int | None) -> bool:
        """Tell whether the rest of the lane may pass a delivery that fails again and again.

        A peer that breaks at one activity of ours, and took another's since it last did (or has answered
        for a whole day, only not well), would otherwise get nothing from its sender for a week.
        """
        if status is None or status < 500 or row.attempts < ASIDE_AFTER:
            return False
        is_old = self._clock.now() - moment_of(row.outbox_id) >= ASIDE_AT_LAST
        return is_old or not self._peers.is_troubled(row.host)

    def _wait(self, row: HeldDelivery, status: int | None, retry_after: str | None) -> timedelta | None:
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

    async def _put_off(self, tx: Tx, row: HeldDelivery, until: datetime, error: str, *, aside: bool) -> None:
        """Put off a delivery and with it all of its lane, which has to wait for it anyway.

        Otherwise what waits would look due, and be looked at, all the time. One that steps aside goes to
        the end of the lane instead.
        """
        values: dict[str, Any] = {"run_at": until, "leased_until": None, "error": error[:300]}
        columns = _deliveries.c
        if aside:
            values["id"] = self._ids.next()
        else:
            free = or_(columns.leased_until.is_(None), columns.leased_until <= self._clock.now())
            lane = and_(columns.host == row.host, columns.sender_id == row.sender_id, columns.id > row.id)
            await tx.core(
                update(_deliveries).where(lane, free, columns.run_at < until).values(run_at=until), {}
            )
        await tx.core(update(_deliveries).where(still_held(Delivery)).values(values), holding([row]))

    async def _give_up(self, row: HeldDelivery, error: str, status: int | None = 400) -> None:
        self._outcomes["given_up"] += 1
        log.info("delivery.given_up", peer=row.host, attempts=row.attempts, error=error)
        async with self._db.transaction() as tx:
            if _is_the_hosts(status):
                await self._peers.failed(tx, row.host)
            await dead_letters.keep(tx, row.id, error, self._clock.now())
            await tx.core(_REMOVE, {"ids": [row.id]})

    async def _step_back(self, host: str, rest: Sequence[HeldDelivery]) -> None:
        """Let go of a lane whose host is left alone for now, until it may be tried."""
        async with self._db.transaction() as tx:
            until = await self._peers.closed_until(tx, host)
            if until is None and host in self._probed:
                until = self._clock.now() + ONE_AT_A_TIME
            await give_back(tx, Delivery, rest, run_at=until)

    async def _is_still_ours(self, rest: Sequence[HeldDelivery]) -> bool:
        """Renew the lease when too little of it is left; False when it ran out and others have the rows."""
        now = self._clock.now()
        until = rest[0].leased_until
        if until is not None and until - now >= LEAST_LEASE:
            return True
        async with self._db.transaction() as tx:
            return await renew(tx, Delivery, rest, now + LEASE)

    async def _give_back(self, rest: Sequence[HeldDelivery], run_at: datetime) -> None:
        if rest:
            async with self._db.transaction() as tx:
                await give_back(tx, Delivery, rest, run_at=run_at)

    async def _take_back(self, lane: Sequence[HeldDelivery]) -> None:
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
                    await tx.core(_REMOVE, {"ids": [delivery_id for delivery_id, _ in batch]})
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


def _is_the_hosts(status: int | None) -> bool:
    """Tell whether a failure is a failure of the host: no answer at all, or one that it is broken."""
    return status is None or status >= 500
