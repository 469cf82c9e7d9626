"""Spaces that somebody else announces: fetched by a job, for those who follow the announcer only."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import select

from fedispace.accounts.models import Account, Follow
from fedispace.federation import codec
from fedispace.federation.routes import Verified
from fedispace.federation.tombstones import bury
from fedispace.federation.vocab.activities import Announce
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.models import Job
from fedispace.spaces.models import Space
from tests.api.site import Site
from tests.factories import remote_actor
from tests.spaces.test_inbox import event_json


class Elsewhere:
    """A server that shows bob, his Space and his ordinary event, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_down = False
        self._documents: dict[str, dict[str, Any]] = {}

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.origin = f"http://{self.host}"
        bob = remote_actor("bob", self.host, scheme="http")
        self._documents["/users/bob"] = codec.write(bob)
        self.space = self._event("/spaces/5", bob.id)
        self.party = self._event("/events/6", bob.id)
        del self._documents["/events/6"]["space"]

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _event(self, path: str, host: str) -> Uri:
        uri = f"{self.origin}{path}"
        said = event_json(Account(uri=host), id=uri, url=uri)
        said["space"] = {"type": "fs:AudioSpace", "joinEndpoint": f"{uri}/join", "listen": f"{uri}/whep"}
        self._documents[path] = said
        return Uri(uri)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.is_down:
            raise web.HTTPServiceUnavailable
        if request.path not in self._documents:
            raise web.HTTPNotFound
        return web.json_response(self._documents[request.path], content_type="application/activity+json")


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    server = Elsewhere()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(tmp_path) as opened:
        yield opened


@pytest.fixture
async def relay(site: Site) -> Account:
    """Somebody of a third server, whom nobody here follows yet."""
    return await site.home.stranger(remote_actor("relay", "c.example", type="Application"))


async def follow(site: Site, target: Account) -> None:
    alice = await site.home.person("alice")
    async with site.home.db.transaction() as tx:
        tx.add(
            Follow(
                id=site.home.ids.next(),
                account_id=alice.id,
                target_id=target.id,
                uri=f"{alice.uri}#follow",
                accepted=True,
                show_boosts=True,
                created_at=site.home.clock.now(),
            )
        )


async def announce(site: Site, by: Account, uri: str, number: int = 1) -> None:
    """Let an Announce come in, verified, and everything follow that follows from it now."""
    said = Announce(id=Uri(f"{by.uri}/announces/{number}"), actor=Uri(by.uri), object=Uri(uri))
    await site.app.inbox.accept(Verified(said, said.actor), msgspec.json.encode(codec.write(said)))
    await site.app.worker.settle()


async def space_at(site: Site, uri: str) -> Space | None:
    async with site.home.db.reading() as tx:
        return (await tx.scalars(select(Space).where(Space.uri == uri))).one_or_none()


async def waiting(site: Site) -> list[str]:
    async with site.home.db.reading() as tx:
        return sorted(await tx.scalars(select(Job.kind)))


async def test_what_a_stranger_announces_is_not_even_asked_for(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await announce(site, relay, elsewhere.space)
    assert elsewhere.asked == []
    assert await space_at(site, elsewhere.space) is None


async def test_a_space_announced_by_somebody_followed_is_kept_as_its_own_server_shows_it(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await follow(site, relay)
    await announce(site, relay, elsewhere.space)
    space = await space_at(site, elsewhere.space)
    assert space is not None
    assert space.title == "Bob's evening"
    assert (await site.home.account(space.host_id)).uri == f"{elsewhere.origin}/users/bob"


async def test_a_space_is_fetched_once_though_it_might_have_been_a_post(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await follow(site, relay)
    await announce(site, relay, elsewhere.space)
    assert elsewhere.asked.count("/spaces/5") == 1
    assert await waiting(site) == []


async def test_an_announced_event_that_is_no_space_is_left_alone_for_good(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await follow(site, relay)
    await announce(site, relay, elsewhere.party)
    assert "/events/6" in elsewhere.asked
    assert await space_at(site, elsewhere.party) is None
    assert await waiting(site) == []


async def test_what_its_own_server_does_not_show_is_left_alone_for_good(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await follow(site, relay)
    await announce(site, relay, f"{elsewhere.origin}/spaces/404")
    assert await waiting(site) == []


async def test_a_server_that_does_not_answer_is_asked_again_and_holds_up_nobody(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await follow(site, relay)
    elsewhere.is_down = True
    await announce(site, relay, elsewhere.space)
    assert "spaces.fetch_announced" in await waiting(site)
    elsewhere.is_down = False
    site.home.clock.advance(minutes=10)
    await site.app.worker.settle()
    assert await space_at(site, elsewhere.space) is not None
    assert await waiting(site) == []


async def test_a_space_that_was_deleted_does_not_come_back_by_an_announce(
    site: Site, elsewhere: Elsewhere, relay: Account
) -> None:
    await follow(site, relay)
    async with site.home.db.transaction() as tx:
        await bury(tx, site.home.clock, elsewhere.space, "Event")
    await announce(site, relay, elsewhere.space)
    assert await space_at(site, elsewhere.space) is None
