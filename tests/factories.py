"""What a feature's test starts from: a database with the real schema, people here and elsewhere.

`Home` is one instance without HTTP: its database, its bus, and the engines' objects, wired as the
application wires them. Remote actors are stored as federation stores them, from their documents.
"""

import atexit
import contextlib
import os
import secrets
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import msgspec
from sqlalchemy import select

from fedispace import strictjson
from fedispace.accounts.departures import Departures
from fedispace.accounts.follows import Follows
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.people import People
from fedispace.accounts.registration import Registration
from fedispace.clock import ManualClock
from fedispace.db.engine import Database, open_database
from fedispace.db.migrations import migrate
from fedispace.federation import codec
from fedispace.federation.actors import Actors, Keyring
from fedispace.federation.addresses import Addresses
from fedispace.federation.inbox import Inbox, InboxPump, InboxTable
from fedispace.federation.keys import KeyPair, new_key_pair
from fedispace.federation.models import InboxItem, OutboxItem
from fedispace.federation.outbox import Outbox
from fedispace.federation.peers import Peers
from fedispace.federation.policy import Open
from fedispace.federation.requests import SignedRequests
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Verified
from fedispace.federation.sealing import Seal
from fedispace.federation.vocab.activities import Activity, Object
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import TimeOrderedIds
from fedispace.moderation import silence
from fedispace.net import Net
from fedispace.queue.bus import MemoryBus
from fedispace.queue.jobs import Jobs
from fedispace.threads.hearing import heard, private_mention
from fedispace.threads.sanitize import clean
from tests.ground.ground import Missing
from tests.ground.postgres import Postgres, find_binaries

ORIGIN = "https://a.example"
PASSWORD = "correct horse battery"

_template: bytes | None = None
_postgres_templates: dict[Postgres, str] = {}
_copies: dict[Path, list[tuple[Postgres, str]]] = {}
"""The databases of PostgreSQL that were made for each directory."""


async def make_database(directory: Path) -> Database:
    """Return a migrated, empty database; see `make_database_url`."""
    return open_database(await make_database_url(directory))


async def make_database_url(directory: Path) -> str:
    """Return the URL of a migrated, empty database; the migrations themselves run once in a test run.

    A SQLite in `directory`; or, with FEDISPACE_TEST_DATABASE=postgres, one of a PostgreSQL server
    that is started for the run.
    """
    if os.environ.get("FEDISPACE_TEST_DATABASE") == "postgres":
        return await make_postgres_url(directory, _postgres())
    global _template
    path = directory / "fedispace.sqlite3"
    if _template is None:
        await _migrated(f"sqlite:///{path}")
        _template = path.read_bytes()
    else:
        path.write_bytes(_template)
    return f"sqlite:///{path}"


async def make_postgres_url(directory: Path, postgres: Postgres) -> str:
    """Return the URL of a migrated, empty database of `postgres`, which is gone once `directory` is."""
    if postgres not in _postgres_templates:
        url = postgres.database()
        await _migrated(url)
        _postgres_templates[postgres] = url
    server, _, template = _postgres_templates[postgres].rpartition("/")
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        for gone in [each for each in _copies if not each.exists()]:
            for owner, left in [each for each in _copies[gone] if each[0] is postgres]:
                await connection.execute(f'DROP DATABASE "{left}" WITH (FORCE)')
                _copies[gone].remove((owner, left))
            if not _copies[gone]:
                del _copies[gone]
        # Files are copied in less time than their pages are logged, as nothing waits for the disk here.
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    finally:
        await connection.close()
    _copies.setdefault(directory, []).append((postgres, name))
    return f"{server}/{name}"


async def _migrated(url: str) -> None:
    first = open_database(url)
    await migrate(first)
    await first.close()


@cache
def _postgres() -> Postgres:
    binaries = find_binaries()
    if binaries is None:
        raise Missing("there is no PostgreSQL server (Debian: postgresql)")
    server = Postgres(binaries)
    atexit.register(server.stop)
    return server


@cache
def keys() -> KeyPair:
    """Return the keys every actor of a test run shares: making RSA keys is slow."""
    return new_key_pair()


def remote_actor(
    username: str = "bob",
    host: str = "b.example",
    *,
    scheme: str = "https",
    type: str = "Person",
    name: str | None = None,
    summary: str | None = None,
    locked: bool = False,
    shared_inbox: bool = True,
    uri: str = "",
) -> Actor:
    """Return what an actor of another server says of itself."""
    id_ = Uri(uri or f"{scheme}://{host}/users/{username}")
    return Actor(
        id=id_,
        type=type,
        preferred_username=username,
        name=name,
        summary=summary,
        url=Uri(f"{scheme}://{host}/@{username}"),
        inbox=Uri(f"{id_}/inbox"),
        outbox=Uri(f"{id_}/outbox"),
        followers=Uri(f"{id_}/followers"),
        following=Uri(f"{id_}/following"),
        shared_inbox=Uri(f"{scheme}://{host}/inbox") if shared_inbox else None,
        manually_approves_followers=locked,
        discoverable=True,
        public_keys=(PublicKeyRef(id=Uri(f"{id_}#main-key"), owner=id_, kind="rsa", pem=keys().rsa_public),),
    )


class Home:
    """One instance, a.example unless told otherwise."""

    def __init__(self, db: Database, *, origin: str = ORIGIN, net: Net | None = None) -> None:
        self.db = db
        self.clock = ManualClock()
        self.ids = TimeOrderedIds(self.clock)
        self.bus = MemoryBus()
        self.addresses = Addresses(origin, origin.split("://", 1)[1])
        self.keyring = Keyring(db, self.addresses, self.clock)
        self.outbox = Outbox(self.ids, self.clock, self.bus, Seal(self.keyring, self.clock))
        departures = Departures(self.outbox, Jobs(self.ids, self.clock, self.bus))
        self.actors = Actors(self.ids, self.clock, self.addresses, departures)
        self.people = People(self.ids, self.clock, self.addresses, clean, silence.mark)
        self.notifier = Notifier(self.ids, self.clock, self.bus, heard(), private_mention())
        self.follows = Follows(self.outbox, self.notifier)
        self.passwords = Passwords()
        self.registration = Registration(
            db, self.ids, self.clock, self.addresses, self.actors, self.passwords
        )
        self.net = net or Net(user_agent="fedispace tests")
        self.peers = Peers(self.clock)
        self.requests = SignedRequests(self.net, self.keyring, self.peers, Open(), self.clock, db)
        self.resolver = Resolver(
            db, self.actors, self.requests, self.net, self.addresses, self.clock, plain_http=True
        )
        self.inbox_table = InboxTable()
        self._inbox = Inbox(db, self.ids, self.clock, self.bus)
        self._pump = InboxPump(db, self.clock, self.bus, self.inbox_table, self.resolver, self.peers)

    async def instance_actor(self) -> None:
        """Write the instance's own actor, as its first start does but with shared keys."""
        uri = self.addresses.instance_actor
        async with self.db.transaction() as tx:
            await self.actors.create_local(tx, uri=uri, type="Application", keys=keys())

    async def person(self, username: str = "alice", *, locked: bool = False) -> Account:
        """Return a new local person, as registration writes one but with shared keys and no sign-in."""
        uri = self.addresses.actor(username)
        async with self.db.transaction() as tx:
            row = await self.actors.create_local(tx, uri=uri, type="Person", keys=keys())
            account = Account(
                id=row.id,
                uri=uri,
                username=username,
                name_key=username.lower(),
                domain="",
                url=self.addresses.profile(username),
                locked=locked,
                created_at=self.clock.now(),
            )
            tx.add(account)
        return account

    async def stranger(self, actor: Actor | None = None) -> Account:
        """Return a person of another server who is known here: bob@b.example unless told otherwise."""
        actor = actor or remote_actor()
        async with self.db.transaction() as tx:
            await self.actors.store(tx, actor)
            return await self.people.ensure(tx, actor.id)

    async def account(self, account_id: int) -> Account:
        """Return an account as the database has it now."""
        async with self.db.reading() as tx:
            return await self.people.by_id(tx, account_id)

    async def receive(self, activity: Activity, *, sender: str = "") -> str:
        """Let an activity come in, verified as `sender`'s; return what became of it.

        `done`, `ignored ...` or `dropped ...` with the reason. A crash of the handler is raised.
        """
        sent_by = Uri(sender or getattr(activity, "actor", None) or "")
        body = msgspec.json.encode(codec.write(activity))
        await self._inbox.accept(Verified(activity, sent_by), body)
        while await self._pump.pump():
            await self._pump.idle()
        async with self.db.reading() as tx:
            item = (await tx.scalars(select(InboxItem).where(InboxItem.activity_id == activity.id))).one()
        if item.state == "pending":
            raise AssertionError(f"the handler of {activity} crashed; see the log")
        return item.state if item.note is None else f"{item.state} {item.note}"

    async def sent(self) -> list[Object]:
        """Return every activity that was written to go out, oldest first."""
        async with self.db.reading() as tx:
            bodies = await tx.scalars(select(OutboxItem.body).order_by(OutboxItem.id))
        return [codec.read(strictjson.loads(body)) for body in bodies]


@contextlib.asynccontextmanager
async def open_home(directory: Path, *, origin: str = ORIGIN, net: Net | None = None) -> AsyncIterator[Home]:
    """Open an instance in `directory`, with its instance actor, and close it again."""
    db = await make_database(directory)
    home = Home(db, origin=origin, net=net)
    await home.instance_actor()
    try:
        yield home
    finally:
        await home.net.close()
        await db.close()
