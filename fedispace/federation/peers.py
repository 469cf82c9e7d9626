"""What we remember of each server: which signatures it takes, and whether it answers at all.

Kept in memory for speed and in `peers` for the next start. A host that fails too often in a
row is left alone for a while (its circuit is open): every delivery to it is moved behind that time
in one statement, so that a dead host costs nothing. A signed activity from it, or a delivery it
takes, closes the circuit at once. Rows of hosts nobody has heard from for `FORGET_AFTER` are pruned,
because a peer could name a hundred thousand hosts that do not exist (CVE-2026-69132).
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.federation.backoff import pause
from fedispace.federation.models import Delivery, Peer

Dialect = Literal["cavage", "rfc9421"]

FORGET_AFTER = timedelta(days=14)
REMEMBERED = 10_000


class Peers:
    """Reads and writes what we know of peers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._dialects: OrderedDict[str, Dialect] = OrderedDict()
        self._troubled: dict[str, int] = {}
        self._closed: dict[str, datetime] = {}

    async def load(self, tx: Tx) -> None:
        """Fill the memory at start; only hosts that say something are kept there."""
        rows = await tx.execute(select(Peer.host, Peer.signature, Peer.failures).limit(REMEMBERED))
        for host, signature, failures in rows:
            if signature:
                self._dialects[host] = "rfc9421" if signature == "rfc9421" else "cavage"
            if failures:
                self._troubled[host] = failures

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
        await self._upsert(tx, host, signature=dialect)

    async def failed(self, tx: Tx, host: str) -> None:
        """Count a failed delivery; open the circuit when there were too many in a row."""
        failures = self._troubled.get(host, 0) + 1
        self._troubled[host] = failures
        closed_until = None
        wait = pause(failures)
        if wait is not None:
            closed_until = self._clock.now() + wait
            self._closed[host] = closed_until
            await tx.execute(
                update(Delivery)
                .where(Delivery.host == host, Delivery.run_at < closed_until)
                .values(run_at=closed_until)
                .execution_options(synchronize_session=False)
            )
        await self._upsert(tx, host, failures=failures, closed_until=closed_until)

    def is_troubled(self, host: str) -> bool:
        """Tell whether the last delivery to `host` failed."""
        return host in self._troubled

    def is_closed(self, host: str) -> bool:
        """Tell whether `host` is being left alone for now."""
        until = self._closed.get(host)
        return until is not None and until > self._clock.now()

    async def answered(self, tx: Tx, host: str) -> None:
        """Close the circuit of `host`: it took something, or sent us something. Its queue is due now."""
        if self._troubled.pop(host, None) is None:
            return
        self._closed.pop(host, None)
        now = self._clock.now()
        await self._upsert(tx, host, failures=0, closed_until=None, last_reached_at=now)
        await tx.execute(
            update(Delivery)
            .where(Delivery.host == host, Delivery.run_at > now)
            .values(run_at=now)
            .execution_options(synchronize_session=False)
        )

    async def prune(self, tx: Tx) -> None:
        """Forget hosts that have been silent for long."""
        before = self._clock.now() - FORGET_AFTER
        await tx.execute(delete(Peer).where(Peer.last_heard_at < before))

    async def _upsert(self, tx: Tx, host: str, **values: object) -> None:
        now: datetime = self._clock.now()
        values["last_heard_at"] = now
        row = {"host": host, "failures": 0, **values}
        await tx.execute(
            insert(tx, Peer).values(row).on_conflict_do_update(index_elements=["host"], set_=values)
        )
