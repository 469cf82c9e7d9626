"""An activity comes in.

Two steps. `Inbox.accept` runs while the peer waits: one row, then 202. `InboxPump` does the rest: it
claims rows, keeps the order of each sender, finds the handler, fetches what the handler `needs` with
no transaction open, and then applies everything in one transaction that also marks the row done.

What can go wrong: a repeat of an activity finds its id taken and is done already. A handler that
refuses (`Refused`, `Invalid`, ...) drops the activity with its reason. A handler that crashes is tried
`TRIES` times and then set aside as `failed`, so that one poisoned activity never stops its sender's
others for long, nor anybody else's. A killed process leaves a lease that runs out.

An activity that was tried before, or that needs something fetched, is applied alone: the rest of its
lane is given back first. So what kills the process is the only one whose attempts add up, and a peer
that makes us fetch from a server that hangs holds one row and not the whole inbox.

Arrivals within a few milliseconds share one INSERT, which costs a tenth of a transaction each; while more
keep coming, a few milliseconds longer. A COMMIT costs as much CPU as two or three activities do.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Any, Final, Protocol

import msgspec
import structlog
from sqlalchemy import Boolean, ColumnElement, bindparam, case, exists, literal, select, update

from fedispace import strictjson
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import add_all_new
from fedispace.errors import FedispaceError, Refused, Unavailable
from fedispace.federation import codec
from fedispace.federation.fanout import WAKE_DELIVERY
from fedispace.federation.lanes import Lanes
from fedispace.federation.models import InboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Found, InboxRoutes, Needs, Verified
from fedispace.federation.vocab.activities import Activity, Follow, Several
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.queue.leases import Columns, Held, claim, give_back, is_any_due, renew

log = structlog.get_logger()

WAKE_INBOX = "wake.inbox"
WINDOW = 0.002
MOMENT = 0.001
MOMENTS = 8
TOGETHER = 256
WAITING = 1024
"""Arrivals that may wait for the database; more are sent away with a 503, and come back."""
BATCH = 64
HELD = 1024
FETCHING = 32
APPLYING: Final[Mapping[str, int]] = {"sqlite": 16, "postgresql": 8}
"""How many are applied side by side. On SQLite they stand in one line, and the longer it is the more of
them share a COMMIT; on PostgreSQL each has a connection of the pool from which the doors take theirs."""
FETCH_SECONDS = 45.0
LEASE = timedelta(minutes=5)
LEAST_LEASE = timedelta(minutes=2)
TRIES = 3
DEATHS = 10
"""Attempts after which an activity that never came to an end is taken for what kills the process."""
RETRY_AFTER = timedelta(seconds=20)
AFTER_A_BREAK = timedelta(seconds=5)
REMEMBER = timedelta(days=7)

_items = table_of(InboxItem)
_MARK = (
    update(_items)
    .where(_items.c.id == bindparam("item"), _items.c.state == "pending")
    .values(
        state=bindparam("outcome"),
        note=bindparam("reason"),
        leased_until=None,
        # Its id is all that knowing a repeat takes; the words are not kept past their deletion. What
        # failed keeps them, to be tried again.
        body=case((bindparam("keeps", type_=Boolean), _items.c.body), else_=b""),
    )
)

_SIGNED: Final = " signed "
"""Stands between the id of a Follow and when it was signed; no id has a space."""

Handler = Callable[[Tx, Verified[Any], Found], Awaitable[None]]
Heard = Callable[[str], Awaitable[None]]
"""Is told who sends, once for each of their lanes; it is not to fetch."""


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
        self._arrivals: list[_Arrival] = []
        self._writer: asyncio.Task[None] | None = None

    async def accept(self, verified: Verified[Activity], body: bytes) -> None:
        """Write the activity down; returns when it is durable. A repeat is not an error.

        One about several objects is written down as one for each. A Follow is known by its id and by when
        it was signed: some peers give each Follow of the same two the same id.
        """
        if not isinstance(verified.activity, Several):
            known_by: str = verified.activity.id
            if isinstance(verified.activity, Follow) and verified.signed_at is not None:
                known_by += f"{_SIGNED}{verified.signed_at:%Y-%m-%dT%H:%M:%SZ}"
            await self._accept(known_by, verified.sender, body)
            return
        for part in codec.apart(strictjson.loads(body)):
            await self._accept(part["id"], verified.sender, msgspec.json.encode(part))

    async def _accept(self, activity_id: str, sender: str, body: bytes) -> None:
        if len(self._arrivals) >= WAITING:
            raise Unavailable("Too much is arriving; send it again later.")
        durable = asyncio.get_running_loop().create_future()
        self._arrivals.append((activity_id, sender, body, durable))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await durable

    async def _write(self) -> None:
        await asyncio.sleep(WINDOW)
        while self._arrivals:
            await self._all_here()
            batch, self._arrivals = self._arrivals[:TOGETHER], self._arrivals[TOGETHER:]
            rows = self._rows(batch)
            failure: Unavailable | None = None
            try:
                async with self._db.transaction() as tx:
                    await add_all_new(tx, InboxItem, rows)
            except Exception as error:
                log.exception("inbox.write_failed", waiting=len(batch))
                failure = Unavailable("The database is away; send it again later.")
                failure.__cause__ = error
            for *_, durable in batch:
                if durable.done():
                    continue
                if failure is None:
                    durable.set_result(None)
                else:
                    durable.set_exception(failure)
            if failure is None:
                self._bus.publish(WAKE_INBOX, {})

    async def _all_here(self) -> None:
        """Wait while they keep arriving, but not for long."""
        for _ in range(MOMENTS):
            known = len(self._arrivals)
            await asyncio.sleep(MOMENT)
            if len(self._arrivals) == known or known >= TOGETHER:
                return

    def _rows(self, batch: Sequence["_Arrival"]) -> list[dict[str, Any]]:
        """Return the rows of arrivals; their ids are in the order in which they came."""
        now = self._clock.now()
        rows = [
            {
                "id": id_,
                "activity_id": activity_id,
                "actor": sender,
                "body": body,
                "received_at": now,
                "run_at": now,
                "attempts": 0,
                "state": "pending",
            }
            for id_, (activity_id, sender, body, _) in zip(self._ids.several(len(batch)), batch, strict=True)
        ]
        # Two processes that insert the same ids in two orders would wait for each other forever.
        return sorted(rows, key=itemgetter("activity_id"))


_Arrival = tuple[str, str, bytes, "asyncio.Future[None]"]
"""An activity's id, its sender, its bytes, and what is done when it is durable."""


def pending(columns: Columns) -> ColumnElement[bool]:
    """Return the condition of what waits; spelled out, because the partial indexes are."""
    return columns.state == literal("pending", literal_execute=True)


async def _was_signed_later(tx: Tx, known_by: str) -> bool:
    """Tell whether the same Follow came with a later signature: then this is one that was held back."""
    known, same = _items.c.activity_id, known_by.partition(_SIGNED)[0] + _SIGNED
    # A range, for the index; the database's own order of words may put others in between.
    later = exists().where(known > known_by, known < f"{same}9999", known.startswith(same, autoescape=True))
    return bool(await tx.scalar(select(later)))


@dataclass(slots=True, kw_only=True, eq=False)
class HeldItem(Held):
    """An activity this process is about to apply."""

    activity_id: str
    actor: str
    body: bytes


class Onward(Protocol):
    """Passes on what came in to others whom it concerns (inbox forwarding, ActivityPub section 7.1.2)."""

    async def is_proven(self, activity: Activity, body: bytes) -> bool: ...

    async def answered(self, tx: Tx, activity: Activity) -> int | None: ...

    async def forward(self, tx: Tx, author_id: int, activity: Activity, body: bytes) -> None: ...


class InboxPump:
    """Applies what came in."""

    wake_topic = WAKE_INBOX

    def __init__(
        self,
        db: Database,
        clock: Clock,
        bus: Bus,
        table: InboxTable,
        resolver: Resolver,
        peers: Peers,
        onward: Onward | None = None,
        *,
        heard_of: Heard | None = None,
        outcomes: Counter[str] | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._bus = bus
        self._table = table
        self._resolver = resolver
        self._peers = peers
        self._onward = onward
        self._heard_of = heard_of
        self._outcomes: Counter[str] = Counter() if outcomes is None else outcomes
        self._fetching = asyncio.Semaphore(FETCHING)
        self._applying = asyncio.Semaphore(APPLYING[db.dialect])
        self._lanes: Lanes[HeldItem] = Lanes(HELD, lambda: bus.publish(WAKE_INBOX, {}))

    async def pump(self) -> int:
        await self._lanes.room(BATCH)
        await self._lanes.reclaim(self._take_back)
        now = self._clock.now()
        async with self._db.reading() as tx:
            if not await is_any_due(tx, InboxItem, now, pending):
                return 0
        async with self._db.transaction() as tx:
            items = await claim(
                tx, InboxItem, HeldItem, now=now, lease=LEASE, limit=BATCH, where=pending, lane=("actor",)
            )
        if not items:
            self._lanes.keep_awake()
        senders: defaultdict[str, list[HeldItem]] = defaultdict(list)
        for item in items:
            senders[item.actor].append(item)
        for actor, lane in senders.items():
            self._lanes.start(f"apply what {actor} sent", lane, self._in_order(lane))
        return len(items)

    async def idle(self) -> None:
        await self._lanes.idle()

    async def prune(self) -> None:
        """Forget what was done long ago; until then a repeat is recognised by its id.

        What failed is a dead letter, which stays longer (`dead_letters.py`).
        """
        over = InboxItem.received_at < self._clock.now() - REMEMBER
        await forget(self._db, InboxItem, InboxItem.state.not_in(("pending", "failed")), over)

    async def _in_order(self, lane: list[HeldItem]) -> None:
        await self._let_try(host_of(lane[0].actor))
        if self._heard_of is not None:
            await self._heard_of(lane[0].actor)
        for position, item in enumerate(lane):
            rest = lane[position + 1 :]
            read = self._read(item)
            alone = item.attempts > 1 or (isinstance(read, _Read) and bool(read.wanted))
            if alone:
                await self._release(rest)
                rest = []
            if not await self._is_still_ours([item, *rest]):
                log.warning("inbox.lease_lost", sender=item.actor, rows=len(rest) + 1)
                return
            if not await self._apply(item, read):
                await self._release(rest)
                return
            if alone:
                return

    async def _let_try(self, host: str) -> None:
        """Have a host that failed us tried again: what it sends shows that it is there."""
        if self._peers.is_worth_a_try(host):
            async with self._db.transaction() as tx:
                await self._peers.heard(tx, host)
                tx.after_commit(lambda: self._bus.publish(WAKE_DELIVERY, {}))

    def _read(self, item: HeldItem) -> "_Read | Exception":
        try:
            activity = codec.read_activity(strictjson.loads(item.body))
            entry = self._table.find(activity)
            return _Read(activity, entry, tuple(entry.wanted(activity)) if entry else ())
        except Exception as error:  # noqa: BLE001 - raised again where the retries are
            return error

    async def _apply(self, item: HeldItem, read: "_Read | Exception") -> bool:
        """Apply one activity; tell whether its sender's next may follow."""
        if item.attempts > DEATHS:
            await self._finish(item, "failed", "the process ended each time this was applied")
            return True
        try:
            if isinstance(read, Exception):
                raise read
            if read.entry is None:
                log.info("inbox.ignored", type=_kind(read.activity), activity=item.activity_id)
                await self._finish(item, "ignored", _kind(read.activity))
                return True
            found = await self._found(read.wanted)
            onward = self._onward
            if onward is not None and not await onward.is_proven(read.activity, item.body):
                onward = None
            async with self._applying, self._db.transaction() as tx:
                if _SIGNED in item.activity_id and await _was_signed_later(tx, item.activity_id):
                    raise Refused("repeated", "It came already, signed later than this.", status=202)
                if await self._mark(tx, item, "done", None):
                    answered = await onward.answered(tx, read.activity) if onward else None
                    for handle in read.entry.handlers:
                        await handle(tx, Verified(read.activity, Uri(item.actor), item.body), found)
                    if onward is not None and answered is not None:
                        await onward.forward(tx, answered, read.activity, item.body)
            self._outcomes["applied"] += 1
        except Unavailable as error:
            return await self._put_off(item, error)
        except FedispaceError as error:
            reason = error.reason if isinstance(error, Refused) else type(error).__name__
            log.info("inbox.dropped", reason=reason, activity=item.activity_id, detail=error.detail)
            await self._finish(item, "dropped", f"{reason}: {error.detail}")
        except Exception as error:
            self._outcomes["crashed"] += 1
            log.exception("inbox.crashed", activity=item.activity_id)
            return await self._put_off(item, error)
        return True

    async def _found(self, wanted: Sequence[Uri]) -> Found:
        if not wanted:
            return await self._resolver.documents(())
        try:
            async with self._fetching, asyncio.timeout(FETCH_SECONDS):
                return await self._resolver.documents(wanted)
        except TimeoutError as error:
            raise Unavailable("What the activity needs could not be fetched in time.") from error

    async def _put_off(self, item: HeldItem, error: Exception) -> bool:
        if item.attempts >= TRIES:
            await self._finish(item, "failed", repr(error)[:500])
            return True
        run_at = self._clock.now() + RETRY_AFTER * item.attempts
        async with self._db.transaction() as tx:
            await give_back(tx, InboxItem, [item], run_at=run_at, begun=True)
        return False

    async def _is_still_ours(self, items: Sequence[HeldItem]) -> bool:
        """Renew the lease when too little of it is left; False when others have the rows by now."""
        now = self._clock.now()
        until = items[0].leased_until
        if until is not None and until - now >= LEAST_LEASE:
            return True
        async with self._db.transaction() as tx:
            return await renew(tx, InboxItem, items, now + LEASE)

    async def _release(self, rest: Sequence[HeldItem]) -> None:
        if rest:
            async with self._db.transaction() as tx:
                await give_back(tx, InboxItem, rest)
            self._lanes.keep_awake()

    async def _take_back(self, lane: Sequence[HeldItem]) -> None:
        """Free the rows of a lane that broke off, but not for this very moment."""
        async with self._db.transaction() as tx:
            await give_back(tx, InboxItem, lane, run_at=self._clock.now() + AFTER_A_BREAK, begun=True)

    async def _finish(self, item: HeldItem, state: str, note: str | None) -> None:
        self._outcomes[state] += 1
        async with self._db.transaction() as tx:
            await self._mark(tx, item, state, note)

    async def _mark(self, tx: Tx, item: HeldItem, state: str, note: str | None) -> bool:
        """Write what became of an activity; False when another process was first."""
        reason = None if note is None else note[:500]
        said = {"item": item.id, "outcome": state, "reason": reason, "keeps": state == "failed"}
        return (await tx.core(_MARK, said)).rowcount == 1


@dataclass(frozen=True, slots=True)
class _Read:
    """An activity with who applies it and what it needs."""

    activity: Activity
    entry: Entry | None
    wanted: tuple[Uri, ...]


def _kind(activity: Activity) -> str:
    return getattr(activity, "type", None) or type(activity).__name__
