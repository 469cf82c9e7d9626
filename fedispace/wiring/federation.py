"""Speaking to other servers: who is let in, who is who, asking, believing, sending."""

from fedispace.accounts.departures import Departures
from fedispace.accounts.follower_digests import FollowerDigests
from fedispace.federation.actors import Actors, Keyring
from fedispace.federation.outbox import Outbox
from fedispace.federation.peers import Peers
from fedispace.federation.relaying import Relaying
from fedispace.federation.relays import Relays
from fedispace.federation.requests import SignedRequests
from fedispace.federation.resolve import Resolver
from fedispace.federation.sealing import Seal
from fedispace.federation.software import Software
from fedispace.federation.verify import Verifier
from fedispace.moderation.policy import DomainPolicy
from fedispace.wiring.base import Base


class Federation:
    """The engine that speaks ActivityPub, with what features decide for it: `policy`, `departures`."""

    def __init__(self, base: Base) -> None:
        db, ids, clock, net, addresses = base.db, base.ids, base.clock, base.net, base.addresses
        plain_http = base.config.federation.allow_http
        keyring = Keyring(db, addresses, clock)
        self.policy = DomainPolicy(db, clock)
        self.relays = Relays(db, clock, addresses)
        self.outbox = Outbox(ids, clock, base.bus, Seal(keyring, clock), self.relays)
        self.departures = Departures(self.outbox, base.jobs)
        self.actors = Actors(ids, clock, addresses, self.departures)
        self.peers = Peers(clock)
        digests = FollowerDigests(db, addresses)
        self.requests = SignedRequests(net, keyring, self.peers, self.policy, clock, db, digests)
        self.resolver = Resolver(db, self.actors, self.requests, net, addresses, clock, plain_http=plain_http)
        self.verifier = Verifier(db, self.resolver, addresses, self.policy, clock, self.relays)
        self.relaying = Relaying(
            db, ids, clock, addresses, self.actors, self.resolver, self.outbox, self.relays
        )
        self.software = Software(db, clock, net, self.requests, base.jobs)
