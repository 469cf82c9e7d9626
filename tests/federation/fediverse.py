"""Whole instances in one process, alpha (a.test), beta (b.test) and more, and a peer that is not ours.

Each instance is built as for its operator and serves real HTTP on the loopback. Nothing runs by itself:
`settle()` lets the workers of both do what is due until nothing is.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy import func, select

from fedispace.accounts.models import Account, User
from fedispace.accounts.scopes import parse
from fedispace.app import App, build
from fedispace.clock import ManualClock
from fedispace.config import Config, Database, Federation, Instance
from fedispace.db.base import Base
from fedispace.federation.inbox import pending
from fedispace.federation.models import Delivery, Fanout, InboxItem
from fedispace.moderation.rules import set_rule
from fedispace.net import Net
from fedispace.queue.jobs import alive
from fedispace.queue.leases import is_any_due
from fedispace.queue.models import Job
from tests.api.site import EVERYTHING, Client
from tests.factories import keys, make_database_url
from tests.federation.peer import Peer
from tests.ground.ports import free_port

SUBDOMAINS = tuple(f"s{number}.evil.test" for number in range(30))
DIALECTS = {
    "gancio": "gancio.example",
    "gotosocial": "gts.example",
    "lemmy": "lemmy.example",
    "mastodon": "mastodon.example",
    "misskey": "misskey.example",
    "mitra": "mitra.example",
    "mobilizon": "mobilizon.example",
    "peertube": "tube.example",
    "pleroma": "pleroma.example",
    "sharkey": "sharkey.example",
    "snac": "snac.example",
    "takahe": "takahe.example",
    "wordpress": "wordpress.example",
}
"""Where the corpus has the people of each software live."""
ELSEWHERE = ("new.example", "old.example", "other.example")
PEER_HOSTS = (
    "c.test",
    "d.test",
    "e.test",
    "evil.test",
    "good.test",
    *SUBDOMAINS,
    *DIALECTS.values(),
    *ELSEWHERE,
)
ROUNDS = 30

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """One instance: `app` as it is built, `port` where it listens, `origin` what it is called."""

    def __init__(self, host: str, port: int, app: App, clock: ManualClock) -> None:
        self.host = host
        self.port = port
        self.app = app
        self.clock = clock
        self.origin = f"http://{host}"
        self.inbox = f"{self.origin}/inbox"
        self._clients: list[Client] = []
        self._runner: web.AppRunner | None = None
        self.asked: list[str] = []
        """What was asked of it, path and query, in order."""
        self.failing: set[str] = set()
        """Paths that answer 503."""

    async def start(self) -> None:
        """Begin to answer, as the instance actor that is already there."""
        async with self.app.db.transaction() as tx:
            await self.app.actors.create_local(
                tx, uri=self.app.addresses.instance_actor, type="Application", keys=keys()
            )
        await self.app.start(worker=False, web=False)
        await self.listen()

    async def listen(self) -> None:
        application = self.app.web_application()
        application.middlewares.insert(0, self._overhear)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    @web.middleware
    async def _overhear(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "GET" and not request.path.startswith("/api/"):
            self.asked.append(request.path_qs)
        if request.path in self.failing:
            return web.Response(status=503)
        return await handler(request)

    async def stop_listening(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def close(self) -> None:
        for client in self._clients:
            await client.session.close()
        await self.stop_listening()
        await self.app.close()

    async def person(self, name: str, *, locked: bool = False) -> Client:
        """Return the API client of a new person; people of a run share their keys."""
        uri = self.app.addresses.actor(name)
        async with self.app.db.transaction() as tx:
            row = await self.app.actors.create_local(tx, uri=uri, type="Person", keys=keys())
            account = Account(
                id=row.id,
                uri=uri,
                username=name,
                name_key=name.lower(),
                domain="",
                url=self.app.addresses.profile(name),
                locked=locked,
                created_at=self.clock.now(),
            )
            tx.add(account)
            await tx.flush()
            tx.add(
                User(
                    id=account.id,
                    email=f"{name}@mail.example",
                    password_hash="",
                    role="user",
                    created_at=self.clock.now(),
                )
            )
        token = await self.app.oauth.issue(account.id, parse(EVERYTHING))
        client = Client(f"http://127.0.0.1:{self.port}", token, account)
        self._clients.append(client)
        return client

    async def block(self, domain: str) -> None:
        async with self.app.db.transaction() as tx:
            await set_rule(tx, self.clock, domain, "suspend")
        self.app.policy.forget()

    async def count(self, table: type[Base], *where: Any) -> int:
        async with self.app.db.reading() as tx:
            return await tx.scalar(select(func.count()).select_from(table).where(*where)) or 0

    async def fates(self) -> dict[str, str]:
        """Return what became of each activity that arrived."""
        async with self.app.db.reading() as tx:
            items = (await tx.scalars(select(InboxItem).order_by(InboxItem.id))).all()
        return {
            i.activity_id.partition(" ")[0]: i.state if i.note is None else f"{i.state} {i.note}"
            for i in items
        }

    async def is_busy(self) -> bool:
        now = self.clock.now()
        async with self.app.db.reading() as tx:
            return (
                await is_any_due(tx, Delivery, now)
                or await is_any_due(tx, Fanout, now)
                or await is_any_due(tx, InboxItem, now, pending)
                or await is_any_due(tx, Job, now, alive)
            )


class Fediverse:
    """`servers` (the first two are `alpha` and `beta`), `peer`, and the `clock` they share."""

    def __init__(self, clock: ManualClock, servers: list[Server], peer: Peer) -> None:
        self.clock = clock
        self.servers = servers
        self.alpha, self.beta = servers[:2]
        self.peer = peer

    async def settle(self) -> None:
        """Let all do what is due, until nothing is."""
        for _ in range(ROUNDS):
            for server in self.servers:
                await server.app.worker.settle()
            if not any([await server.is_busy() for server in self.servers]):
                return
        raise AssertionError("they never come to rest")


@asynccontextmanager
async def open_fediverse(
    directory: Path, *, hosts: Sequence[str] = ("a.test", "b.test"), **federation: Any
) -> AsyncIterator[Fediverse]:
    """Open the instances and the peer; `federation` goes into that section of every configuration."""
    clock = ManualClock()
    peer = Peer(clock)
    await peer.start()
    ports = {host: free_port() for host in hosts}
    peer.sends_to = ports
    names = {
        **dict.fromkeys(PEER_HOSTS, ("127.0.0.1", peer.port)),
        **{host: ("127.0.0.1", port) for host, port in ports.items()},
    }
    servers: list[Server] = []
    try:
        for host, port in ports.items():
            home = directory / host
            home.mkdir()
            config = Config(
                instance=Instance(url=f"http://{host}"),
                database=Database(url=await make_database_url(home)),
                federation=msgspec.structs.replace(
                    Federation(allow_private_addresses=["127.0.0.0/8"], allow_http=True), **federation
                ),
            )
            net = Net(
                allow_private=["127.0.0.0/8"], allow_http=True, user_agent="fedispace tests", resolver=names
            )
            server = Server(host, port, build(config, clock=clock, net=net), clock)
            servers.append(server)
            await server.start()
        yield Fediverse(clock, servers, peer)
    finally:
        peer.let_go.set()
        for server in servers:
            await server.close()
        await peer.close()


async def find(by: Client, handle: str) -> str:
    """Return the id, on `by`'s instance, of somebody elsewhere."""
    found = (await by.get("/api/v2/search", q=handle, resolve="true", type="accounts"))["accounts"]
    assert len(found) == 1, found
    return str(found[0]["id"])


async def follow(fediverse: Fediverse, by: Client, handle: str) -> str:
    """Follow somebody elsewhere, let it arrive, and return their id on `by`'s instance."""
    target = await find(by, handle)
    await by.post(f"/api/v1/accounts/{target}/follow")
    await fediverse.settle()
    return target
