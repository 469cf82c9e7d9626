"""What we remember of each server: which signatures it takes, and whether it answers at all.

`peers` in the database is the truth that all processes share; memory is a copy for the hot path, read
again every few seconds.

A host that fails too often in a row is left alone for a while (its circuit is open): every delivery to
it is moved behind that time in one statement, so that a dead host costs nothing. After that time one
delivery is tried, and only when the host takes it the others follow. A signed activity from the host
lets us try at once, though at most once a minute: a server whose inbox is broken may well go on
sending. Only a delivery that was taken proves that it answers, and sets everything that waits free.

A host that has failed for a week without once taking anything is dead: it is tried once a day, and
what goes to followers is no longer queued for it (`fanout.py`), until it takes something again.

Rows of hosts without news for `FORGET_AFTER`, and beyond `REMEMBERED` of them, are pruned, because a
peer could name a hundred thousand hosts that do not exist (CVE-2026-69132).
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.federation.backoff import OPENS_AFTER, is_dead, pause
from fedispace.federation.models import Delivery, Peer

Dialect = Literal["cavage", "rfc9421"]

FORGET_AFTER = timedelta(days=14)
REMEMBERED = 10_000
READ_AGAIN_SECONDS = 10.0
HEARD_AT_MOST_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Circuit:
    """How often a host failed in a row, and until when it is left alone."""

    failures: int
    closed_until: datetime | None
    failing_since: datetime | None


class Peers:
    """Reads and writes what we know of peers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._dialects: OrderedDict[str, Dialect] = OrderedDict()
        self._circuits: dict[str, Circuit] = {}
        self._read_at: float | None = None
        self._heard: OrderedDict[str, datetime] = OrderedDict()

    async def load(self, tx: Tx) -> None:
        """Fill the memory at start; only hosts that say something are kept there."""
        rows = await tx.execute(
            select(Peer.host, Peer.signature)
            .where(Peer.signature.is_not(None))
            .order_by(Peer.last_heard_at.desc())
            .limit(REMEMBERED)
        )
        for host, signature in rows:
            self._dialects[host] = "rfc9421" if signature == "rfc9421" else "cavage"
        await self._read_circuits(tx)

    async def refresh(self, db: Database) -> None:
        """Read again what other processes learned about who fails, every few seconds."""
        if self._read_at is None or self._clock.monotonic() - self._read_at >= READ_AGAIN_SECONDS:
            async with db.reading() as tx:
                await self._read_circuits(tx)

    async def _read_circuits(self, tx: Tx) -> None:
        self._read_at = self._clock.monotonic()
        before = dict(self._circuits)
        rows = await tx.execute(
            select(Peer.host, Peer.failures, Peer.closed_until, Peer.failing_since)
            .where(Peer.failures > 0)
            .limit(REMEMBERED)
        )
        read = {host: Circuit(failures, until, since) for host, failures, until, since in rows}
        for host in self._circuits.keys() | before.keys():
            if not self._is_as_before(host, before.get(host)):  # the rows were read before that happened
                self._copy(host, self._circuits.get(host), to=read)
        self._circuits = read

    def dialect(self, host: str) -> Dialect | None:
        """Return the signature dialect `host` is known to take, or None when that is not known."""
        return self._dialects.get(host)

    def learned(self, host: str, dialect: Dialect) -> bool:
        """Remember what `host` took; tell whether that is news worth a row."""
        if self._dialects.get(host) == dialect:
            return False
        self._dialects[host] = dialect
        if len(self._dialects) > REMEMBERED:
            self._dialects.popitem(last=False)
        return True

    async def write_dialect(self, tx: Tx, host: str, dialect: Dialect) -> None:
        """Keep a learned dialect beyond this process."""
        said = {"signature": dialect, "last_heard_at": self._clock.now()}
        await tx.execute(
            insert(tx, Peer)
            .values(host=host, failures=0, **said)
            .on_conflict_do_update(index_elements=["host"], set_=said)
        )

    def is_troubled(self, host: str) -> bool:
        """Tell whether the last delivery to `host` failed."""
        return host in self._circuits

    def is_on_probation(self, host: str) -> bool:
        """Tell whether `host` failed so often that only one delivery at a time is worth a try."""
        circuit = self._circuits.get(host)
        return circuit is not None and circuit.failures >= OPENS_AFTER

    def is_closed(self, host: str) -> bool:
        """Tell whether `host` is being left alone for now."""
        circuit = self._circuits.get(host)
        return (
            circuit is not None
            and circuit.closed_until is not None
            and circuit.closed_until > self._clock.now()
        )

    def is_given_up(self, host: str) -> bool:
        """Tell whether nothing more is queued for `host`: it is dead, and today it was tried."""
        circuit = self._circuits.get(host)
        return (
            circuit is not None and is_dead(circuit.failing_since, self._clock.now()) and self.is_closed(host)
        )

    async def closed_until(self, tx: Tx, host: str) -> datetime | None:
        """Return until when `host` is left alone, by the word of the database; memory learns it too.

        Unless memory learned something else meanwhile: that was committed after what is read here.
        """
        before = self._circuits.get(host)
        row = (
            await tx.execute(
                select(Peer.failures, Peer.closed_until, Peer.failing_since).where(Peer.host == host)
            )
        ).one_or_none()
        failures, until, since = row or (0, None, None)

        def learn() -> None:
            if self._is_as_before(host, before):
                self._know(host, failures, until, since)

        tx.after_commit(learn)
        return until if until is not None and until > self._clock.now() else None

    async def failed(self, tx: Tx, host: str) -> None:
        """Count a failed delivery; open the circuit when there were too many in a row.

        The row of the peer is written first: those who move the deliveries of one host so wait for
        each other instead of locking each other's rows.
        """
        now = self._clock.now()
        row = (
            await tx.execute(
                insert(tx, Peer)
                .values(host=host, failures=1, failing_since=now, last_heard_at=now)
                .on_conflict_do_update(
                    index_elements=["host"],
                    set_={
                        "failures": Peer.failures + 1,
                        "failing_since": func.coalesce(Peer.failing_since, now),
                        "last_heard_at": now,
                    },
                )
                .returning(Peer.failures, Peer.failing_since)
            )
        ).one()
        failures, since = row
        wait = pause(failures, dead=is_dead(since, now))
        until = None if wait is None else now + wait
        if until is not None:
            await tx.execute(update(Peer).where(Peer.host == host).values(closed_until=until))
            await self._move(tx, host, Delivery.run_at < until, until)
        tx.after_commit(lambda: self._know_at_least(host, failures, until, since))

    async def reached(self, tx: Tx, host: str) -> None:
        """Close the circuit of `host`: it took a delivery. If it was open, everything that waits is due now.

        If it was not, what waits does so on its own account, and others' success is no reason to hurry.
        """
        now = self._clock.now()
        await tx.execute(
            update(Peer)
            .where(Peer.host == host)
            .values(failures=0, failing_since=None, closed_until=None, last_reached_at=now, last_heard_at=now)
        )
        if self.is_on_probation(host):
            await self._move(tx, host, Delivery.run_at > now, now)
        tx.after_commit(lambda: self._know(host, 0, None, None))

    def is_worth_a_try(self, host: str) -> bool:
        """Tell whether an activity from `host` is a reason to try it: it was dead, and not tried just now."""
        if not self.is_on_probation(host):
            return False
        heard = self._heard.get(host)
        return heard is None or self._clock.now() - heard >= HEARD_AT_MOST_EVERY

    async def heard(self, tx: Tx, host: str) -> None:
        """Let `host` be tried at once: it sent us something. That it failed is not forgotten yet."""
        now = self._clock.now()
        self._heard[host] = now
        self._heard.move_to_end(host)
        if len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)
        row = (
            await tx.execute(
                update(Peer)
                .where(Peer.host == host)
                .values(closed_until=None, last_heard_at=now)
                .returning(Peer.failures, Peer.failing_since)
            )
        ).one_or_none()
        failures, since = row or (0, None)
        await self._move(tx, host, Delivery.run_at > now, now)
        tx.after_commit(lambda: self._know(host, failures, None, since))

    async def prune(self, tx: Tx) -> None:
        """Forget hosts without news for long, and the oldest when there are too many."""
        beyond = select(Peer.host).order_by(Peer.last_heard_at.desc()).offset(REMEMBERED).limit(REMEMBERED)
        await tx.execute(
            delete(Peer)
            .where(or_(Peer.last_heard_at < self._clock.now() - FORGET_AFTER, Peer.host.in_(beyond)))
            .execution_options(synchronize_session=False)
        )

    async def _move(self, tx: Tx, host: str, which: ColumnElement[bool], run_at: datetime) -> None:
        """Move the deliveries nobody holds; who holds one decides about it."""
        now = self._clock.now()
        free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now)
        await tx.execute(
            update(Delivery)
            .where(and_(Delivery.host == host, free, which))
            .values(run_at=run_at)
            .execution_options(synchronize_session=False)
        )

    def _know_at_least(
        self, host: str, failures: int, closed_until: datetime | None, since: datetime | None
    ) -> None:
        """Learn of a failure. Those of several deliveries are heard of in any order; the last one counts."""
        circuit = self._circuits.get(host)
        if circuit is None or circuit.failures < failures:
            self._know(host, failures, closed_until, since)

    def _know(self, host: str, failures: int, closed_until: datetime | None, since: datetime | None) -> None:
        circuit = Circuit(failures, closed_until, since) if failures else None
        self._copy(host, circuit, to=self._circuits)

    def _is_as_before(self, host: str, before: Circuit | None) -> bool:
        return self._circuits.get(host) is before

    @staticmethod
    def _copy(host: str, circuit: Circuit | None, *, to: dict[str, Circuit]) -> None:
        if circuit is None:
            to.pop(host, None)
        else:
            to[host] = circuit
