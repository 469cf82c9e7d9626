"""The ways in for people of other servers: signing in at home, a link by message, and the visit."""

from fedispace.spaces.entry.entry_links import EntryLinks
from fedispace.spaces.entry.home_servers import HomeServers
from fedispace.spaces.entry.home_sign_in import HomeSignIn
from fedispace.spaces.entry.visits import Visits
from fedispace.spaces.entry.way_limits import WayLimits
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation


class Ways:
    """Who comes from elsewhere, and how."""

    def __init__(self, base: Base, federation: Federation, accounts: Accounts) -> None:
        db, ids, clock, addresses = base.db, base.ids, base.clock, base.addresses
        people, resolver, policy = accounts.people, federation.resolver, federation.policy
        limits = WayLimits(clock)
        self.visits = Visits(db, clock, ids, policy, accounts.exits)
        self.entry_links = EntryLinks(
            db=db,
            clock=clock,
            ids=ids,
            addresses=addresses,
            people=people,
            lookup=accounts.lookup,
            outbox=federation.outbox,
            policy=policy,
            visits=self.visits,
            limits=limits,
        )
        self.home_sign_in = HomeSignIn(
            db=db,
            clock=clock,
            ids=ids,
            addresses=addresses,
            people=people,
            resolver=resolver,
            servers=HomeServers(
                base.net,
                policy,
                resolver,
                name=f"{base.config.instance.title} ({addresses.host})",
                website=addresses.origin,
                plain_http=base.config.federation.allow_http,
            ),
            visits=self.visits,
            limits=limits,
        )
