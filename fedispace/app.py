"""A whole instance: built from its configuration, started, closed.

`build` connects the areas of `wiring/`, bottom to top. Together they are the only place that constructs and
connects parts, so reading them is reading who depends on whom.
"""

from dataclasses import dataclass

from aiohttp import web

from fedispace.accounts.emoji_shelf import EmojiShelf
from fedispace.accounts.leaving import Leaving
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.moving import Moving
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.password_change import PasswordChange
from fedispace.accounts.people import People
from fedispace.accounts.registration import Registration
from fedispace.accounts.rotation import KeyRotation
from fedispace.accounts.signin import SignIn
from fedispace.accounts.suspending import Suspending
from fedispace.api.app import Api
from fedispace.clock import Clock
from fedispace.config import Config
from fedispace.db.engine import Database
from fedispace.federation.actors import Actors, ensure_instance_actor
from fedispace.federation.addresses import Addresses
from fedispace.federation.http import FederationDoor
from fedispace.federation.inbox import Inbox
from fedispace.federation.models import Delivery, Fanout, InboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.relaying import Relaying
from fedispace.federation.resolve import Resolver
from fedispace.federation.verify import Verifier
from fedispace.front import Health, TrueAddress, apologise, unsigned
from fedispace.media.live.client import SfuClient
from fedispace.metrics import Metrics, Outcomes, Traffic
from fedispace.moderation.evidence import EvidenceDrawer
from fedispace.moderation.policy import DomainPolicy
from fedispace.moderation.reports import Reporting
from fedispace.net import Net
from fedispace.queue.bus import Bus
from fedispace.queue.leases import release_all
from fedispace.queue.models import Job
from fedispace.queue.periodic import Periodic
from fedispace.queue.worker import Worker
from fedispace.sfu_place import SfuPlace, no_sfu
from fedispace.spaces.entry.passes import Passes
from fedispace.spaces.events.hub import Hub
from fedispace.spaces.events.reactions import Reactions
from fedispace.spaces.oversight import Oversight
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.live import LiveRooms
from fedispace.spaces.sound.obedience import Obedience
from fedispace.spaces.sound.watch import RoomWatch
from fedispace.spaces.verbs.absence import Absence
from fedispace.spaces.verbs.hosting import Hosting
from fedispace.threads.deletion import Deletion
from fedispace.threads.edits import Editing
from fedispace.threads.publish import Publishing
from fedispace.web.app import Web
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.api import api
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation
from fedispace.wiring.incoming import Incoming
from fedispace.wiring.spaces import Spaces
from fedispace.wiring.threads import Threads
from fedispace.wiring.web import pages
from fedispace.wiring.work import housekeeping, worker

MAX_REQUEST = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A built instance: what commands use, what the doors stand on, what the worker runs."""

    config: Config
    db: Database
    bus: Bus
    net: Net
    peers: Peers
    policy: DomainPolicy
    actors: Actors
    addresses: Addresses
    resolver: Resolver
    people: People
    registration: Registration
    key_rotation: KeyRotation
    password_change: PasswordChange
    sign_in: SignIn
    oauth: OAuth
    moving: Moving
    leaving: Leaving
    emoji_shelf: EmojiShelf
    suspending: Suspending
    lookup: Lookup
    publishing: Publishing
    deletion: Deletion
    editing: Editing
    reporting: Reporting
    evidence: EvidenceDrawer
    relaying: Relaying
    hosting: Hosting
    inbox: Inbox
    verifier: Verifier
    worker: Worker
    housekeeping: Periodic
    rooms: LiveRooms
    sfu: SfuClient | None
    fleet: Fleet
    outcomes: Outcomes
    traffic: Traffic
    clock: Clock
    obedience: Obedience
    watch: RoomWatch
    absence: Absence
    oversight: Oversight
    passes: Passes
    hub: Hub
    reactions: Reactions
    federation: FederationDoor
    api: Api
    pages: Web

    def web_application(self) -> web.Application:
        """Return the HTTP side: federation, API and pages on one router."""
        address = TrueAddress(self.config.server.trusted_proxies)
        application = web.Application(
            client_max_size=MAX_REQUEST, middlewares=[self.traffic.middleware, apologise, address.middleware]
        )
        application.on_response_prepare.append(unsigned)
        application.on_shutdown.append(self._send_away)
        application.add_routes(Health(self.db).routes())
        application.add_routes(self.federation.routes(self.pages.instead))
        application.add_routes(self.api.routes())
        application.add_routes(self.pages.routes())
        return application

    async def _send_away(self, _application: web.Application) -> None:
        """End what would go on for ever, so that stopping need not wait for it."""
        self.hub.send_away()
        self.rooms.streaming.send_away()

    def metrics(self, *, worker: bool, web: bool) -> Metrics:
        """Return what is told of the parts that run in this process."""
        return Metrics(
            clock=self.clock,
            db=self.db,
            outcomes=self.outcomes if worker else None,
            traffic=self.traffic if web else None,
            sfus=self.fleet.clients if web else None,
            hub=self.hub if web else None,
        )

    async def start(self, *, worker: bool, web: bool) -> None:
        """Begin to work, and to be ready for requests."""
        await self.bus.start()
        await ensure_instance_actor(self.db, self.actors, self.addresses)
        async with self.db.reading() as tx:
            await self.peers.load(tx)
        if web:
            await self.rooms.start()
            await self.obedience.start()
            await self.watch.start()
            await self.absence.start()
            await self.hub.start()
            await self.reactions.start()
        if worker:
            if self.db.dialect == "sqlite":
                await self._take_back_leases()
            self.worker.start()
            self.housekeeping.start()

    async def _take_back_leases(self) -> None:
        """Free what a former process held, at once instead of when its leases end: nobody else works here."""
        async with self.db.transaction() as tx:
            for table in (Delivery, Fanout, InboxItem, Job):
                await release_all(tx, table)

    async def close(self) -> None:
        """Stop, and let go of everything; what was claimed goes back with its lease."""
        await self.housekeeping.stop()
        await self.worker.stop()
        await self.absence.stop()
        await self.watch.stop()
        await self.hub.stop()
        await self.reactions.stop()
        await self.obedience.stop()
        await self.rooms.stop()
        await self.net.close()
        await self.bus.close()
        await self.db.close()


def build(
    config: Config,
    place: SfuPlace | None = None,
    *,
    clock: Clock | None = None,
    net: Net | None = None,
) -> App:
    """Construct an instance. Nothing connects, listens or runs yet.

    `clock` and `net` are given by tests that move time or map names to addresses.
    """
    base = Base(config, clock, net)
    federation = Federation(base)
    accounts = Accounts(base, federation)
    threads = Threads(base, federation, accounts)
    spaces = Spaces(base, federation, accounts, threads, place or no_sfu())
    leaving = Leaving(
        db=base.db,
        ids=base.ids,
        clock=base.clock,
        addresses=base.addresses,
        outbox=federation.outbox,
        people=accounts.people,
        departures=federation.departures,
        jobs=base.jobs,
        farewells=[spaces.hosting.say_goodbye],
        erasers=[
            threads.erasing.posts,
            threads.erasing.likes,
            threads.erasing.reactions,
            threads.erasing.votes,
        ],
    )
    incoming = Incoming(base, federation, accounts, threads, spaces)
    return App(
        config=config,
        db=base.db,
        bus=base.bus,
        net=base.net,
        peers=federation.peers,
        policy=federation.policy,
        actors=federation.actors,
        addresses=base.addresses,
        resolver=federation.resolver,
        people=accounts.people,
        registration=accounts.registration,
        key_rotation=accounts.key_rotation,
        password_change=accounts.password_change,
        sign_in=accounts.sign_in,
        oauth=accounts.oauth,
        moving=accounts.moving,
        leaving=leaving,
        emoji_shelf=accounts.emoji_shelf,
        suspending=accounts.suspending,
        lookup=accounts.lookup,
        publishing=threads.publishing,
        deletion=threads.deletion,
        editing=threads.editing,
        reporting=accounts.reporting,
        evidence=accounts.evidence,
        relaying=federation.relaying,
        hosting=spaces.hosting,
        inbox=incoming.inbox,
        verifier=federation.verifier,
        worker=worker(base, federation, accounts, threads, spaces, leaving, incoming),
        housekeeping=housekeeping(base, federation, accounts, threads, spaces, incoming),
        rooms=spaces.rooms,
        sfu=spaces.sfu,
        fleet=spaces.fleet,
        outcomes=Outcomes(deliveries=base.deliveries, arrivals=base.arrivals),
        traffic=Traffic(),
        clock=base.clock,
        obedience=spaces.obedience,
        watch=spaces.watch,
        absence=spaces.absence,
        oversight=spaces.oversight,
        passes=spaces.passes,
        hub=spaces.hub,
        reactions=spaces.reactions,
        federation=incoming.door,
        api=api(base, accounts, threads, spaces),
        pages=pages(base, accounts, threads, spaces, leaving),
    )
