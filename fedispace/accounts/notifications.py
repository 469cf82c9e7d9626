"""What happened to somebody: written with the event itself, told to their screens after commit."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import delete, exists, func, select

from fedispace.accounts.models import Account, Block, Notification
from fedispace.accounts.paging import Page
from fedispace.accounts.standing import is_shown
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.ids import Ids
from fedispace.queue.bus import Bus

TYPES: Final = frozenset(
    {"mention", "status", "reblog", "follow", "follow_request", "favourite", "poll", "update"}
)
EMOJI_REACTION: Final = "pleroma:emoji_reaction"
UNASKED: Final = frozenset({EMOJI_REACTION})
"""What only those are told who name the type: other clients do not know it, and some stop at it."""


def topic(account_id: int) -> str:
    """Return the bus topic on which an account's own events are published."""
    return f"account.{account_id}"


class Notifier:
    """Writes notifications."""

    def __init__(self, ids: Ids, clock: Clock, bus: Bus) -> None:
        self._ids = ids
        self._clock = clock
        self._bus = bus

    async def notify(self, tx: Tx, *, to: Account, type: str, by_id: int, subject: int = 0) -> None:
        """Tell `to` that `by_id` did `type`, to the post `subject` if there is one; repeats are one.

        Nothing is written for accounts of other servers, for what one does to oneself, and for
        what somebody does whom `to` blocks.
        """
        if not to.local or to.id == by_id:
            return
        blocked = await tx.scalar(select(exists().where(Block.account_id == to.id, Block.target_id == by_id)))
        if blocked:
            return
        row: dict[str, Any] = {
            "id": self._ids.next(),
            "account_id": to.id,
            "from_id": by_id,
            "type": type,
            "subject": subject,
            "created_at": self._clock.now(),
        }
        written = await tx.scalar(
            insert(tx, Notification).values(row).on_conflict_do_nothing().returning(Notification.id)
        )
        if written is not None:
            event = {"event": "notification", "id": str(written)}
            tx.after_commit(lambda: self._bus.publish(topic(to.id), event))

    async def withdraw(self, tx: Tx, *, to_id: int, type: str, by_id: int, subject: int = 0) -> None:
        """Take back a notification of something that was undone."""
        await tx.execute(
            delete(Notification).where(
                Notification.account_id == to_id,
                Notification.from_id == by_id,
                Notification.type == type,
                Notification.subject == subject,
            )
        )


async def notifications(
    tx: Tx,
    account_id: int,
    page: Page,
    types: Collection[str] = (),
    exclude_types: Collection[str] = (),
    *,
    unasked: bool = False,
) -> list[Notification]:
    """Return an account's notifications, newest first; those of suspended accounts are left out."""
    statement = (
        select(Notification)
        .join(Account, Account.id == Notification.from_id)
        .where(Notification.account_id == account_id, is_shown())
    )
    if types:
        statement = statement.where(Notification.type.in_(types))
    elif not unasked:
        statement = statement.where(Notification.type.not_in(UNASKED))
    if exclude_types:
        statement = statement.where(Notification.type.not_in(exclude_types))
    rows = (await tx.scalars(page.apply(statement, Notification.id))).all()
    return page.newest_first(rows)


async def count_newer(tx: Tx, account_id: int, than: int, limit: int = 100) -> int:
    """Count an account's notifications newer than the id `than`, up to `limit`."""
    newer = (
        select(Notification.id)
        .where(
            Notification.account_id == account_id,
            Notification.id > than,
            Notification.type.not_in(UNASKED),
        )
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
