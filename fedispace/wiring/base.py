"""The base: time and ids, the database, the bus, the network, jobs."""

from collections import Counter

from fedispace import __version__
from fedispace.clock import Clock, SystemClock
from fedispace.config import Config
from fedispace.db.engine import open_database
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids, TimeOrderedIds
from fedispace.net import Net
from fedispace.queue.bus import open_bus
from fedispace.queue.jobs import Jobs

USER_AGENT = f"fedispace/{__version__}"


class Base:
    """What every area stands on."""

    def __init__(self, config: Config, clock: Clock | None, net: Net | None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.ids: Ids = TimeOrderedIds(self.clock)
        self.db = open_database(config.database.url)
        self.bus = open_bus(config.bus.url)
        self.db.tell = self.bus.publish
        self.net = net or Net(
            allow_private=config.federation.allow_private_addresses,
            allow_http=config.federation.allow_http,
            user_agent=f"{USER_AGENT} (+{config.origin})",
            keep=config.federation.kept_connections,
        )
        self.addresses = Addresses(config.origin, config.account_domain)
        self.jobs = Jobs(self.ids, self.clock, self.bus)
        # What became of this process's work, for whoever watches.
        self.deliveries: Counter[str] = Counter()
        self.arrivals: Counter[str] = Counter()
