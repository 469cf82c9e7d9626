"""One instance that serves this API over real HTTP on the loopback, on a real database."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from fedispace.accounts.models import Account, User
from fedispace.accounts.scopes import parse
from fedispace.app import App, build
from fedispace.config import Bus, Config, Database, Federation, Instance
from fedispace.db.engine import open_database
from fedispace.net import Net
from fedispace.sfu_place import SfuPlace
from tests.factories import Home, make_database_url
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
    """`async with Site(directory) as site:` and it answers at `site.origin`.

    `home` makes people and moves the clock, `app` is the instance as it is built for the operator.
    """

    home: Home
    app: App

    def __init__(self, directory: Path, *, place: SfuPlace | None = None, bus: str = "") -> None:
        self._directory = directory
        self._bus = bus
        self._place = place or SfuPlace(control=directory / "no-sfu.sock", secret=secrets.token_bytes(32))
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        url = await make_database_url(self._directory)
        net = Net(allow_private=["127.0.0.0/8"], allow_http=True, user_agent="fedispace tests")
        self.home = Home(open_database(url), origin=self.origin, net=net)
        config = Config(
            instance=Instance(url=self.origin, title="The test place"),
            database=Database(url=url),
            bus=Bus(url=self._bus),
            federation=Federation(allow_private_addresses=["127.0.0.0/8"], allow_http=True),
        )
        self.app = build(config, self._place, clock=self.home.clock, net=net)
        await self.home.instance_actor()
        await self.app.start(worker=False, web=True)
        self._runner = web.AppRunner(self.app.web_application())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.anyone = self._client(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.session.close()
        await self._runner.cleanup()
        await self.app.close()
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
        return self._client(await self.app.oauth.issue(account.id, parse(scopes)), account)

    def holder(self, token: str) -> Client:
        """Return the client of whoever holds this token."""
        return self._client(token)

    def _client(self, token: str | None, account: Account | None = None) -> Client:
        client = Client(self.origin, token, account)
        self._clients.append(client)
        return client
