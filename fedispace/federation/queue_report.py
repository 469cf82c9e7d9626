"""What waits, since when, and who does not answer: the operator's view of the queues."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.federation.backoff import is_dead
from fedispace.federation.models import Delivery, Fanout, InboxItem, Peer
from fedispace.ids import moment_of
from fedispace.queue.models import Job

HOSTS_AT_MOST = 50

_deliveries = table_of(Delivery)
_peers = table_of(Peer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much of a kind waits, and since when the oldest of it does."""

    kind: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentHost:
    """A server that does not answer, and how much waits for it."""

    host: str
    failures: int
    failing_since: datetime | None
    closed_until: datetime | None
    is_dead: bool
    waiting: int


async def waiting(tx: Tx) -> list[Waiting]:
    """Return what waits, kind by kind. A row's id tells when it was made."""
    items, jobs, fanouts = table_of(InboxItem), table_of(Job), table_of(Fanout)
    asked = {
        "deliveries": select(func.count(), func.min(_deliveries.c.id)),
        "fan-outs": select(func.count(), func.min(fanouts.c.id)),
        "inbox": select(func.count(), func.min(items.c.id)).where(items.c.state == "pending"),
        "jobs": select(func.count(), func.min(jobs.c.id)).where(jobs.c.failed_at.is_(None)),
    }
    found = []
    for kind, question in asked.items():
        count, oldest = (await tx.core(question, {})).one()
        found.append(Waiting(kind=kind, count=count, oldest=moment_of(oldest) if oldest else None))
    return found


async def silent_hosts(tx: Tx, clock: Clock) -> list[SilentHost]:
    """Return the servers that are left alone for now, or for good, the longest silent first."""
    queued = (
        select(func.count()).select_from(_deliveries).where(_deliveries.c.host == _peers.c.host)
    ).scalar_subquery()
    now = clock.now()
    rows = await tx.core(
        select(_peers, queued.label("queued"))
        .where(_peers.c.failures > 0, or_(_peers.c.closed_until > now, _peers.c.failing_since.is_not(None)))
        .order_by(_peers.c.failing_since, _peers.c.host)
        .limit(HOSTS_AT_MOST),
        {},
    )
    return [
        SilentHost(
            host=row.host,
            failures=row.failures,
            failing_since=row.failing_since,
            closed_until=row.closed_until if row.closed_until and row.closed_until > now else None,
            is_dead=is_dead(row.failing_since, now),
            waiting=row.queued,
        )
        for row in rows
    ]
