"""Several web processes over Redis: each tells those who are with it, and who loses one goes to another."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis as Connection

from fedispace.app import App, build
from fedispace.queue.bus import BACKLOG, MemoryBus
from fedispace.spaces.presence import topic
from tests.api.listener import Listener
from tests.api.site import Client, Site
from tests.ground.ports import free_port
from tests.ground.redis import Redis

AT = "/api/fedispace/v1/spaces"


class Neighbour:
    """Another web process of the same instance: its own hub and bus, the same rows."""

    def __init__(self, site: Site) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.app: App = build(site.app.config, site._place, clock=site.home.clock)
        self._runner = web.AppRunner(self.app.web_application(), shutdown_timeout=2)

    async def start(self) -> None:
        await self.app.bus.start()
        await self.app.hub.start()
        await self.app.reactions.start()
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self.app.hub.stop()
        await self.app.reactions.stop()
        await self.app.net.close()
        await self.app.bus.close()
        await self.app.db.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program is not None, "Redis or Valkey is needed (tools/install-test-tools)"
    server = Redis(program, tmp_path_factory.mktemp("redis") / "home")
    yield server
    server.stop()


@pytest.fixture
async def site(tmp_path: Path, redis: Redis) -> AsyncIterator[Site]:
    async with Site(tmp_path, bus=redis.url) as opened:
        yield opened


@pytest.fixture
async def neighbour(site: Site) -> AsyncIterator[Neighbour]:
    made = Neighbour(site)
    await made.start()
    yield made
    await made.stop()


async def test_what_one_process_does_is_told_by_all(
    site: Site, neighbour: Neighbour, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    async with (
        Listener(site.origin, space["id"]) as here,
        Listener(neighbour.origin, space["id"], bob.token) as there,
    ):
        await alice.post(f"{AT}/{space['id']}/room/pins", {"url": "https://example.org/"}, expect=201)
        posted = await alice.post("/api/v1/statuses", {"status": "hi"})
        assert posted["id"]
        for each in (here, there):
            await each.event("pins")
        for _ in range(3):
            await bob.post(f"{AT}/{space['id']}/room/reactions", {"emoji": "👏"}, expect=202)
        for each in (here, there):
            seen = 0
            while seen < 3:
                seen += (await each.event("reactions"))["counts"]["👏"]
            assert seen == 3


@pytest.mark.attack(105)
async def test_five_reactions_are_five_at_all_processes_together(
    site: Site, neighbour: Neighbour, bob: Client, space: dict[str, Any]
) -> None:
    at = f"{AT}/{space['id']}/room/reactions"
    elsewhere = Client(neighbour.origin, bob.token)
    async with Listener(neighbour.origin, space["id"]) as there, elsewhere.session:
        for _ in range(5):
            await bob.post(at, {"emoji": "🎉"}, expect=202)
        seen = 0
        while seen < 5:
            seen += (await there.event("reactions"))["counts"]["🎉"]
        assert (await elsewhere.call("POST", at, json={"emoji": "🎉"}))[0] == 429
        site.home.clock.advance(seconds=2.1)
        await elsewhere.post(at, {"emoji": "🎉"}, expect=202)


async def test_who_is_removed_by_one_process_is_closed_by_another(
    site: Site, neighbour: Neighbour, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    async with Listener(neighbour.origin, space["id"], bob.token) as there:
        removal = f"{AT}/{space['id']}/room/people/{bob.id}/remove"
        removing = asyncio.create_task(alice.call("POST", removal))
        assert await asyncio.wait_for(there.closed(), 1.5) == 4403
        assert (await removing)[0] == 200


async def test_who_loses_a_process_goes_on_at_another(
    site: Site, neighbour: Neighbour, alice: Client, space: dict[str, Any]
) -> None:
    async with Listener(neighbour.origin, space["id"]) as lost:
        stopping = asyncio.create_task(neighbour._runner.cleanup())
        assert await lost.closed() == 1001
        await stopping
    async with Listener(site.origin, space["id"]) as found:
        assert found.hello["state"]["space"]["state"] == "live"
        await alice.post(f"{AT}/{space['id']}/room/pins", {"url": "https://example.org/"}, expect=201)
        await found.event("pins")


async def test_after_a_gap_of_the_bus_everybody_is_told_to_look_anew(
    site: Site, space: dict[str, Any], redis: Redis
) -> None:
    """And words of somebody else on the bus end nothing."""
    async with Listener(site.origin, space["id"]) as visitor, Connection.from_url(redis.url) as somebody:
        await somebody.publish("fedispace", b"not of ours")
        site.app.bus.publish(topic(int(space["id"])), {"event": "presence", "listener_count": 7})
        await visitor.event("presence")
        assert "resync" not in [said["event"] for said in visitor.heard]
        await somebody.client_kill_filter(_type="pubsub")
        await visitor.event("resync")
        site.app.bus.publish(topic(int(space["id"])), {"event": "presence", "listener_count": 8})
        assert (await visitor.event("presence"))["listener_count"] == 8


async def test_who_cannot_keep_up_with_the_bus_knows_it() -> None:
    bus = MemoryBus()
    async with bus.subscribe("a room") as messages:
        for number in range(BACKLOG):
            bus.publish("a room", {"number": number})
        assert not messages.has_missed()
        bus.publish("a room", {"number": BACKLOG})
        assert messages.has_missed()
        assert not messages.has_missed(), "it is told once"
        assert await messages.next() == ("a room", {"number": 1})
