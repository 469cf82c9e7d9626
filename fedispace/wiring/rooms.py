"""The verbs of a room, which all begin and end in the same way (`spaces/verbs/acting.py`)."""

from fedispace.accounts.lookup import Lookup
from fedispace.clock import Clock
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Database
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.queue.jobs import Jobs
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.verbs.acting import Acting, Orders
from fedispace.spaces.verbs.changing import Changing
from fedispace.spaces.verbs.handing import Handing
from fedispace.spaces.verbs.hands import Hands
from fedispace.spaces.verbs.herald import Herald
from fedispace.spaces.verbs.inviting import Inviting
from fedispace.spaces.verbs.ordering import Ordering, Pausing
from fedispace.spaces.verbs.pins import Pinning
from fedispace.spaces.verbs.removing import Removing


class RoomVerbs:
    """What may be done in a room."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        bus: Bus,
        limits: Limits,
        orders: Orders,
        herald: Herald,
        lookup: Lookup,
        exits: Exits,
        jobs: Jobs,
        tidings: Tidings,
    ) -> None:
        self.acting = Acting(db=db, clock=clock, bus=bus, limits=limits, orders=orders, herald=herald)
        self.hands = Hands(self.acting)
        self.inviting = Inviting(db, self.acting, lookup, herald)
        self.ordering = Ordering(self.acting)
        self.pausing = Pausing(self.acting, jobs)
        self.pinning = Pinning(self.acting, ids, addresses)
        self.removing = Removing(self.acting, exits, herald)
        self.handing = Handing(self.acting)
        self.changing = Changing(acting=self.acting, bus=bus, jobs=jobs, tidings=tidings, limits=limits)
