"""What happened to somebody: written with the event itself, told to their screens after commit."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, func, select

from fedispace.accounts.gate import (
    ABOUT_SPACES,
    BY,
    SPACE_REMINDER,
    SUBJECT,
    TO,
    TYPE,
    group_key,
    moments,
    telling,
)
from fedispace.accounts.hiding import blocks, mutes_notifications, shuns_domain
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.paging import Page
from fedispace.accounts.standing import is_shown
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.ids import Ids
from fedispace.queue.bus import Bus

TYPES: Final = frozenset(
    {
        "mention",
        "status",
        "reblog",
        "follow",
        "follow_request",
        "favourite",
        "poll",
        "update",
        "quote",
        "quoted_update",
    }
)
EMOJI_REACTION: Final = "pleroma:emoji_reaction"
UNASKED: Final = frozenset({EMOJI_REACTION, *ABOUT_SPACES})
"""What only those are told who name the type: other clients do not know it, and some stop at it."""
_ABOUT_ONESELF: Final = frozenset({"poll", SPACE_REMINDER})
"""What one is told although one did it oneself: that one's own poll has ended, one's own Space begins."""


_notifications: Final = table_of(Notification)
_WITHDRAWING_ALL: Final = delete(_notifications).where(
    _notifications.c.account_id == TO, _notifications.c.type == TYPE, _notifications.c.subject == SUBJECT
)
_WITHDRAWING: Final = _WITHDRAWING_ALL.where(_notifications.c.from_id == BY)


def topic(account_id: int) -> str:
    """Return the bus topic on which an account's own events are published."""
    return f"account.{account_id}"


class Notifier:
    """Writes notifications: the one gate all of them pass.

    `heard` is the condition under which an account may hear of a post, `private` that a mention in one is
    for it alone and unasked for, see `gate.py`.
    """

    def __init__(
        self, ids: Ids, clock: Clock, bus: Bus, heard: ColumnElement[bool], private: ColumnElement[bool]
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._telling = {dialect: telling(dialect, heard, private) for dialect in ("sqlite", "postgresql")}

    async def notify(self, tx: Tx, *, to: Account, type: str, by_id: int, subject: int = 0) -> bool:
        """Tell `to` that `by_id` did `type`, to the post `subject` if there is one; repeats are one.

        Nothing is written, and False returned, for accounts of other servers, for what one does to
        oneself, and for whatever the gate keeps out; what it holds back is written, but nobody is told.
        What the gate asks for must be flushed.
        """
        return to.local and await self.notify_ours(tx, to_id=to.id, type=type, by_id=by_id, subject=subject)

    async def notify_ours(self, tx: Tx, *, to_id: int, type: str, by_id: int, subject: int = 0) -> bool:
        """Do so for an account that is known to be ours."""
        if to_id == by_id and type not in _ABOUT_ONESELF:
            return False
        id_, now = self._ids.next(), self._clock.now()
        told: dict[str, Any] = {
            "id": id_,
            "to": to_id,
            "by": by_id,
            "type": type,
            "subject": subject,
            **moments(now),
            "group_key": group_key(type, subject, now, id_),
        }
        written = (await tx.core(self._telling[tx.dialect_name], told)).one_or_none()
        if written is None or written.filtered:
            return False
        event = {"event": "notification", "id": str(written.id)}
        tx.after_commit(lambda: self._bus.publish(topic(to_id), event))
        return True

    async def withdraw(self, tx: Tx, *, to_id: int, type: str, by_id: int, subject: int = 0) -> None:
        """Take back a notification of something that was undone."""
        told = {"to": to_id, "by": by_id, "type": type, "subject": subject}
        await tx.core(_WITHDRAWING, told)

    async def withdraw_all(self, tx: Tx, *, to_id: int, type: str, subject: int) -> None:
        """Take back what somebody was told of a subject, whoever it was from."""
        await tx.core(_WITHDRAWING_ALL, {"to": to_id, "type": type, "subject": subject})


def told_to(account_id: int, now: datetime, *, filtered: bool | None = False) -> Select[Notification]:
    """Select what an account is told as of `now`: nothing of whom it blocks, mutes, or who is suspended.

    Nor what its policy holds back; `filtered` asks for that instead, or, when it is None, for both.
    """
    by = Notification.from_id
    held_back = [] if filtered is None else [Notification.filtered.is_(filtered)]
    return (
        select(Notification)
        .join(Account, Account.id == by)
        .where(
            Notification.account_id == account_id,
            *held_back,
            is_shown(),
            ~blocks(account_id, by),
            ~mutes_notifications(account_id, by, now),
            ~shuns_domain(account_id, by),
        )
    )


async def notifications(
    tx: Tx,
    account_id: int,
    page: Page,
    now: datetime,
    types: Collection[str] = (),
    exclude_types: Collection[str] = (),
    from_id: int | None = None,
    *,
    unasked: bool = False,
    filtered: bool | None = False,
) -> list[Notification]:
    """Return what an account is told, newest first, perhaps only some types or what one account did."""
    told = told_to(account_id, now, filtered=filtered)
    statement = chosen(told, types, exclude_types, from_id, unasked=unasked)
    rows = (await tx.scalars(page.apply(statement, Notification.id))).all()
    return page.newest_first(rows)


def chosen(
    statement: Select[Notification],
    types: Collection[str],
    exclude_types: Collection[str],
    from_id: int | None,
    *,
    unasked: bool = False,
) -> Select[Notification]:
    """Restrict a list of notifications as the client asks."""
    if types:
        statement = statement.where(Notification.type.in_(types))
    elif not unasked:
        statement = statement.where(Notification.type.not_in(UNASKED))
    if exclude_types:
        statement = statement.where(Notification.type.not_in(exclude_types))
    if from_id is not None:
        statement = statement.where(Notification.from_id == from_id)
    return statement


async def count_newer(tx: Tx, account_id: int, than: int, now: datetime, limit: int = 100) -> int:
    """Count what an account is told that is newer than the id `than`, up to `limit`."""
    newer = (
        told_to(account_id, now)
        .with_only_columns(Notification.id)
        .where(Notification.id > than, Notification.type.not_in(UNASKED))
        .limit(limit)
        .subquery()
    )
    return await tx.scalar(select(func.count()).select_from(newer)) or 0


async def dismiss(tx: Tx, account_id: int, notification_id: int | None = None) -> None:
    """Remove one notification of an account, or all of them."""
    statement = delete(Notification).where(Notification.account_id == account_id)
    if notification_id is not None:
        statement = statement.where(Notification.id == notification_id)
    await tx.execute(statement)
