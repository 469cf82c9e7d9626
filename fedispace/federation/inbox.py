"""An activity comes in.

Two steps. `Inbox.accept` runs while the peer waits: one row, then 202. `InboxPump` does the rest: it
claims rows, keeps the order of each sender, finds the handler, fetches what the handler `needs` with
no transaction open, and then applies everything in one transaction that also marks the row done.

What can go wrong: a repeat of an activity finds its id taken and is done already. A handler that
refuses (`Refused`, `Invalid`, ...) drops the activity with its reason. A handler that crashes is tried
`TRIES` times and then set aside as `failed`, so that one poisoned activity never stops its sender's
others for long, nor anybody else's. A killed process leaves a lease that runs out.

Arrivals within a few milliseconds share one INSERT, which costs a tenth of a transaction each.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, update

from fedispace import strictjson
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import FedispaceError, Refused, Unavailable
from fedispace.federation import codec
from fedispace.federation.models import InboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Found, InboxRoutes, Needs, Verified
from fedispace.federation.vocab.activities import Activity
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.queue.leases import claim, is_any_due

log = structlog.get_logger()

WAKE_INBOX = "wake.inbox"
WINDOW = 0.003
BATCH = 64
LEASE = timedelta(minutes=5)
TRIES = 3
RETRY_AFTER = timedelta(seconds=20)
REMEMBER = timedelta(days=7)

Handler = Callable[[Tx, Verified[Any], Found], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """The handlers of one activity. A bare id may be anybody's, so several features may be asked."""

    needs: tuple[Needs, ...]
    handlers: tuple[Handler, ...]

    def wanted(self, activity: Activity) -> Iterator[Uri]:
        for needs in self.needs:
            yield from needs(activity)


class InboxTable:
    """Every feature's handlers, by what they take."""

    def __init__(self) -> None:
        self._exact: dict[tuple[type, type], Entry] = {}
        self._bare: dict[type, Entry] = {}

    def mount(self, routes: InboxRoutes, feature: object) -> None:
        """Bind a feature's routes to the feature.

        Two handlers of one (activity, object) pair are a programming error. A route without an object
        class is for bare ids: several features may take those, and each leaves alone what is not its.
        """
        for route in routes.table:
            handler = route.handler.__get__(feature)
            if route.object is None:
                earlier = self._bare.get(route.activity, Entry((), ()))
                self._bare[route.activity] = Entry(
                    (*earlier.needs, route.needs), (*earlier.handlers, handler)
                )
                continue
            key = (route.activity, route.object)
            if key in self._exact:
                raise ValueError(f"two handlers for {key}")
            self._exact[key] = Entry((route.needs,), (handler,))

    def find(self, activity: Activity) -> Entry | None:
        carried = getattr(activity, "inner", None)
        if carried is None:
            carried = getattr(activity, "object", None)
        return self._exact.get((type(activity), type(carried))) or self._bare.get(type(activity))


class Inbox:
    """Takes verified activities in."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, bus: Bus) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._arrivals: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def accept(self, verified: Verified[Activity], body: bytes) -> None:
        """Write the activity down; returns when it is durable. A repeat is not an error."""
        now = self._clock.now()
        row = {
            "id": self._ids.next(),
            "activity_id": verified.activity.id,
            "actor": verified.sender,
            "body": body,
            "received_at": now,
            "run_at": now,
            "attempts": 0,
            "state": "pending",
        }
        durable = asyncio.get_running_loop().create_future()
        self._arrivals.append((row, durable))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await durable

    async def _write(self) -> None:
        await asyncio.sleep(WINDOW)
        while self._arrivals:
            batch, self._arrivals = self._arrivals[:256], self._arrivals[256:]
            try:
                async with self._db.transaction() as tx:
                    await tx.execute(
                        insert(tx, InboxItem).on_conflict_do_nothing(), [row for row, _ in batch]
                    )
            except Exception as error:
                log.exception("inbox.write_failed", waiting=len(batch))
                for _, durable in batch:
                    if not durable.done():
                        failure = Unavailable("The database is away; send it again later.")
                        failure.__cause__ = error
                        durable.set_exception(failure)
                continue
            for _, durable in batch:
                if not durable.done():
                    durable.set_result(None)
            self._bus.publish(WAKE_INBOX, {})


def _pending(table: type[InboxItem]) -> ColumnElement[bool]:
    return table.state == "pending"


class InboxPump:
    """Applies what came in."""

    wake_topic = WAKE_INBOX

    def __init__(
        self, db: Database, clock: Clock, table: InboxTable, resolver: Resolver, peers: Peers
    ) -> None:
        self._db = db
        self._clock = clock
        self._table = table
        self._resolver = resolver
        self._peers = peers
        self._slots = asyncio.Semaphore(8)

    async def pump(self) -> int:
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, InboxItem, now, _pending):
                return 0
        async with self._db.transaction() as tx:
            items = await claim(
                tx, InboxItem, now=now, lease=LEASE, limit=BATCH, where=_pending, lane=(InboxItem.actor,)
            )
        senders: defaultdict[str, list[InboxItem]] = defaultdict(list)
        for item in items:
            senders[item.actor].append(item)
        await asyncio.gather(*(self._in_order(queue) for queue in senders.values()))
        return len(items)

    async def idle(self) -> None:
        return

    async def prune(self) -> None:
        """Forget what was done long ago; until then a repeat is recognised by its id."""
        before = self._clock.now() - REMEMBER
        async with self._db.transaction() as tx:
            await tx.execute(
                delete(InboxItem).where(InboxItem.state != "pending", InboxItem.received_at < before)
            )

    async def _in_order(self, queue: list[InboxItem]) -> None:
        async with self._slots:
            for position, item in enumerate(queue):
                if not await self._apply(item):
                    await self._release(queue[position + 1 :])
                    return

    async def _apply(self, item: InboxItem) -> bool:
        """Apply one activity; tell whether its sender's next may follow."""
        try:
            activity = codec.read_activity(strictjson.loads(item.body))
            entry = self._table.find(activity)
            if entry is None:
                log.info("inbox.ignored", type=_kind(activity), activity=item.activity_id)
                await self._finish(item, "ignored", _kind(activity))
                return True
            found = await self._resolver.documents(entry.wanted(activity))
            async with self._db.transaction() as tx:
                for handle in entry.handlers:
                    await handle(tx, Verified(activity, Uri(item.actor)), found)
                await self._peers.answered(tx, host_of(item.actor))
                await self._mark(tx, item, "done", None)
        except Unavailable as error:
            return await self._put_off(item, error)
        except FedispaceError as error:
            reason = error.reason if isinstance(error, Refused) else type(error).__name__
            log.info("inbox.dropped", reason=reason, activity=item.activity_id, detail=error.detail)
            await self._finish(item, "dropped", f"{reason}: {error.detail}")
        except Exception as error:
            log.exception("inbox.crashed", activity=item.activity_id)
            return await self._put_off(item, error)
        return True

    async def _put_off(self, item: InboxItem, error: Exception) -> bool:
        if item.attempts >= TRIES:
            await self._finish(item, "failed", repr(error)[:500])
            return True
        async with self._db.transaction() as tx:
            await tx.execute(
                update(InboxItem)
                .where(InboxItem.id == item.id)
                .values(leased_until=None, run_at=self._clock.now() + RETRY_AFTER * item.attempts)
            )
        return False

    async def _release(self, rest: list[InboxItem]) -> None:
        if not rest:
            return
        async with self._db.transaction() as tx:
            await tx.execute(
                update(InboxItem)
                .where(InboxItem.id.in_([item.id for item in rest]))
                .values(leased_until=None, attempts=InboxItem.attempts - 1)
            )

    async def _finish(self, item: InboxItem, state: str, note: str | None) -> None:
        async with self._db.transaction() as tx:
            await self._mark(tx, item, state, note)

    async def _mark(self, tx: Tx, item: InboxItem, state: str, note: str | None) -> None:
        await tx.execute(
            update(InboxItem)
            .where(InboxItem.id == item.id)
            .values(state=state, note=None if note is None else note[:500], leased_until=None)
            .execution_options(synchronize_session=False)
        )


def _kind(activity: Activity) -> str:
    return getattr(activity, "type", None) or type(activity).__name__
