"""What other servers tell us about their Spaces.

    Create{Event}, Update{Event}   a Space of theirs, by its host
    Announce                       an instance's actor shows a Space of theirs (a directory, a relay)
    Delete                         a Space of theirs is gone

Who comes is `rsvp_inbox`'s, who is invited `invitation_inbox`'s. Announce and Delete carry
a bare id that may be anybody's: what is no Space is left alone.
"""

from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation import tombstones
from fedispace.federation.addresses import Addresses
from fedispace.federation.origin import may_change, may_speak_for
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Announce, Create, Delete, Update
from fedispace.federation.vocab.objects import Event
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.jobs import Jobs
from fedispace.spaces import queries
from fedispace.spaces.fediverse.announced import enqueue_announced
from fedispace.spaces.fediverse.arrival import Arrivals
from fedispace.spaces.fediverse.relevance import concerns_us
from fedispace.threads.relevance import is_followed_here


class SpaceInbox:
    """The handlers."""

    routes = InboxRoutes()

    def __init__(
        self,
        *,
        clock: Clock,
        addresses: Addresses,
        people: People,
        arrivals: Arrivals,
        jobs: Jobs,
    ) -> None:
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._arrivals = arrivals
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
