"""Dead letters: what was given up, kept for the operator to see, send again, or drop.

Three kinds. A delivery that a peer refused, or did not take for a week, moves to `dead_deliveries`. An
activity that arrived and could not be applied stays in `inbox_items` as `failed`. A job that failed too
often stays in `jobs` with `failed_at`. All of them are forgotten after a month (reference P-14 of the
security notes), and of deliveries no more than `AT_MOST` are kept: every post to followers on a dead
server leaves one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert as insert_new
from fedispace.federation import bands
from fedispace.federation.models import DeadDelivery, Delivery, InboxItem, OutboxItem
from fedispace.ids import Ids, id_at
from fedispace.queue.models import Job

KEPT_FOR: Final = timedelta(days=30)
AT_MOST: Final = 50_000
WAITED_AT_MOST: Final = timedelta(days=10)
AT_ONCE: Final = 500

_letters = table_of(DeadDelivery)
_deliveries = table_of(Delivery)
_outbox = table_of(OutboxItem)
_items = table_of(InboxItem)
_jobs = table_of(Job)

_COPIED = ("id", "outbox_id", "sender_id", "inbox", "host", "attempts")
_KEEP = insert(_letters).from_select(
    [*_COPIED, "error", "failed_at"],
    select(
        *(_deliveries.c[name] for name in _COPIED),
        bindparam("why", type_=_letters.c.error.type),
        bindparam("at", type_=_letters.c.failed_at.type),
    ).where(_deliveries.c.id.in_(bindparam("ids", expanding=True))),
)
_REMOVE = delete(_deliveries).where(_deliveries.c.id.in_(bindparam("ids", expanding=True)))


class Kind(StrEnum):
    """What a dead letter was."""

    DELIVERIES = "deliveries"
    INBOX = "inbox"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which dead letters are meant: of a kind, of one server, or a single one. Nothing named means all."""

    kind: Kind
    id: int | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter as it is listed; `subject` says what it was about."""

    kind: Kind
    id: int
    subject: str
    attempts: int
    error: str | None
    at: datetime | None


async def keep(tx: Tx, delivery_id: int, error: str, now: datetime) -> None:
    """Write down a delivery that is being given up; its row is the caller's to remove."""
    await tx.core(_KEEP, {"ids": [delivery_id], "why": error[:300], "at": now})


async def give_up_the_old(db: Database, clock: Clock) -> None:
    """Give up what has waited all the time for a server that never came back."""
    since = id_at(clock.now() - WAITED_AT_MOST)
    old = select(_deliveries.c.id).where(_deliveries.c.id < since).limit(AT_ONCE)
    while True:
        async with db.transaction() as tx:
            ids = list((await tx.core(old, {})).scalars())
            if not ids:
                return
            await tx.core(_KEEP, {"ids": ids, "why": "the server was away all the time", "at": clock.now()})
            await tx.core(_REMOVE, {"ids": ids})


async def prune(db: Database, clock: Clock) -> None:
    """Forget the dead letters of more than a month ago, and the oldest when there are too many."""
    before = clock.now() - KEPT_FOR
    await forget(db, DeadDelivery, _letters.c.failed_at < before)
    await forget(db, InboxItem, _items.c.state == "failed", _items.c.received_at < before)
    await forget(db, Job, _jobs.c.failed_at < before)
    async with db.reading() as tx:
        newest = select(_letters.c.failed_at).order_by(_letters.c.failed_at.desc()).offset(AT_MOST).limit(1)
        edge = (await tx.core(newest, {})).scalar()
    if edge is not None:
        await forget(db, DeadDelivery, _letters.c.failed_at <= edge)


async def count(tx: Tx) -> dict[Kind, int]:
    """Return how many dead letters there are of each kind."""
    asked = {
        Kind.DELIVERIES: select(func.count()).select_from(_letters),
        Kind.INBOX: select(func.count()).select_from(_items).where(_items.c.state == "failed"),
        Kind.JOBS: select(func.count()).select_from(_jobs).where(_jobs.c.failed_at.is_not(None)),
    }
    return {kind: (await tx.core(question, {})).scalar_one() for kind, question in asked.items()}


async def newest(tx: Tx, kind: Kind, limit: int) -> list[Letter]:
    """Return the newest dead letters of a kind."""
    rows = await tx.core(_LISTED[kind].limit(limit), {})
    return [
        Letter(kind=kind, id=row.id, subject=row.subject, attempts=row.attempts, error=row.error, at=row.at)
        for row in rows
    ]


async def send_again(tx: Tx, ids: Ids, clock: Clock, which: Which) -> int:
    """Put dead letters back where they waited; return how many. Their attempts count from the start.

    A delivery is not sent again when its object has been deleted since: the peer would get it back.
    """
    now = clock.now()
    again: dict[str, Any] = {"attempts": 0, "run_at": now, "leased_until": None}
    if which.kind is Kind.INBOX:
        items = update(_items).where(*_meant(which)).values(state="pending", note=None, **again)
        return (await tx.core(items, {})).rowcount
    if which.kind is Kind.JOBS:
        jobs = update(_jobs).where(*_meant(which)).values(failed_at=None, **again)
        return (await tx.core(jobs, {})).rowcount
    total = 0
    meant = select(_letters).where(*_meant(which), ~_is_deleted()).limit(AT_ONCE)
    done: BindParameter[int] = bindparam("done", expanding=True)
    while letters := (await tx.core(meant, {})).all():
        rows = [
            {
                "id": ids.next(),
                "outbox_id": letter.outbox_id,
                "sender_id": letter.sender_id,
                "inbox": letter.inbox,
                "host": letter.host,
                "run_at": now,
                "attempts": 0,
                "band": bands.ORDINARY,
            }
            for letter in letters
        ]
        await tx.core(insert_new(tx, Delivery).on_conflict_do_nothing(), rows)
        gone = delete(_letters).where(_letters.c.id.in_(done))
        await tx.core(gone, {"done": [letter.id for letter in letters]})
        total += len(letters)
    return total


async def drop(tx: Tx, which: Which) -> int:
    """Forget dead letters; return how many."""
    table = {Kind.DELIVERIES: _letters, Kind.INBOX: _items, Kind.JOBS: _jobs}[which.kind]
    return (await tx.core(delete(table).where(*_meant(which)), {})).rowcount


def _meant(which: Which) -> list[ColumnElement[bool]]:
    """Return the conditions of the dead letters that are meant; a job is of no host."""
    match which.kind:
        case Kind.DELIVERIES:
            meant = [] if which.id is None else [_letters.c.id == which.id]
            return meant if which.host is None else [*meant, _letters.c.host == which.host]
        case Kind.INBOX:
            meant = [_items.c.state == "failed", *([] if which.id is None else [_items.c.id == which.id])]
            if which.host is None:
                return meant
            homes = (f"https://{which.host}/", f"http://{which.host}/")
            return [*meant, or_(*(_items.c.actor.startswith(home, autoescape=True) for home in homes))]
        case Kind.JOBS:
            meant = [_jobs.c.failed_at.is_not(None), *([] if which.id is None else [_jobs.c.id == which.id])]
            return meant if which.host is None else [*meant, literal(False)]


def _is_deleted() -> ColumnElement[bool]:
    """Return the condition that a letter's object was deleted after it was written."""
    later = _outbox.alias("later")
    of_letter = _outbox.alias("of_letter")
    return exists().where(
        of_letter.c.id == _letters.c.outbox_id,
        and_(of_letter.c.type != "Delete", later.c.type == "Delete"),
        later.c.object_uri == of_letter.c.object_uri,
        later.c.id > of_letter.c.id,
    )


def _listed() -> dict[Kind, Select[Any]]:
    of_delivery = (
        select(
            _letters.c.id,
            (_outbox.c.type + literal(" to ") + _letters.c.inbox).label("subject"),
            _letters.c.attempts,
            _letters.c.error,
            _letters.c.failed_at.label("at"),
        )
        .join(_outbox, _outbox.c.id == _letters.c.outbox_id)
        .order_by(_letters.c.failed_at.desc(), _letters.c.id.desc())
    )
    of_item = (
        select(
            _items.c.id,
            (literal("from ") + _items.c.actor).label("subject"),
            _items.c.attempts,
            _items.c.note.label("error"),
            _items.c.received_at.label("at"),
        )
        .where(_items.c.state == "failed")
        .order_by(_items.c.id.desc())
    )
    of_job = (
        select(
            _jobs.c.id,
            _jobs.c.kind.label("subject"),
            _jobs.c.attempts,
            _jobs.c.error,
            _jobs.c.failed_at.label("at"),
        )
        .where(_jobs.c.failed_at.is_not(None))
        .order_by(_jobs.c.id.desc())
    )
    return {Kind.DELIVERIES: of_delivery, Kind.INBOX: of_item, Kind.JOBS: of_job}


_LISTED = _listed()
