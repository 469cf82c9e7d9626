"""Notifications told as one: five hundred Likes of a post are one line (Mastodon's version 2).

Which belong together was written with each (`gate.group_key`). A group stands in the list where its
newest member does, and nowhere else: reading on from there does not meet it again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, select
from sqlalchemy.orm import aliased

from fedispace.accounts.gate import GROUPED, ungrouped
from fedispace.accounts.hiding import blocks, mutes_notifications, shuns_domain
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.notifications import UNASKED, chosen, told_to
from fedispace.accounts.paging import Page
from fedispace.db.engine import Tx

SAMPLE: Final = 8
MAX_ACCOUNTS: Final = 80
_PREFIX: Final = "ungrouped-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Notifications told as one: the newest, how many they are, and who did the last few."""

    key: str
    newest: Notification
    count: int
    oldest_id: int
    from_ids: tuple[int, ...]


async def groups(
    tx: Tx,
    account_id: int,
    page: Page,
    now: datetime,
    types: Collection[str] = (),
    exclude_types: Collection[str] = (),
    from_id: int | None = None,
    grouped_types: Collection[str] = GROUPED,
    *,
    unasked: bool = False,
    filtered: bool | None = False,
) -> list[Group]:
    """Return a page of what an account is told, in groups, the one with the newest member first.

    What the account's policy holds back is left out; with `filtered` None it is not (`told_to`).
    """
    together = GROUPED & set(grouped_types)
    told = told_to(account_id, now, filtered=filtered)
    statement = chosen(told, types, exclude_types, from_id, unasked=unasked).where(
        or_(Notification.type.not_in(together), not_(_has_newer(account_id, now, filtered)))
    )
    rows = (await tx.scalars(page.apply(statement, Notification.id))).all()
    return await _filled(tx, account_id, now, page.newest_first(rows), together, filtered)


async def group(tx: Tx, account_id: int, key: str, now: datetime) -> Group | None:
    """Return one group of an account's notifications; None when there is none of that key.

    One that is held back as a whole is found too: a client may have it from a list with `filtered` ones.
    """
    filtered = await _held_back(tx, account_id, key, now)
    told = told_to(account_id, now, filtered=filtered)
    rows = (await tx.scalars(told.where(_of(key)).order_by(Notification.id.desc()).limit(1))).all()
    found = await _filled(tx, account_id, now, rows, GROUPED, filtered)
    return found[0] if found else None


async def accounts_of(tx: Tx, account_id: int, key: str, now: datetime) -> list[int]:
    """Return who did what a group tells of, the last first."""
    told = told_to(account_id, now, filtered=await _held_back(tx, account_id, key, now))
    statement = told.with_only_columns(Notification.from_id).where(_of(key))
    return list(await tx.scalars(statement.order_by(Notification.id.desc()).limit(MAX_ACCOUNTS)))


async def dismiss_group(tx: Tx, account_id: int, key: str) -> None:
    """Remove the notifications of one group."""
    await tx.execute(delete(Notification).where(Notification.account_id == account_id, _of(key)))


async def count_groups(tx: Tx, account_id: int, than: int, now: datetime, limit: int = 100) -> int:
    """Count the groups an account is told of that have members newer than `than`, up to `limit`."""
    newer = (
        told_to(account_id, now)
        .with_only_columns(Notification.group_key)
        .where(Notification.id > than, Notification.type.not_in(UNASKED))
        .distinct()
        .limit(limit)
        .subquery()
    )
    return await tx.scalar(select(func.count()).select_from(newer)) or 0


async def _held_back(tx: Tx, account_id: int, key: str, now: datetime) -> Literal[False] | None:
    """Return which members of a group to show: those that are told, or all when none is."""
    statement = told_to(account_id, now).with_only_columns(Notification.id).where(_of(key)).limit(1)
    return None if await tx.scalar(statement) is None else False


def _of(key: str) -> ColumnElement[bool]:
    digits = key.removeprefix(_PREFIX)
    if key.startswith(_PREFIX) and digits.isascii() and digits.isdecimal() and len(digits) <= 18:
        return Notification.id == int(digits)
    return and_(Notification.group_key == key, Notification.group_key != "")


def _has_newer(account_id: int, now: datetime, filtered: bool | None) -> ColumnElement[bool]:
    """Return the condition that a newer one of the same group is told."""
    newer, by = aliased(Notification), aliased(Account)
    held_back = [] if filtered is None else [newer.filtered.is_(filtered)]
    return exists().where(
        newer.account_id == account_id,
        newer.group_key == Notification.group_key,
        newer.group_key != "",
        newer.id > Notification.id,
        *held_back,
        by.id == newer.from_id,
        by.suspended_at.is_(None),
        by.suspended_at_home.is_(False),
        ~blocks(account_id, newer.from_id),
        ~mutes_notifications(account_id, newer.from_id, now),
        ~shuns_domain(account_id, newer.from_id),
    )


async def _filled(
    tx: Tx,
    account_id: int,
    now: datetime,
    rows: Sequence[Notification],
    together: Collection[str],
    filtered: bool | None,
) -> list[Group]:
    keys = {row.group_key for row in rows if row.type in together and row.group_key}
    members: dict[str, list[tuple[int, int, int]]] = {}
    if keys:
        key, id_ = Notification.group_key, Notification.id
        ranked = (
            told_to(account_id, now, filtered=filtered)
            .where(key.in_(keys))
            .with_only_columns(
                key,
                Notification.from_id,
                func.row_number().over(partition_by=key, order_by=id_.desc()).label("rank"),
                func.count().over(partition_by=key).label("members"),
                func.min(id_).over(partition_by=key).label("oldest"),
            )
            .subquery()
        )
        few = select(ranked).where(ranked.c.rank <= SAMPLE).order_by(ranked.c.group_key, ranked.c.rank)
        for group_key, from_id, _, count, oldest in await tx.execute(few):
            members.setdefault(group_key, []).append((from_id, count, oldest))
    return [_group(row, members.get(row.group_key) if row.type in together else None) for row in rows]


def _group(row: Notification, members: list[tuple[int, int, int]] | None) -> Group:
    if not members:
        return Group(key=ungrouped(row.id), newest=row, count=1, oldest_id=row.id, from_ids=(row.from_id,))
    return Group(
        key=row.group_key,
        newest=row,
        count=members[0][1],
        oldest_id=members[0][2],
        from_ids=tuple(from_id for from_id, _, _ in members),
    )
