"""Saying that one will come, and taking it back: by our own people, to a Space here or elsewhere.

    a Space of ours       a row; its host learns how many, and nobody who
    another server's      the row, and a Join to its host, who answers `rsvp_inbox`

Whatever the host answers, whoever asked for it is reminded by us, unless the host says no.
"""

from typing import Final

from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Join, Leave
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.spaces import access, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, Space
from fedispace.spaces.order_of_locks import take_space
from fedispace.spaces.reminders import enqueue_reminders

MAX_ATTENDANCES: Final = 1000
"""How many of those who will come to one Space are kept by name, to be told of every change."""


class Attending:
    """What our people do about coming."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        people: People,
        outbox: Outbox,
        jobs: Jobs,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._outbox = outbox
        self._jobs = jobs

    async def attendance(self, by: Account, space_id: int) -> Attendance | None:
        """Return what `by` said about coming; raises `NotFound` for what they may not see."""
        async with self._db.reading() as tx:
            space = await queries.space(tx, space_id, by.id)
            return await tx.get(Attendance, (space.id, by.id))

    async def attend(self, by: Account, space_id: int, *, reminder: bool = True) -> Attendance:
        """Note that `by` will come, and ask a host elsewhere; said twice it changes the reminder only.

        Raises `NotFound`, `Forbidden` for who was sent away, and `Conflict` for a Space that is over or
        has as many as are kept.
        """
        async with self._db.transaction() as tx:
            await take_space(tx, space_id)  # two at once are noted, and counted, in turn
            space = await queries.space(tx, space_id, by.id)
            standing = await queries.standing(tx, space, by.id)
            access.require_presence(access.parse_access(space.access), standing)
            access.require_unfinished(Phase(space.state))
            row = await tx.get(Attendance, (space.id, by.id), with_for_update=True)
            if row is not None and row.state != "refused":
                row.wants_reminder = reminder
            else:
                row = await self._written(tx, by, space, row, reminder=reminder)
            if space.starts_at > self._clock.now():
                await enqueue_reminders(tx, self._jobs, space)
            await tx.flush()
        return row

    async def stay_away(self, by: Account, space_id: int) -> None:
        """Take it back; who never said it says nothing."""
        async with self._db.transaction() as tx:
            space = await queries.space(tx, space_id, by.id)
            row = await tx.get(Attendance, (space.id, by.id), with_for_update=True)
            if row is None:
                return
            await tx.delete(row)
            if not space.local:
                host = await self._people.by_id(tx, space.host_id)
                leave = Leave(
                    id=self._addresses.activity(self._ids.next()),
                    actor=Uri(by.uri),
                    object=Uri(space.uri),
                    to=(Uri(host.uri),),
                )
                await self._outbox.send(tx, by.id, leave, Audience(actors=(host.id,)))

    async def _written(
        self, tx: Tx, by: Account, space: Space, refused: Attendance | None, *, reminder: bool
    ) -> Attendance:
        """Write the row, and ask the host if the Space is another server's (again, if he refused once).

        The Join names a role, as no RSVP of other software does: the host's server knows by it that
        the home server reminds its own people (`reminders.py`).
        """
        join = Join(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(by.uri),
            object=Uri(space.uri),
            role="listener",
        )
        row = refused or Attendance(space_id=space.id, account_id=by.id, created_at=self._clock.now())
        row.join_uri = join.id
        row.state = "coming" if space.local else "asked"
        row.wants_reminder = reminder
        if refused is None:
            if space.local and await is_full(tx, space, by.id):
                raise Conflict("More people are coming to this Space than are counted by name.")
            tx.add(row)
        if not space.local:
            host = await self._people.by_id(tx, space.host_id)
            asked = Join(
                id=join.id, actor=join.actor, object=join.object, role=join.role, to=(Uri(host.uri),)
            )
            await self._outbox.send(tx, by.id, asked, Audience(actors=(host.id,)))
        return row


async def is_full(tx: Tx, space: Space, account_id: int) -> bool:
    """Tell whether as many others will come as are kept by name."""
    others = await tx.scalar(
        select(func.count())
        .select_from(Attendance)
        .where(Attendance.space_id == space.id, Attendance.account_id != account_id)
    )
    return (others or 0) >= MAX_ATTENDANCES
