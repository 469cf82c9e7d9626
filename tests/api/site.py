"""One instance that serves this API over real HTTP on the loopback, on a real SQLite."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from fedispace.accounts.blocking import Blocking
from fedispace.accounts.following import Following
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account, User
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.scopes import parse
from fedispace.api.app import Api
from fedispace.api.limits import Rates
from fedispace.config import Config, Instance
from fedispace.media.live.client import SfuClient
from fedispace.net import Net
from fedispace.queue.jobs import Jobs
from fedispace.spaces.arrival import Arrivals
from fedispace.spaces.entering import Entering
from fedispace.spaces.hosting import Hosting
from fedispace.spaces.live import LiveRooms
from fedispace.spaces.lookup import SpaceLookup
from fedispace.spaces.tickets import Tickets
from fedispace.threads.boost import Boosting
from fedispace.threads.deletion import Deletion
from fedispace.threads.favourite import Favouriting
from fedispace.threads.ingest import Ingest
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.publish import Publishing
from tests.factories import Home, make_database
from tests.ground.ports import free_port

EVERYTHING = "read write follow push profile"


class Client:
    """Somebody's HTTP client; nobody's without a token."""

    def __init__(self, origin: str, token: str | None, account: Account | None = None) -> None:
        self.origin = origin
        self.token = token
        self._account = account
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.session = aiohttp.ClientSession(headers=headers)

    @property
    def account(self) -> Account:
        assert self._account is not None
        return self._account

    @property
    def id(self) -> str:
        """The account's id as the API gives it."""
        return str(self.account.id)

    async def call(self, method: str, path: str, **arguments: Any) -> tuple[int, Any, Any]:
        """Return status, JSON (or text) and headers."""
        async with self.session.request(method, self.origin + path, **arguments) as response:
            text = await response.text()
            is_json = "json" in response.content_type
            return (
                response.status,
                (await response.json(content_type=None) if is_json else text),
                response.headers,
            )

    async def get(self, path: str, **parameters: str) -> Any:
        status, body, _ = await self.call("GET", path, params=parameters)
        assert status == 200, f"GET {path}: {status} {body!r:.600}"
        return body

    async def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        status, answer, _ = await self.call("POST", path, json={} if body is None else body)
        assert status == expect, f"POST {path}: {status} {answer!r:.600}"
        return answer

    async def delete(self, path: str) -> Any:
        status, body, _ = await self.call("DELETE", path)
        assert status == 200, f"DELETE {path}: {status} {body!r:.600}"
        return body


class Site:
    """`async with Site(directory) as site:` and it answers at `site.origin`."""

    def __init__(
        self,
        directory: Path,
        *,
        sfu: SfuClient | None = None,
        secret: bytes = b"",
        rates: Rates | None = None,
    ) -> None:
        self._directory = directory
        self._sfu = sfu
        self._secret = secret or secrets.token_bytes(32)
        self._rates = rates
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        db = await make_database(self._directory)
        net = Net(allow_private=["127.0.0.0/8"], allow_http=True, user_agent="fedispace tests")
        self.home = home = Home(db, origin=self.origin, net=net)
        self.oauth = OAuth(db, home.clock, home.ids)
        self.sfu = self._sfu or SfuClient(self._directory / "no-sfu.sock", self._secret, call_seconds=0.2)
        application = web.Application(client_max_size=1024 * 1024)
        application.add_routes(self._api().routes())
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        await self.rooms.start()
        self.anyone = self._client(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.session.close()
        await self._runner.cleanup()
        await self.rooms.stop()
        await self.home.net.close()
        await self.home.db.close()

    async def person(self, name: str, scopes: str = EVERYTHING, *, locked: bool = False) -> Client:
        """Return the client of a new person."""
        account = await self.home.person(name, locked=locked)
        async with self.home.db.transaction() as tx:
            tx.add(
                User(
                    id=account.id,
                    email=f"{name}@mail.example",
                    password_hash="",
                    role="user",
                    created_at=self.home.clock.now(),
                )
            )
        return await self.with_scopes(account, scopes)

    async def with_scopes(self, account: Account, scopes: str) -> Client:
        """Return another client of the same person."""
        return self._client(await self.oauth.issue(account.id, parse(scopes)), account)

    def holder(self, token: str) -> Client:
        """Return the client of whoever holds this token."""
        return self._client(token)

    def _client(self, token: str | None, account: Account | None = None) -> Client:
        client = Client(self.origin, token, account)
        self._clients.append(client)
        return client

    def _api(self) -> Api:
        home, db, ids, clock = self.home, self.home.db, self.home.ids, self.home.clock
        addresses, outbox, people, notifier = home.addresses, home.outbox, home.people, home.notifier
        config = Config(instance=Instance(url=self.origin, title="The test place"))
        lookup = Lookup(db, home.resolver, people, addresses)
        publishing = Publishing(db, ids, clock, addresses, outbox, notifier, people, lookup)
        boosting = Boosting(db, ids, clock, addresses, outbox, notifier, people)
        ingest = Ingest(ids, clock, addresses, people, notifier, Jobs(ids, clock, home.bus))
        tickets = Tickets(ids, clock, self._secret)
        self.rooms = LiveRooms(
            db=db, ids=ids, clock=clock, bus=home.bus, sfu=self.sfu, secret=self._secret, tickets=tickets
        )
        return Api(
            config=config,
            clock=clock,
            db=db,
            addresses=addresses,
            oauth=self.oauth,
            people=people,
            following=Following(db, ids, clock, addresses, outbox, people, home.follows, notifier),
            blocking=Blocking(db, ids, clock, addresses, outbox, people, home.follows),
            account_lookup=lookup,
            status_lookup=StatusLookup(db, home.resolver, people, ingest, addresses),
            space_lookup=SpaceLookup(db, home.resolver, people, addresses, Arrivals(ids, clock)),
            publishing=publishing,
            deletion=Deletion(db, ids, clock, addresses, outbox, people, boosting),
            boosting=boosting,
            favouriting=Favouriting(db, ids, clock, addresses, outbox, notifier, people),
            hosting=Hosting(
                db=db,
                ids=ids,
                clock=clock,
                bus=home.bus,
                addresses=addresses,
                outbox=outbox,
                publishing=publishing,
                rooms=self.rooms,
                limits=config.spaces,
            ),
            entering=Entering(
                db=db,
                ids=ids,
                clock=clock,
                addresses=addresses,
                people=people,
                requests=home.requests,
                tickets=tickets,
            ),
            rooms=self.rooms,
            rates=self._rates,
        )
