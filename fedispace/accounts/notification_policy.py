"""What somebody wants to be told of people they do not know, and what was held back of it.

The policy is asked where notifications are written (`gate.py`). What it holds back is told together for
each person who did it: a request, by that person's id, to be told of what they do. Accepted, all of it
is told, now and from now on; dismissed, it is forgotten.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, delete, func, select, update

from fedispace.accounts.models import Notification, NotificationPermission, NotificationPolicy
from fedispace.accounts.notifications import told_to
from fedispace.accounts.paging import Page
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import NotFound

KINDS: Final = (
    "for_not_following",
    "for_not_followers",
    "for_new_accounts",
    "for_private_mentions",
    "for_limited_accounts",
)
AT_FIRST: Final[Mapping[str, str]] = {**dict.fromkeys(KINDS, "accept"), "for_limited_accounts": "drop"}
"""What everybody begins with."""
MAX_COUNTED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is held back: of how many people, and how much; neither is counted beyond a hundred."""

    requests: int
    notifications: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is held back of one person; its id is theirs. `subject` is the post it was about last, or 0."""

    from_id: int
    count: int
    first_at: datetime
    last_at: datetime
    newest_id: int
    subject: int


class NotificationPolicies:
    """What people say of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def change(self, account_id: int, wanted: Mapping[str, str]) -> None:
        """Change what an account is told; what is left out stays."""
        async with self._db.transaction() as tx:
            policy = {**await policy_of(tx, account_id), **wanted}
            if policy == AT_FIRST:
                await tx.execute(
                    delete(NotificationPolicy).where(NotificationPolicy.account_id == account_id)
                )
                return
            statement = insert(tx, NotificationPolicy).values(account_id=account_id, **policy)
            await tx.execute(
                statement.on_conflict_do_update(index_elements=["account_id"], set_=dict(policy))
            )

    async def accept(self, account_id: int, from_ids: Collection[int]) -> None:
        """Tell what was held back of some people, and hold back nothing of theirs any more."""
        async with self._db.transaction() as tx:
            for from_id in await _held_back_of(tx, account_id, from_ids):
                row = {"account_id": account_id, "from_id": from_id}
                await tx.execute(insert(tx, NotificationPermission).values(row).on_conflict_do_nothing())
            await tx.execute(
                update(Notification)
                .where(
                    Notification.account_id == account_id,
                    Notification.from_id.in_(from_ids),
                    Notification.filtered.is_(True),
                )
                .values(filtered=False)
                .execution_options(synchronize_session=False)
            )

    async def dismiss(self, account_id: int, from_ids: Collection[int]) -> None:
        """Forget what was held back of some people."""
        async with self._db.transaction() as tx:
            await tx.execute(
                delete(Notification).where(
                    Notification.account_id == account_id,
                    Notification.from_id.in_(from_ids),
                    Notification.filtered.is_(True),
                )
            )


async def policy_of(tx: Tx, account_id: int) -> dict[str, str]:
    """Return what an account says of each kind."""
    row = await tx.get(NotificationPolicy, account_id)
    return dict(AT_FIRST) if row is None else {kind: str(getattr(row, kind)) for kind in KINDS}


async def summary(tx: Tx, account_id: int, now: datetime) -> Summary:
    """Count what is held back of an account."""
    held = told_to(account_id, now, filtered=True)
    people = held.with_only_columns(Notification.from_id).distinct().limit(MAX_COUNTED).subquery()
    all_of_it = held.with_only_columns(Notification.id).limit(MAX_COUNTED).subquery()
    return Summary(
        requests=await tx.scalar(select(func.count()).select_from(people)) or 0,
        notifications=await tx.scalar(select(func.count()).select_from(all_of_it)) or 0,
    )


async def requests(tx: Tx, account_id: int, now: datetime, page: Page) -> list[Request]:
    """Return of whom something is held back, by their ids, the newest people first."""
    people = told_to(account_id, now, filtered=True).with_only_columns(Notification.from_id).distinct()
    ids = (await tx.scalars(page.apply(people, Notification.from_id))).all()
    found = {each.from_id: each for each in await _filled(tx, account_id, now, ids)}
    return [found[id_] for id_ in page.newest_first(ids) if id_ in found]


async def request(tx: Tx, account_id: int, now: datetime, from_id: int) -> Request:
    """Return what is held back of one person; raises `NotFound` when that is nothing."""
    found = await _filled(tx, account_id, now, [from_id])
    if not found:
        raise NotFound("There is no such request.")
    return found[0]


async def _filled(tx: Tx, account_id: int, now: datetime, from_ids: Sequence[int]) -> list[Request]:
    if not from_ids:
        return []
    of_them: Select[Notification] = told_to(account_id, now, filtered=True).where(
        Notification.from_id.in_(from_ids)
    )
    counted = await tx.execute(
        of_them.with_only_columns(
            Notification.from_id,
            func.count(),
            func.min(Notification.created_at),
            func.max(Notification.created_at),
            func.max(Notification.id),
            func.max(Notification.subject),
        ).group_by(Notification.from_id)
    )
    return [
        Request(
            from_id=from_id,
            count=min(count, MAX_COUNTED),
            first_at=first_at,
            last_at=last_at,
            newest_id=newest_id,
            subject=subject,
        )
        for from_id, count, first_at, last_at, newest_id, subject in counted
    ]


async def _held_back_of(tx: Tx, account_id: int, from_ids: Collection[int]) -> list[int]:
    rows = await tx.scalars(
        select(Notification.from_id)
        .where(
            Notification.account_id == account_id,
            Notification.from_id.in_(from_ids),
            Notification.filtered.is_(True),
        )
        .distinct()
    )
    return list(rows)
