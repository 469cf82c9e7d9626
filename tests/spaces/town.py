"""A small instance with everything a Space needs, on a real SQLite; served over HTTP on demand."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import select

from fedispace.accounts.blocked_askers import BlockedAskers
from fedispace.accounts.departures import Departures
from fedispace.accounts.documents import AccountDocuments
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account, Block, Follow, User
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.people import People
from fedispace.accounts.webfinger import webfinger
from fedispace.clock import Clock
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation import codec
from fedispace.federation.actors import Actors, Keyring
from fedispace.federation.addresses import Addresses
from fedispace.federation.http import FederationDoor
from fedispace.federation.inbox import Inbox
from fedispace.federation.models import OutboxItem
from fedispace.federation.outbox import Outbox
from fedispace.federation.peers import Peers
from fedispace.federation.policy import Open
from fedispace.federation.requests import SignedRequests
from fedispace.federation.resolve import Fetched, Resolver
from fedispace.federation.routes import Verified
from fedispace.federation.rumours import Rumours
from fedispace.federation.verify import Verifier
from fedispace.federation.vocab.activities import Activity
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import TimeOrderedIds
from fedispace.net import Net
from fedispace.queue.bus import MemoryBus
from fedispace.queue.jobs import Jobs
from fedispace.spaces.entry.bearers import Bearers
from fedispace.spaces.entry.doors import SpaceDoor
from fedispace.spaces.entry.entering import Entering
from fedispace.spaces.entry.passes import Passes
from fedispace.spaces.entry.tickets import Tickets
from fedispace.spaces.events.voices import require_voice
from fedispace.spaces.fediverse.activities import SpaceInbox
from fedispace.spaces.fediverse.arrival import Arrivals
from fedispace.spaces.fediverse.documents import SpaceDocuments
from fedispace.spaces.fediverse.invitation_post import InvitationPost
from fedispace.spaces.fediverse.lookup import SpaceLookup
from fedispace.spaces.fediverse.our_events import OurEvents
from fedispace.spaces.fediverse.rsvp_inbox import RsvpInbox
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.models import Space
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.verbs.acting import Orders
from fedispace.spaces.verbs.herald import Herald
from fedispace.spaces.verbs.hosting import Hosting, Rooms
from fedispace.threads.hearing import heard, private_mention
from fedispace.threads.polls import Polls
from fedispace.threads.publish import Publishing
from fedispace.threads.sanitize import clean
from fedispace.wiring.rooms import RoomVerbs
from tests.factories import keys, make_database

SECRET = b"a secret of thirty-two bytes, or more"
_numbers = itertools.count(1)


class ClosedRooms:
    """The live side for tests without sound: a list of the rooms that were closed."""

    def __init__(self) -> None:
        self.closed: list[int] = []

    async def close(self, space_id: int) -> None:
        self.closed.append(space_id)


class KeptOrders:
    """The audio servers for tests without sound: what they would have been told."""

    def __init__(self) -> None:
        self.obeyed: list[tuple[int, set[int]]] = []
        self.hung_up: list[tuple[str, str]] = []

    async def obey(self, space_id: int, account_ids: set[int]) -> None:
        self.obeyed.append((space_id, account_ids))

    async def hang_up(self, sessions: list[tuple[str, str]]) -> None:
        self.hung_up += sessions


class Town:
    """`town = await Town.open(directory, clock, "http://127.0.0.1:8001")`; `await town.close()`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        origin: str,
        *,
        limits: Limits | None = None,
        rooms: Rooms | None = None,
        orders: Orders | None = None,
    ) -> None:
        self.db = db
        self.clock = clock
        self.ids = TimeOrderedIds(clock)
        self.bus = MemoryBus()
        self.addresses = Addresses(origin, origin.split("://", 1)[1])
        self.outbox = Outbox(self.ids, clock, self.bus)
        self.actors = Actors(
            self.ids, clock, self.addresses, Departures(self.outbox, Jobs(self.ids, clock, self.bus))
        )
        self.net = Net(allow_private=["127.0.0.0/8"], allow_http=True, user_agent="fedispace tests")
        keyring, peers = Keyring(db, self.addresses, clock), Peers(clock)
        requests = SignedRequests(self.net, keyring, peers, Open(), clock, db)
        self.resolver = Resolver(db, self.actors, requests, self.net, self.addresses, clock, plain_http=True)
        self.people = People(self.ids, clock, self.addresses, clean)
        self.tickets = Tickets(self.ids, clock, SECRET)
        self.passes = Passes(db=db, ids=self.ids, clock=clock, tickets=self.tickets)
        self.oauth = OAuth(db, clock, self.ids)
        self.bearers = Bearers(clock=clock, tickets=self.tickets, passes=self.passes, oauth=self.oauth)
        self.rooms = ClosedRooms()
        self.jobs = Jobs(self.ids, clock, self.bus)
        events = OurEvents(self.addresses, strangers_listen=(limits or Limits()).anonymous_listening)
        self.tidings = Tidings(self.ids, clock, self.bus, self.addresses, self.outbox, events)
        self.orders = KeptOrders()
        self.notifier = Notifier(self.ids, clock, self.bus, heard(), private_mention())
        post = self.post = InvitationPost(self.ids, self.addresses, self.outbox, self.notifier, events)
        self.herald = Herald(clock, self.tidings, post)
        self.verbs = RoomVerbs(
            db=db,
            ids=self.ids,
            clock=clock,
            addresses=self.addresses,
            bus=self.bus,
            limits=limits or Limits(),
            orders=orders or self.orders,
            herald=self.herald,
            lookup=Lookup(db, self.resolver, self.people, self.addresses),
            exits=Exits(clock, self.bus),
            jobs=self.jobs,
            tidings=self.tidings,
        )
        self.publishing = self._publishing()
        self.hosting = Hosting(
            db=db,
            ids=self.ids,
            clock=clock,
            jobs=self.jobs,
            addresses=self.addresses,
            tidings=self.tidings,
            publishing=self.publishing,
            rooms=rooms or self.rooms,
            limits=limits or Limits(),
        )
        self.entering = Entering(
            db=db,
            ids=self.ids,
            clock=clock,
            addresses=self.addresses,
            people=self.people,
            requests=requests,
            tickets=self.tickets,
            strangers_listen=(limits or Limits()).anonymous_listening,
        )
        self.door = SpaceDoor(db, self.people, self.entering)
        arrivals = Arrivals(self.ids, clock, self.jobs)
        self.lookup = SpaceLookup(db, self.resolver, self.people, self.addresses, arrivals)
        self.inbox = SpaceInbox(
            clock=clock, addresses=self.addresses, people=self.people, arrivals=arrivals, jobs=self.jobs
        )
        self.rsvps = RsvpInbox(
            ids=self.ids,
            clock=clock,
            addresses=self.addresses,
            people=self.people,
            outbox=self.outbox,
            takes_rsvps=(limits or Limits()).rsvp,
        )
        self.documents = SpaceDocuments(db, self.people, self.addresses, events)
        self._runner: web.AppRunner | None = None
        self._fan: Account | None = None

    @classmethod
    async def open(cls, directory: Path, clock: Clock, origin: str, **more: Any) -> "Town":
        home = directory / f"town-{next(_numbers)}"
        home.mkdir()
        town = cls(await make_database(home), clock, origin, **more)
        async with town.db.transaction() as tx:
            await town.actors.create_local(
                tx, uri=town.addresses.instance_actor, type="Application", keys=keys()
            )
        return town

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self.net.close()
        await self.db.close()

    async def serve(self) -> None:
        """Serve the federation door at the origin."""
        door = FederationDoor(
            inbox=Inbox(self.db, self.ids, self.clock, self.bus),
            verifier=Verifier(self.db, self.resolver, self.addresses, Open(), self.clock),
            rumours=Rumours(self.db, self.clock, self.addresses, Jobs(self.ids, self.clock, self.bus)),
            synchronization=_Quiet(),
            blocked=BlockedAskers(self.db),
            addresses=self.addresses,
            discovery=_Discovery(self.db, self.addresses),
            join_door=self.door,
            authorized_fetch=False,
        )
        people = AccountDocuments(self.db, self.addresses, self.people, self.actors)
        door.mount(AccountDocuments.routes, people)
        door.mount(SpaceDocuments.routes, self.documents)
        app = web.Application()
        app.add_routes(door.routes())
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        host, port = self.addresses.host.split(":")
        await web.TCPSite(self._runner, host, int(port)).start()

    def _publishing(self) -> Publishing:
        lookup = Lookup(self.db, self.resolver, self.people, self.addresses)
        notifier = Notifier(self.ids, self.clock, self.bus, heard(), private_mention())
        return Publishing(
            self.db,
            self.ids,
            self.clock,
            self.addresses,
            self.outbox,
            notifier,
            self.people,
            lookup,
            Polls(self.clock, Jobs(self.ids, self.clock, self.bus)),
            Jobs(self.ids, self.clock, self.bus),
            may_answer=require_voice,
        )

    async def resident(self, username: str) -> Account:
        """Create somebody who lives here, with the keys of the run."""
        uri = self.addresses.actor(username)
        async with self.db.transaction() as tx:
            actor = await self.actors.create_local(tx, uri=uri, type="Person", keys=keys())
            account = Account(
                id=actor.id,
                uri=uri,
                username=username,
                name_key=username,
                domain="",
                display_name=username.title(),
                url=self.addresses.profile(username),
                created_at=self.clock.now(),
            )
            tx.add(account)
            await tx.flush()
            tx.add(
                User(
                    id=actor.id,
                    email=f"{username}@mail.example",
                    password_hash="",
                    role="user",
                    created_at=self.clock.now(),
                )
            )
        return account

    async def stranger(self, username: str, host: str = "b.example") -> Account:
        """Make somebody of another server known, as their signature would have."""
        uri = Uri(f"https://{host}/users/{username}")
        async with self.db.transaction() as tx:
            await self.actors.store(
                tx,
                Actor(
                    id=uri,
                    type="Person",
                    preferred_username=username,
                    inbox=Uri(f"{uri}/inbox"),
                    followers=Uri(f"{uri}/followers"),
                ),
            )
            return await self.people.ensure(tx, uri)

    async def neighbour(self, username: str, host: str = "b.example") -> Account:
        """Make somebody of another server known whom one of ours follows."""
        account = await self.stranger(username, host)
        if self._fan is None:
            self._fan = await self.resident("fan")
        await self.follow(self._fan, account)
        return account

    async def follow(self, by: Account, target: Account) -> None:
        id_ = self.ids.next()
        async with self.db.transaction() as tx:
            tx.add(
                Follow(
                    id=id_,
                    account_id=by.id,
                    target_id=target.id,
                    uri=f"{by.uri}#follow-{id_}",
                    accepted=True,
                    created_at=self.clock.now(),
                )
            )

    async def block(self, by: Account, target: Account) -> None:
        id_ = self.ids.next()
        async with self.db.transaction() as tx:
            tx.add(
                Block(
                    id=id_,
                    account_id=by.id,
                    target_id=target.id,
                    uri=f"{by.uri}#block-{id_}",
                    created_at=self.clock.now(),
                )
            )

    async def suspend(self, account: Account) -> None:
        async with self.db.transaction() as tx:
            found = await tx.get(Account, account.id)
            assert found is not None
            found.suspended_at = self.clock.now()

    async def live_space(self, host: Account, **more: Any) -> Space:
        """Return a Space of `host` that has just gone live."""
        space = await self.hosting.create(host, title="An open floor", **more)
        return await self.hosting.open(host, space.id)

    async def stored(self, space_id: int) -> Space:
        async with self.db.reading() as tx:
            found = await tx.get(Space, space_id)
            assert found is not None
            return found

    async def space_with(self, uri: str) -> Space | None:
        async with self.db.reading() as tx:
            return (await tx.scalars(select(Space).where(Space.uri == uri))).one_or_none()

    async def sent(self) -> list[dict[str, Any]]:
        """Return what people here sent, first to last, as peers will read it."""
        return [json.loads(item.body) for item in await self._outgoing() if not self._by_instance(item)]

    async def audiences(self) -> list[dict[str, Any]]:
        """Return who was told of it."""
        return [item.audience for item in await self._outgoing() if not self._by_instance(item)]

    async def said_by_the_instance(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return what the instance actor sent, each with its audience."""
        mine = [item for item in await self._outgoing() if self._by_instance(item)]
        return [(json.loads(item.body), item.audience) for item in mine]

    async def _outgoing(self) -> Sequence[OutboxItem]:
        async with self.db.reading() as tx:
            return (await tx.scalars(select(OutboxItem).order_by(OutboxItem.id))).all()

    def _by_instance(self, item: OutboxItem) -> bool:
        return str(json.loads(item.body)["actor"]) == self.addresses.instance_actor

    async def receive(self, activity: Activity) -> None:
        """Apply an activity whose signature was verified, as the inbox does: by our routes."""
        assert activity.actor is not None
        carried = getattr(activity, "object", None)
        nothing = Fetched({})
        for feature in (self.inbox, self.rsvps):
            for route in feature.routes.table:
                if route.activity is type(activity) and route.object in (None, type(carried)):
                    async with self.db.transaction() as tx:
                        await route.handler(feature, tx, Verified(activity, activity.actor), nothing)

    async def apply(self, document: Mapping[str, Any]) -> None:
        """Read an activity from JSON and apply it."""
        await self.receive(codec.read_activity(dict(document)))


class _Discovery:
    """WebFinger and nothing else."""

    def __init__(self, db: Database, addresses: Addresses) -> None:
        self._db = db
        self._addresses = addresses

    async def webfinger(self, resource: str) -> Mapping[str, Any]:
        async with self._db.reading() as tx:
            return await webfinger(tx, self._addresses, resource)

    def host_meta(self) -> str:
        raise NotFound("not here")

    def nodeinfo_links(self) -> Mapping[str, Any]:
        raise NotFound("not here")

    async def nodeinfo(self, version: str) -> Mapping[str, Any]:
        raise NotFound("not here")


class _Quiet:
    """Nobody here compares followers."""

    async def heard(self, sender: str, header: str) -> None:
        return
