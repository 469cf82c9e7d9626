"""A whole instance over real HTTP on the loopback, and people who visit it with a browser's manners."""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDictProxy

from fedispace.accounts.models import Account
from fedispace.app import App, build
from fedispace.clock import ManualClock
from fedispace.config import Config, Database, Federation, Instance, Media, Spaces
from fedispace.net import Net
from tests.factories import PASSWORD, keys, make_database_url
from tests.ground.ports import free_port

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_FORM = re.compile(r'<form\b[^>]*\baction="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A page as it came."""

    status: int
    text: str
    headers: "CIMultiDictProxy[str]"
    path: str

    @property
    def words(self) -> str:
        """The page as it is read: without markup."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())

    def fields(self, action: str) -> dict[str, str]:
        """Return the hidden fields of the form that is sent to `action`."""
        for where, inside in _FORM.findall(self.text):
            if unescape(where) == action:
                return {name: unescape(value) for name, value in _HIDDEN.findall(inside)}
        raise AssertionError(f"there is no form for {action} on {self.path}")


class Visitor:
    """Somebody with cookies of their own; without scripts."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, path: str, *, follow: bool = True, accept: str = "text/html") -> Seen:
        return await self._seen("GET", path, headers={"Accept": accept}, allow_redirects=follow)

    async def post(
        self,
        path: str,
        fields: dict[str, str] | list[tuple[str, str]],
        *,
        origin: str | None = "ours",
        follow: bool = True,
        headers: dict[str, str] | None = None,
    ) -> Seen:
        """Send a form as a browser does, with its Origin; `origin=None` sends none."""
        said = {} if origin is None else {"Origin": self.origin if origin == "ours" else origin}
        form = aiohttp.FormData(fields if isinstance(fields, list) else list(fields.items()))
        return await self._seen(
            "POST", path, data=form, headers={**said, **(headers or {})}, allow_redirects=follow
        )

    async def submit(self, page: Seen, action: str, *typed: tuple[str, str], follow: bool = True) -> Seen:
        """Fill in the form of `page` that goes to `action`, and send it."""
        names = {name for name, _ in typed}
        hidden = [(name, value) for name, value in page.fields(action).items() if name not in names]
        return await self.post(action, [*hidden, *typed], follow=follow)

    async def sign_in(self, name: str, password: str = PASSWORD, *, next: str = "/") -> Seen:
        fields = {"name": name, "password": password, "next": next}
        return await self.post("/auth/sign_in", fields, follow=False)

    async def _seen(self, method: str, path: str, **more: object) -> Seen:
        async with self.session.request(method, self.origin + path, **more) as answer:  # type: ignore[arg-type]
            return Seen(
                status=answer.status,
                text=await answer.text(errors="replace"),
                headers=answer.headers,
                path=answer.url.path_qs,
            )


class House:
    """`async with House(directory) as house:` and it answers at `house.origin`."""

    def __init__(
        self,
        directory: Path,
        *,
        names: dict[str, tuple[str, int]] | None = None,
        spaces: Spaces | None = None,
    ) -> None:
        self._directory = directory
        self._names = names or {}
        self._spaces = spaces or Spaces()
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.clock = ManualClock()
        self.app: App
        self._visitors: list[Visitor] = []

    async def __aenter__(self) -> Self:
        config = Config(
            instance=Instance(url=self.origin, title="The House"),
            database=Database(url=await make_database_url(self._directory)),
            media=Media(directory=str(self._directory / "media")),
            federation=Federation(allow_private_addresses=["127.0.0.0/8"], allow_http=True),
            spaces=self._spaces,
        )
        net = Net(
            allow_private=["127.0.0.0/8"],
            allow_http=True,
            user_agent="fedispace tests",
            resolver=self._names,
        )
        self.app = build(config, clock=self.clock, net=net)
        async with self.app.db.transaction() as tx:
            await self.app.actors.create_local(
                tx, uri=self.app.addresses.instance_actor, type="Application", keys=keys()
            )
        await self.app.start(worker=False, web=False)
        self._runner = web.AppRunner(self.app.web_application())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for visitor in self._visitors:
            await visitor.session.close()
        await self._runner.cleanup()
        await self.app.close()

    def stranger(self) -> Visitor:
        visitor = Visitor(self.origin)
        self._visitors.append(visitor)
        return visitor

    async def account(self, name: str, *, display_name: str = "") -> Account:
        """Create somebody who has never been here."""
        await self.app.registration.create_user(
            username=name,
            email=f"{name}@mail.example",
            password=PASSWORD,
            role="user",
            display_name=display_name or name.title(),
        )
        async with self.app.db.reading() as tx:
            found = await self.app.people.by_handle(tx, name)
        assert found is not None
        return found

    async def person(self, name: str, *, display_name: str = "") -> Visitor:
        """Create somebody and sign them in."""
        await self.account(name, display_name=display_name)
        visitor = self.stranger()
        assert (await visitor.sign_in(name)).status == 303
        return visitor
