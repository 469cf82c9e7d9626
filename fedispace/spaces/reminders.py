"""Who said that they will come is told when it begins: once, when it was to begin or when it is opened.

    ours, and a Space anywhere          a notification here; each home server reminds its own people
    another server's, and ours to host  nothing, if that server reminds its people (a Join with `fs:role`);
                                        else a direct message (Mobilizon, whose reminders are e-mail)

A job per time a Space is to begin at: one that was moved has another for the new time, and the old one
finds that it is not time yet.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from sqlalchemy import and_, select, update

from fedispace.accounts.gate import SPACE_CANCELLED, SPACE_REMINDER
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.clock import Clock, wire_time
from fedispace.db.engine import Database, Tx
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.spaces import queries
from fedispace.spaces.fediverse import wire
from fedispace.spaces.fediverse.instance_notes import InstanceNotes
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, Member, Space

log = structlog.get_logger()

REMIND: Final = "spaces.remind"
TELL_CANCELLED: Final = "spaces.tell_cancelled"
AT_ONCE: Final = 100


async def enqueue_reminders(tx: Tx, jobs: Jobs, space: Space) -> None:
    """Have those who come told when `space` begins; asked for twice is once."""
    begins = wire_time(space.starts_at)
    await jobs.enqueue(
        tx,
        REMIND,
        {"space": space.id},
        run_at=space.starts_at,
        unique_key=f"{REMIND} {space.id} {begins} {space.state}",
    )


async def tell_those_who_come(tx: Tx, jobs: Jobs, space: Space, *, moved: bool = False) -> None:
    """Have those who come told of what became of a Space: it is live, it is called off, or it was moved.

    Of a new time everybody is reminded, also who was of the old one.
    """
    phase = Phase(space.state)
    if phase is Phase.ENDED:
        return
    if moved and phase is Phase.SCHEDULED:
        await tx.execute(update(Attendance).where(Attendance.space_id == space.id).values(reminded_at=None))
    if phase is Phase.CANCELLED:
        await jobs.enqueue(tx, TELL_CANCELLED, {"space": space.id}, unique_key=f"{TELL_CANCELLED} {space.id}")
    else:
        await enqueue_reminders(tx, jobs, space)


async def remind_again(tx: Tx, jobs: Jobs, space: Space) -> None:
    """Have everybody reminded of the new time of a Space that was moved."""
    await tell_those_who_come(tx, jobs, space, moved=True)


class Reminders:
    """Runs the job."""

    def __init__(self, db: Database, clock: Clock, notifier: Notifier, notes: InstanceNotes) -> None:
        self._db = db
        self._clock = clock
        self._notifier = notifier
        self._notes = notes

    def tasks(self) -> Mapping[str, Task]:
        return {REMIND: self.remind, TELL_CANCELLED: self.tell_cancelled}

    async def remind(self, arguments: Arguments) -> None:
        """Tell all who have not been told, some at a time; one that breaks off is taken up where it was."""
        space_id = int(arguments["space"])
        while True:
            async with self._db.transaction() as tx:
                space = await tx.get(Space, space_id)
                if space is None or not self._begins(space):
                    return
                waiting = await self._waiting(tx, space)
                for attendance, account in waiting:
                    attendance.reminded_at = self._clock.now()
                    await self._tell(tx, space, account)
                await tx.flush()
            if len(waiting) < AT_ONCE:
                return

    async def tell_cancelled(self, arguments: Arguments) -> None:
        """Tell our own people that a Space they were coming to is called off.

        Those of other servers have the Update of the event, and their own server.
        """
        space_id, after = int(arguments["space"]), 0
        while True:
            async with self._db.transaction() as tx:
                space = await tx.get(Space, space_id)
                if space is None or space.state != Phase.CANCELLED:
                    return
                coming = list(
                    await tx.scalars(
                        select(Attendance.account_id)
                        .join(Account, Account.id == Attendance.account_id)
                        .where(Attendance.space_id == space_id, Attendance.account_id > after)
                        .where(Account.domain == "", Attendance.state != "refused")
                        .order_by(Attendance.account_id)
                        .limit(AT_ONCE)
                    )
                )
                for account_id in coming:
                    await self._notifier.notify_ours(
                        tx, to_id=account_id, type=SPACE_CANCELLED, by_id=space.host_id, subject=space.id
                    )
            if len(coming) < AT_ONCE:
                return
            after = coming[-1]

    def _begins(self, space: Space) -> bool:
        phase = Phase(space.state)
        return phase is Phase.LIVE or (phase is Phase.SCHEDULED and space.starts_at <= self._clock.now())

    async def _waiting(self, tx: Tx, space: Space) -> Sequence[tuple[Attendance, Account]]:
        rows = await tx.execute(
            select(Attendance, Account)
            .join(Account, Account.id == Attendance.account_id)
            .join(Space, Space.id == Attendance.space_id)
            .outerjoin(Member, and_(Member.space_id == space.id, Member.account_id == Account.id))
            .where(
                Attendance.space_id == space.id,
                Attendance.reminded_at.is_(None),
                Attendance.wants_reminder.is_(True),
                Attendance.state != "refused",
                Member.removed_at.is_(None),
                queries.is_for(),
            )
            .order_by(Attendance.account_id)
            .limit(AT_ONCE)
        )
        return [(attendance, account) for attendance, account in rows]

    async def _tell(self, tx: Tx, space: Space, account: Account) -> None:
        if account.local:
            await self._notifier.notify_ours(
                tx, to_id=account.id, type=SPACE_REMINDER, by_id=space.host_id, subject=space.id
            )
        elif space.local and account.suspended_at is None:
            when = (
                "is live now" if space.state == Phase.LIVE else f"begins now ({wire.said(space.starts_at)})"
            )
            await self._notes.send(tx, account, f"{space.title} {when}.", link=space.url)
