"""Finding people, here and on a real server that speaks WebFinger. Refusals first."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account
from fedispace.errors import NotFound
from fedispace.federation import codec
from fedispace.net import Net
from tests.factories import Home, open_home, remote_actor

JRD = "application/jrd+json"
ACTIVITY = "application/activity+json"


class Elsewhere:
    """b.example, its split address domain s.example, and an impostor on evil.example: one HTTP server."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fingers = {
            ("b.example", "acct:bob@b.example"): ("acct:bob@b.example", "http://b.example/users/bob"),
            ("s.example", "acct:sue@s.example"): ("acct:sue@s.example", "http://b.example/users/sue"),
            ("b.example", "acct:sue@b.example"): ("acct:sue@s.example", "http://b.example/users/sue"),
            ("evil.example", "acct:bob@evil.example"): (
                "acct:bob@b.example",
                "http://evil.example/users/bob",
            ),
        }
        self.app = web.Application()
        self.app.router.add_get("/.well-known/webfinger", self._webfinger)
        self.app.router.add_get("/{tail:.*}", self._actor)

    async def _webfinger(self, request: web.Request) -> web.Response:
        self.asked.append(str(request.rel_url))
        found = self.fingers.get((request.host, request.query["resource"]))
        if found is None:
            raise web.HTTPNotFound
        subject, href = found
        links = [{"rel": "self", "type": ACTIVITY, "href": href}]
        return web.json_response({"subject": subject, "links": links}, content_type=JRD)

    async def _actor(self, request: web.Request) -> web.Response:
        self.asked.append(str(request.rel_url))
        name = request.path.removeprefix("/users/").removeprefix("/@")
        if name not in ("bob", "sue"):
            raise web.HTTPNotFound
        document: dict[str, Any] = codec.write(remote_actor(name, request.host, scheme="http"))
        return web.json_response(document, content_type=ACTIVITY)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def home(tmp_path: Path, elsewhere: Elsewhere) -> AsyncIterator[Home]:
    server = TestServer(elsewhere.app, host="127.0.0.1")
    await server.start_server()
    assert server.port is not None
    net = Net(
        allow_private=["127.0.0.0/8"],
        allow_http=True,
        user_agent="fedispace tests",
        resolver=dict.fromkeys(("b.example", "s.example", "evil.example"), ("127.0.0.1", server.port)),
    )
    async with open_home(tmp_path, net=net) as opened:
        yield opened
    await server.close()


@pytest.fixture
def lookup(home: Home) -> Lookup:
    return Lookup(home.db, home.resolver, home.people, home.addresses)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "nobody",
        "nobody@a.example",
        "nobody@b.example",
        "bob@",
        "@bob@b.example/x",
        "bob@127.0.0.1",
        "bob@unknown.invalid",
        "https://a.example/users/nobody",
        "https://a.example/somewhere/else",
        "http://b.example/users/nobody",
        "http://127.0.0.1:1/users/bob",
        "javascript:alert(1)",
        "a\0b",
        "x" * 5000,
    ],
)
async def test_what_is_nobody_is_not_found(lookup: Lookup, text: str) -> None:
    with pytest.raises(NotFound):
        await lookup.account(text)


@pytest.mark.attack(31)
async def test_an_impostors_address_does_not_lead_to_anybody(home: Home, lookup: Lookup) -> None:
    with pytest.raises(NotFound):
        await lookup.account("bob@evil.example")
    async with home.db.reading() as tx:
        assert await home.people.by_handle(tx, "bob", "b.example") is None


async def test_a_local_person_is_found_without_asking_anybody(
    home: Home, lookup: Lookup, elsewhere: Elsewhere
) -> None:
    alice = await home.person()
    for text in ("alice", "@alice@a.example", "acct:Alice@a.example", alice.uri, alice.url):
        assert (await lookup.account(text)).id == alice.id
    assert elsewhere.asked == []


async def test_a_person_elsewhere_is_found_once_and_then_known(
    home: Home, lookup: Lookup, elsewhere: Elsewhere
) -> None:
    with pytest.raises(NotFound):
        await lookup.known("bob@b.example")
    bob = await lookup.account("@bob@b.example")
    assert (bob.username, bob.domain, bob.uri) == ("bob", "b.example", "http://b.example/users/bob")
    fetches = len(elsewhere.asked)
    for text in ("bob@B.example", bob.uri, bob.url, f"{home.addresses.origin}/@bob@b.example"):
        assert (await lookup.account(text)).id == bob.id
    assert (await lookup.known("bob@b.example")).id == bob.id
    assert len(elsewhere.asked) == fetches


async def test_a_profile_page_elsewhere_leads_to_its_person(lookup: Lookup) -> None:
    bob = await lookup.account("http://b.example/@bob")
    assert bob.uri == "http://b.example/users/bob"


async def test_an_address_at_another_domain_than_the_server_is_kept(home: Home, lookup: Lookup) -> None:
    sue = await lookup.account("sue@s.example")
    assert (sue.domain, sue.uri) == ("s.example", "http://b.example/users/sue")
    async with home.db.reading() as tx:
        found = await home.people.by_handle(tx, "sue", "s.example")
    assert found is not None
    assert found.id == sue.id


async def search(home: Home, lookup: Lookup, text: str, limit: int = 10) -> list[str]:
    async with home.db.reading() as tx:
        return [found.username for found in await lookup.search_accounts(tx, text, limit)]


async def test_search_finds_by_beginnings_and_puts_ours_first(home: Home, lookup: Lookup) -> None:
    await home.stranger(remote_actor("alibaba", name="Ali"))
    await home.stranger(remote_actor("zoe", name="Alison"))
    await home.person("alice")
    assert await search(home, lookup, "ALI") == ["alice", "alibaba", "zoe"]
    assert await search(home, lookup, "@alib@b.ex") == ["alibaba"]
    assert await search(home, lookup, "ali", limit=1) == ["alice"]


@pytest.mark.parametrize("text", ["", "@", "a\0l", "al\ud800", "%", "_", "a%", "\\", "x" * 10_000, "a@b@c"])
async def test_search_takes_any_text_for_text(home: Home, lookup: Lookup, text: str) -> None:
    await home.person("alice")
    assert await search(home, lookup, text) == []


async def test_who_does_not_want_to_be_discovered_is_found_by_address_only(
    home: Home, lookup: Lookup
) -> None:
    alice = await home.person()
    async with home.db.transaction() as tx:
        (await tx.get_one(Account, alice.id)).discoverable = False
    assert await search(home, lookup, "ali") == []
    assert await search(home, lookup, "alice") == ["alice"]
    assert await search(home, lookup, "@alice@a.example") == ["alice"]
