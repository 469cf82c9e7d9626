"""Builds an instance from its configuration: the only place that constructs and connects the parts.

Bottom to top, in the order of the layers. Nothing here decides anything; a part takes what it needs
as constructor arguments, so reading this file is reading who depends on whom.
"""

import random
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from fedispace import __version__
from fedispace.accounts.activities import AccountInbox
from fedispace.accounts.blocked_askers import BlockedAskers
from fedispace.accounts.blocking import Blocking
from fedispace.accounts.departures import Departures
from fedispace.accounts.discovery import Discovery
from fedispace.accounts.documents import AccountDocuments
from fedispace.accounts.emoji_documents import EmojiDocuments
from fedispace.accounts.emoji_shelf import EmojiPlace, EmojiShelf
from fedispace.accounts.follower_digests import FollowerDigests
from fedispace.accounts.following import Following
from fedispace.accounts.follows import Follows
from fedispace.accounts.leaving import Leaving
from fedispace.accounts.link_checks import LinkChecks
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.move_inbox import MoveInbox
from fedispace.accounts.moves import Moves
from fedispace.accounts.moving import Moving
from fedispace.accounts.muting import Muting
from fedispace.accounts.news import ProfileNews
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.password_change import PasswordChange
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.people import People
from fedispace.accounts.private_notes import PrivateNotes
from fedispace.accounts.profile import Profiles
from fedispace.accounts.refreshing import Refreshing
from fedispace.accounts.registration import Registration
from fedispace.accounts.rotation import KeyRotation
from fedispace.accounts.shunning import Shunning
from fedispace.accounts.signin import SignIn
from fedispace.accounts.suspending import Suspending
from fedispace.accounts.synchronization import FollowSynchronization
from fedispace.api.app import Api
from fedispace.clock import Clock, SystemClock
from fedispace.config import Config
from fedispace.db.engine import Database, open_database
from fedispace.federation import dead_letters, tombstones
from fedispace.federation.actors import Actors, Keyring, ensure_instance_actor
from fedispace.federation.addresses import Addresses
from fedispace.federation.archive import Archive
from fedispace.federation.delivery import DeliveryPump
from fedispace.federation.fanout import FanoutPump
from fedispace.federation.http import FederationDoor
from fedispace.federation.inbox import Inbox, InboxPump, InboxTable
from fedispace.federation.models import Delivery, Fanout, InboxItem
from fedispace.federation.outbox import Outbox
from fedispace.federation.peers import Peers
from fedispace.federation.relaying import Relaying
from fedispace.federation.relays import Relays
from fedispace.federation.requests import SignedRequests
from fedispace.federation.resolve import Resolver
from fedispace.federation.rumours import Rumours
from fedispace.federation.sealing import Seal
from fedispace.federation.software import Software
from fedispace.federation.verify import Verifier
from fedispace.front import Health, TrueAddress, apologise, unsigned
from fedispace.ids import Ids, TimeOrderedIds
from fedispace.media.live.client import SfuClient
from fedispace.moderation import silence
from fedispace.moderation.policy import DomainPolicy
from fedispace.moderation.reports import ReportInbox, Reporting
from fedispace.net import Net
from fedispace.queue.bus import Bus, open_bus
from fedispace.queue.jobs import JobPump, Jobs
from fedispace.queue.leases import release_all
from fedispace.queue.models import Job
from fedispace.queue.periodic import Periodic
from fedispace.queue.worker import Worker
from fedispace.sfu_place import SfuPlace, no_sfu
from fedispace.spaces import tickets as space_tickets
from fedispace.spaces.activities import SpaceInbox
from fedispace.spaces.announced import Announced
from fedispace.spaces.arrival import Arrivals
from fedispace.spaces.documents import SpaceDocuments
from fedispace.spaces.doors import SpaceDoor
from fedispace.spaces.entering import Entering
from fedispace.spaces.hosting import Hosting
from fedispace.spaces.live import LiveRooms
from fedispace.spaces.lookup import SpaceLookup
from fedispace.spaces.tickets import Tickets
from fedispace.threads import idempotency
from fedispace.threads.activities import ThreadInbox
from fedispace.threads.approvals import Approvals
from fedispace.threads.attention import Attention
from fedispace.threads.backfill import Backfill
from fedispace.threads.bio import BioMarkup
from fedispace.threads.bookmarks import Bookmarking
from fedispace.threads.boost import Boosting
from fedispace.threads.collections import ThreadCollections
from fedispace.threads.deletion import Deletion
from fedispace.threads.documents import ThreadDocuments
from fedispace.threads.drafts import Drafts
from fedispace.threads.edits import Editing
from fedispace.threads.effects import Effects
from fedispace.threads.erasing import Erasing
from fedispace.threads.favourite import Favouriting
from fedispace.threads.featured import Featured, FeaturedDocuments, FeaturedInbox
from fedispace.threads.fetching import Fetching
from fedispace.threads.followed_tags import FollowedTags
from fedispace.threads.forwarding import Forwarding
from fedispace.threads.gathering import Gathering
from fedispace.threads.groups import GroupInbox, GroupNews
from fedispace.threads.hearing import heard, private_mention
from fedispace.threads.ingest import Ingest
from fedispace.threads.interaction_documents import InteractionDocuments
from fedispace.threads.interaction_inbox import InteractionInbox
from fedispace.threads.looking import Looking
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.pins import Pinning
from fedispace.threads.poll_news import PollNews
from fedispace.threads.polls import Polls
from fedispace.threads.publish import Publishing
from fedispace.threads.reactions import Reacting
from fedispace.threads.requests import Requests
from fedispace.threads.rumours import RumouredPosts
from fedispace.threads.sanitize import safe_html
from fedispace.threads.telling import Telling
from fedispace.threads.updates import Updates
from fedispace.threads.verification import Verification
from fedispace.threads.votes import Voting
from fedispace.web.app import Web


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
    following: Following
    profiles: Profiles
    moving: Moving
    leaving: Leaving
    emoji_shelf: EmojiShelf
    suspending: Suspending
    lookup: Lookup
    publishing: Publishing
    deletion: Deletion
    editing: Editing
    reporting: Reporting
    relaying: Relaying
    hosting: Hosting
    deliveries: DeliveryPump
    inbox: Inbox
    verifier: Verifier
    worker: Worker
    housekeeping: Periodic
    rooms: LiveRooms
    federation: FederationDoor
    api: Api
    pages: Web

    def web_application(self) -> web.Application:
        """Return the HTTP side: federation, API and pages on one router."""
        address = TrueAddress(self.config.server.trusted_proxies)
        application = web.Application(
            client_max_size=MAX_REQUEST, middlewares=[apologise, address.middleware]
        )
        application.on_response_prepare.append(unsigned)
        application.add_routes(Health(self.db).routes())
        application.add_routes(self.federation.routes())
        application.add_routes(self.api.routes())
        application.add_routes(self.pages.routes())
        return application

    async def start(self, *, worker: bool, web: bool) -> None:
        """Begin to work, and to be ready for requests."""
        await self.bus.start()
        await ensure_instance_actor(self.db, self.actors, self.addresses)
        async with self.db.reading() as tx:
            await self.peers.load(tx)
        if web:
            await self.rooms.start()
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
        await self.rooms.stop()
        await self.net.close()
        await self.bus.close()
        await self.db.close()


MAX_REQUEST = 1024 * 1024
USER_AGENT = f"fedispace/{__version__}"


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
    clock = clock or SystemClock()
    place = place or no_sfu()
    ids: Ids = TimeOrderedIds(clock)
    db = open_database(config.database.url)
    bus = open_bus(config.bus.url)
    net = net or Net(
        allow_private=config.federation.allow_private_addresses,
        allow_http=config.federation.allow_http,
        user_agent=f"{USER_AGENT} (+{config.origin})",
    )
    addresses = Addresses(config.origin, config.account_domain)
    jobs = Jobs(ids, clock, bus)

    policy = DomainPolicy(db, clock)
    keyring = Keyring(db, addresses, clock)
    relays = Relays(db, clock, addresses)
    outbox = Outbox(ids, clock, bus, Seal(keyring, clock), relays)
    departures = Departures(outbox, jobs)
    actors = Actors(ids, clock, addresses, departures)
    peers = Peers(clock)
    digests = FollowerDigests(db, addresses)
    requests = SignedRequests(net, keyring, peers, policy, clock, db, digests)
    resolver = Resolver(db, actors, requests, net, addresses, clock, plain_http=config.federation.allow_http)
    verifier = Verifier(db, resolver, addresses, policy, clock, relays)
    relaying = Relaying(db, ids, clock, addresses, actors, resolver, outbox, relays)

    people = People(ids, clock, addresses, safe_html, silence.mark)
    notifier = Notifier(ids, clock, bus, heard(), private_mention())
    passwords = Passwords()
    registration = Registration(db, ids, clock, addresses, actors, passwords)
    sign_in = SignIn(db, clock, ids, passwords)
    oauth = OAuth(db, clock, ids)
    follows = Follows(outbox, notifier)
    following = Following(db, ids, clock, addresses, outbox, people, follows, notifier)
    muting = Muting(db, ids, clock, people)
    shunning = Shunning(db, ids, clock, jobs, people, following)
    private_notes = PrivateNotes(db, clock, people)
    blocking = Blocking(db, ids, clock, addresses, outbox, people, follows)
    lookup = Lookup(db, resolver, people, addresses)
    refreshing = Refreshing(db, clock, jobs, resolver, people)
    moves = Moves(db, ids, clock, jobs, following, blocking)
    news = ProfileNews(ids, clock, addresses, outbox, actors)
    link_checks = LinkChecks(db, clock, net, jobs, plain_http=config.federation.allow_http)
    moving = Moving(
        db=db,
        ids=ids,
        addresses=addresses,
        outbox=outbox,
        people=people,
        lookup=lookup,
        resolver=resolver,
        news=news,
        moves=moves,
    )
    move_inbox = MoveInbox(db, clock, addresses, people, resolver, jobs, moves)
    profiles = Profiles(db, BioMarkup(people, addresses), news, link_checks)
    leave = (ids, clock, addresses, outbox, notifier, people, jobs)
    effects = Effects(*leave)
    approvals = Approvals(db, *leave)

    polls = Polls(clock, jobs)
    updates = Updates(ids, clock, addresses, outbox)
    ingest = Ingest(ids, clock, addresses, people, notifier, jobs, polls)
    publishing = Publishing(db, ids, clock, addresses, outbox, notifier, people, lookup, polls, jobs)
    editing = Editing(db, ids, clock, addresses, notifier, people, lookup, polls, updates)
    voting = Voting(db, ids, clock, addresses, outbox, people, jobs, polls)
    poll_news = PollNews(db, clock, resolver, people, notifier, jobs, ingest, updates)
    attention = Attention(db, clock)
    followed_tags = FollowedTags(db, ids, clock)
    reporting = Reporting(db, ids, clock, addresses, actors, outbox, people)
    drafts = Drafts(db, ids, clock, jobs, publishing, people)
    boosting = Boosting(db, ids, clock, addresses, outbox, notifier, people)
    favouriting = Favouriting(db, ids, clock, addresses, outbox, notifier, people)
    software = Software(db, clock, net, requests, jobs)
    reacting = Reacting(db, ids, clock, addresses, outbox, notifier, people, software)
    bookmarking = Bookmarking(db, ids, clock)
    pinning = Pinning(db, ids, clock, addresses, outbox)
    featured = Featured(db, ids, clock, resolver, people, ingest, jobs)
    deletion = Deletion(db, ids, clock, addresses, outbox, people, boosting)
    statuses = StatusLookup(db, resolver, people, ingest, addresses)

    tickets = Tickets(ids, clock, place.secret)
    sfu = SfuClient(place.control, place.secret)
    rooms = LiveRooms(db=db, ids=ids, clock=clock, bus=bus, sfu=sfu, secret=place.secret, tickets=tickets)
    hosting = Hosting(
        db=db,
        ids=ids,
        clock=clock,
        bus=bus,
        addresses=addresses,
        outbox=outbox,
        publishing=publishing,
        rooms=rooms,
        limits=config.spaces,
    )
    entering = Entering(
        db=db,
        ids=ids,
        clock=clock,
        addresses=addresses,
        people=people,
        requests=requests,
        tickets=tickets,
    )
    arrivals = Arrivals(ids, clock)
    spaces = SpaceLookup(db, resolver, people, addresses, arrivals)

    suspending = Suspending(
        db=db,
        ids=ids,
        clock=clock,
        addresses=addresses,
        outbox=outbox,
        people=people,
        follows=follows,
        news=news,
    )
    erasing = Erasing(clock, notifier, jobs)
    leaving = Leaving(
        db=db,
        ids=ids,
        clock=clock,
        addresses=addresses,
        outbox=outbox,
        people=people,
        departures=departures,
        jobs=jobs,
        farewells=[hosting.say_goodbye],
        erasers=[erasing.posts, erasing.likes, erasing.reactions, erasing.votes],
    )

    inbox = Inbox(db, ids, clock, bus)
    table = InboxTable()
    table.mount(
        AccountInbox.routes,
        AccountInbox(ids, clock, addresses, outbox, actors, people, follows, notifier, relays),
    )
    table.mount(ReportInbox.routes, ReportInbox(ids, clock, addresses, people))
    table.mount(MoveInbox.routes, move_inbox)
    table.mount(GroupInbox.routes, GroupInbox(clock, addresses, jobs))
    table.mount(FeaturedInbox.routes, FeaturedInbox(ids, clock, people, jobs))
    table.mount(
        ThreadInbox.routes, ThreadInbox(ids, clock, addresses, people, notifier, jobs, ingest, voting, relays)
    )
    table.mount(
        InteractionInbox.routes,
        InteractionInbox(
            clock,
            addresses,
            people,
            ingest,
            Requests(ids, clock, addresses, notifier),
            approvals,
            effects,
        ),
    )
    table.mount(
        SpaceInbox.routes,
        SpaceInbox(
            ids=ids,
            clock=clock,
            addresses=addresses,
            people=people,
            arrivals=arrivals,
            outbox=outbox,
            jobs=jobs,
        ),
    )
    synchronization = FollowSynchronization(db, ids, clock, addresses, jobs, requests, follows, outbox)
    federation = FederationDoor(
        inbox=inbox,
        verifier=verifier,
        rumours=Rumours(db, clock, addresses, jobs),
        synchronization=synchronization,
        blocked=BlockedAskers(db),
        addresses=addresses,
        discovery=Discovery(db, clock, addresses, config.instance),
        join_door=SpaceDoor(db, people, entering),
        authorized_fetch=config.federation.authorized_fetch,
    )
    federation.mount(Archive.routes, Archive(db, addresses))
    federation.mount(AccountDocuments.routes, AccountDocuments(db, addresses, people, actors))
    federation.mount(EmojiDocuments.routes, EmojiDocuments(db, addresses))
    federation.mount(FeaturedDocuments.routes, FeaturedDocuments(db, addresses, people))
    federation.mount(ThreadDocuments.routes, ThreadDocuments(db, clock, addresses, people))
    federation.mount(ThreadCollections.routes, ThreadCollections(db, addresses, people))
    federation.mount(InteractionDocuments.routes, InteractionDocuments(db, addresses))
    federation.mount(SpaceDocuments.routes, SpaceDocuments(db, people, addresses))

    forwarding = Forwarding(verifier, outbox, addresses, clock)
    inbox_pump = InboxPump(db, clock, bus, table, resolver, peers, forwarding, heard_of=refreshing.notice)
    rumoured = RumouredPosts(db, clock, addresses, resolver, ingest, effects)
    deliveries = DeliveryPump(db, ids, clock, bus, requests, peers, random.Random())  # noqa: S311 - jitter
    telling = Telling(db, people, notifier)
    fetching = Fetching(db, clock, addresses, resolver, ingest)
    backfill = Backfill(db, ids, clock, people, notifier, fetching)
    group_news = GroupNews(db, ids, clock, addresses, resolver, people, notifier, fetching)
    gathering = Gathering(db, clock, addresses, resolver, jobs, fetching)
    looking = Looking(db=db, clock=clock, jobs=jobs, addresses=addresses)
    verification = Verification(db, *leave, resolver, ingest)
    announced = Announced(db, resolver, people, arrivals)
    own_work = {
        **drafts.tasks(),
        **poll_news.tasks(),
        **telling.tasks(),
        **approvals.tasks(),
        **shunning.tasks(),
        **moves.tasks(),
        **leaving.tasks(),
    }
    questions = {
        **backfill.tasks(),
        **gathering.tasks(),
        **featured.tasks(),
        **group_news.tasks(),
        **software.tasks(),
        **announced.tasks(),
        **link_checks.tasks(),
        **rumoured.tasks(),
        **verification.tasks(),
        **synchronization.tasks(),
        **refreshing.tasks(),
        **move_inbox.tasks(),
    }
    worker = Worker(
        [
            inbox_pump,
            JobPump(db, clock, own_work, others=questions),
            JobPump(db, clock, questions, others=own_work),
            FanoutPump(db, ids, clock, bus, policy, peers),
            deliveries,
        ],
        bus,
    )

    async def forget_silent_peers() -> None:
        async with db.transaction() as tx:
            await peers.prune(tx)

    async def forget_former_keys() -> None:
        async with db.transaction() as tx:
            await actors.prune(tx)

    async def forget_what_is_over() -> None:
        await dead_letters.give_up_the_old(db, clock)
        await dead_letters.prune(db, clock)
        await outbox.prune(db)
        await tombstones.prune(db, clock, addresses)

    api = Api(
        config=config,
        clock=clock,
        db=db,
        addresses=addresses,
        oauth=oauth,
        people=people,
        following=following,
        blocking=blocking,
        muting=muting,
        shunning=shunning,
        private_notes=private_notes,
        attention=attention,
        followed_tags=followed_tags,
        account_lookup=lookup,
        profiles=profiles,
        refreshing=refreshing,
        status_lookup=statuses,
        space_lookup=spaces,
        publishing=publishing,
        drafts=drafts,
        deletion=deletion,
        boosting=boosting,
        favouriting=favouriting,
        bookmarking=bookmarking,
        pinning=pinning,
        featured=featured,
        reporting=reporting,
        reacting=reacting,
        editing=editing,
        approvals=approvals,
        voting=voting,
        poll_news=poll_news,
        looking=looking,
        hosting=hosting,
        entering=entering,
        rooms=rooms,
    )
    pages = Web(
        config=config,
        clock=clock,
        ids=ids,
        db=db,
        addresses=addresses,
        sign_in=sign_in,
        oauth=oauth,
        people=people,
        profiles=profiles,
        refreshing=refreshing,
        moving=moving,
        leaving=leaving,
        passwords=passwords,
        blocking=blocking,
        muting=muting,
        shunning=shunning,
        attention=attention,
        followed_tags=followed_tags,
        editing=editing,
        reporting=reporting,
        following=following,
        account_lookup=lookup,
        status_lookup=statuses,
        space_lookup=spaces,
        publishing=publishing,
        approvals=approvals,
        drafts=drafts,
        deletion=deletion,
        boosting=boosting,
        favouriting=favouriting,
        bookmarking=bookmarking,
        pinning=pinning,
        featured=featured,
        reacting=reacting,
        voting=voting,
        poll_news=poll_news,
        looking=looking,
        hosting=hosting,
        entering=entering,
    )
    emoji_place = EmojiPlace.of(config.media.directory, config.media.url, config.origin)
    return App(
        config=config,
        db=db,
        bus=bus,
        net=net,
        peers=peers,
        policy=policy,
        actors=actors,
        addresses=addresses,
        resolver=resolver,
        people=people,
        registration=registration,
        key_rotation=KeyRotation(db, people, actors, news),
        password_change=PasswordChange(db, passwords),
        sign_in=sign_in,
        oauth=oauth,
        following=following,
        profiles=profiles,
        moving=moving,
        leaving=leaving,
        emoji_shelf=EmojiShelf(db, ids, clock, emoji_place),
        suspending=suspending,
        lookup=lookup,
        publishing=publishing,
        deletion=deletion,
        editing=editing,
        reporting=reporting,
        relaying=relaying,
        hosting=hosting,
        deliveries=deliveries,
        inbox=inbox,
        verifier=verifier,
        worker=worker,
        housekeeping=Periodic(
            [
                hosting.reap,
                poll_news.close_due,
                inbox_pump.prune,
                forget_silent_peers,
                forget_former_keys,
                forget_what_is_over,
                sign_in.prune,
                oauth.prune,
                muting.prune,
                partial(idempotency.prune, db, clock),
                partial(space_tickets.prune, db, clock),
            ]
        ),
        rooms=rooms,
        federation=federation,
        api=api,
        pages=pages,
    )
