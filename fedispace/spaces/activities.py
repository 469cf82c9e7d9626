"""What other servers tell us about Spaces, theirs and ours.

    Create{Event}, Update{Event}   a Space of theirs, by its host
    Announce                       an instance's actor shows a Space of theirs (a directory, a relay)
    Delete                         a Space of theirs is gone
    Join, Leave                    somebody will come to a Space of ours, or will not after all

A Join that wants a ticket comes to the door (`doors.py`) and waits there for its answer; one that
comes to the inbox is an RSVP, as Mobilizon sends it, and is answered by an Accept without a ticket.
Announce and Delete carry a bare id that may be anybody's: what is no Space is left alone.
"""

from typing import Final

from sqlalchemy import delete, func, select

from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Refused
from fedispace.federation import tombstones
from fedispace.federation.addresses import Addresses
from fedispace.federation.origin import may_change, may_speak_for
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import (
    Accept,
    Announce,
    Create,
    Delete,
    Join,
    Leave,
    Reject,
    Update,
)
from fedispace.federation.vocab.objects import Event
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.spaces import access, queries
from fedispace.spaces.announced import enqueue_announced
from fedispace.spaces.arrival import Arrivals
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, Space
from fedispace.spaces.relevance import concerns_us
from fedispace.threads.relevance import is_followed_here

MAX_ATTENDANCES: Final = 1000


class SpaceInbox:
    """The handlers."""

    routes = InboxRoutes()

    def __init__(
        self,
        *,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        people: People,
        arrivals: Arrivals,
        outbox: Outbox,
        jobs: Jobs,
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._arrivals = arrivals
        self._outbox = outbox
        self._jobs = jobs

    @routes.on(Create, Event)
    async def created(self, tx: Tx, verified: Verified[Create], found: Found) -> None:
        await self._arrived(tx, verified)

    @routes.on(Update, Event)
    async def updated(self, tx: Tx, verified: Verified[Update], found: Found) -> None:
        """An Update may come first (deliveries overtake each other); then it is all we know."""
        await self._arrived(tx, verified)

    async def _arrived(self, tx: Tx, verified: Verified[Create] | Verified[Update]) -> None:
        """Take the sender's word about their own event, and nobody's about another's.

        What concerns nobody here is not kept, however true it is.
        """
        event = verified.activity.object
        assert isinstance(event, Event)
        if not may_speak_for(verified.sender, event):
            raise Refused("not_the_author", "That event is somebody else's.", status=403)
        if await tombstones.tombstone(tx, event.id) is not None:
            raise Refused("deleted", "That event was deleted.", status=403)
        if event.space is not None and not await concerns_us(tx, self._addresses, event):
            raise Refused("unrelated", "The Space concerns nobody here.", status=202)
        host = await self._people.ensure(tx, verified.sender)
        await self._arrivals.store(tx, event, host)

    @routes.on(Announce)
    async def announced(self, tx: Tx, verified: Verified[Announce], found: Found) -> None:
        """Have what somebody followed here announces fetched, unless it is known, ours or deleted.

        Whoever announces adds nothing to it: it is taken as its own server serves it.
        """
        uri = verified.activity.object
        if self._addresses.is_ours(uri) or not await is_followed_here(tx, verified.sender):
            return
        if await queries.by_uri(tx, uri) is None and await tombstones.tombstone(tx, uri) is None:
            await enqueue_announced(tx, self._jobs, uri)

    @routes.on(Delete)
    async def deleted(self, tx: Tx, verified: Verified[Delete], found: Found) -> None:
        space = await queries.by_uri(tx, verified.activity.object)
        if space is None or space.local:
            return
        host = await self._people.by_id(tx, space.host_id)
        if not may_change(verified.sender, Uri(host.uri)):
            raise Refused("not_the_author", "That event is somebody else's.", status=403)
        await tx.delete(space)
        await tombstones.bury(tx, self._clock, space.uri, "Event")

    @routes.on(Join)
    async def joined(self, tx: Tx, verified: Verified[Join], found: Found) -> None:
        """Note that somebody will come; saying it twice is answered twice and noted once."""
        join = verified.activity
        space = await queries.by_uri(tx, join.object)
        if space is None or not space.local:
            raise _unknown()
        joiner = await self._people.ensure(tx, verified.sender)
        host = await self._people.by_id(tx, space.host_id)
        kind: type[Accept] | type[Reject] = Reject
        if await self._may_come(tx, space, joiner.id):
            await self._note(tx, space, joiner.id, join.id)
            kind = Accept
        answer = kind(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(host.uri),
            object=join.id,
            inner=join,
            to=(join.actor,),
        )
        await self._outbox.send(tx, host.id, answer, Audience(actors=(joiner.id,)))

    @routes.on(Leave)
    async def left(self, tx: Tx, verified: Verified[Leave], found: Found) -> None:
        space = await queries.by_uri(tx, verified.activity.object)
        leaver = await self._people.by_uri(tx, verified.sender)
        if space is not None and space.local and leaver is not None:
            await tx.execute(
                delete(Attendance).where(Attendance.space_id == space.id, Attendance.account_id == leaver.id)
            )

    async def _note(self, tx: Tx, space: Space, account_id: int, join_uri: str) -> None:
        row = {
            "space_id": space.id,
            "account_id": account_id,
            "join_uri": join_uri,
            "created_at": self._clock.now(),
        }
        await tx.execute(insert(tx, Attendance).values(row).on_conflict_do_nothing())

    async def _may_come(self, tx: Tx, space: Space, account_id: int) -> bool:
        """Tell whether they may; a Space they may not see is unknown here, as everywhere."""
        standing = await queries.standing(tx, space, account_id)
        if not access.may_see(access.parse_access(space.access), standing):
            raise _unknown()
        others = await tx.scalar(
            select(func.count())
            .select_from(Attendance)
            .where(Attendance.space_id == space.id, Attendance.account_id != account_id)
        )
        coming = Phase(space.state) in (Phase.SCHEDULED, Phase.LIVE)
        return coming and (others or 0) < MAX_ATTENDANCES


def _unknown() -> Refused:
    return Refused("unknown_object", "There is no such Space here.", status=404)
