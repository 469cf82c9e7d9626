"""Several audio servers for one instance: who is where, and what happens when one of them goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import SystemClock
from fedispace.media.live.client import SfuClient
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.sound.cascade import Cascade
from fedispace.spaces.sound.fleet import TOPIC, Fleet
from fedispace.spaces.sound.live import LiveRooms
from fedispace.spaces.sound.placement import Placement, choose
from fedispace.spaces.sound.speaking import Speaking
from tests.ground.eventually import eventually
from tests.media.lines import Line
from tests.media.studio import Studio
from tests.spaces.town import Town


class Halls:
    """A town with several studios; every web process of it is a `LiveRooms` of its own."""

    def __init__(self, town: Town, studios: list[Studio]) -> None:
        self.town = town
        self.studios = {studio.settings.control: studio for studio in studios}

    @property
    def any(self) -> Studio:
        return next(iter(self.studios.values()))

    @asynccontextmanager
    async def web_process(self, *, is_told: bool = True, max_listeners: int = 0) -> AsyncIterator[LiveRooms]:
        """Run what a web process has of it; it knows the servers by configuration, or finds them."""
        secret = next(iter(self.studios.values())).secret
        fleet = Fleet(self.town.bus, self.town.clock, lambda control: SfuClient(control, secret))
        if is_told:
            for control in self.studios:
                fleet.include(control, SfuClient(control, secret))
        placement = Placement(fleet, self.town.clock, max_listeners)
        live = LiveRooms(
            db=self.town.db,
            ids=self.town.ids,
            clock=self.town.clock,
            speaking=Speaking(lambda *_: None),
            bus=self.town.bus,
            fleet=fleet,
            placement=placement,
            cascade=Cascade(
                db=self.town.db,
                ids=self.town.ids,
                clock=self.town.clock,
                fleet=fleet,
                placement=placement,
                secret=secret,
            ),
            secret=secret,
            bearers=self.town.bearers,
        )
        await live.start()
        try:
            yield live
        finally:
            await live.stop()

    def listener(self, live: LiveRooms, space: Space) -> Line:
        async def join(offer: str) -> tuple[str, str]:
            connection = await live.subscribe(space.id, None, offer)
            return connection.answer, connection.resource

        async def is_over(resource: str) -> bool:
            async with self.town.db.reading() as tx:
                session = await tx.get(LiveSession, resource)
                return session is None or session.ended_at is not None

        return Line(join, is_over, speaks=False)

    async def servers_of(self, space: Space) -> set[str]:
        """Return on which servers people are in this Space now."""
        async with self.town.db.reading() as tx:
            return set(
                await tx.scalars(
                    select(LiveSession.sfu)
                    .where(LiveSession.space_id == space.id, LiveSession.ended_at.is_(None))
                    .where(LiveSession.connected_at.is_not(None))
                )
            )


@pytest.fixture
async def halls(tmp_path: Path) -> AsyncIterator[Halls]:
    town = await Town.open(tmp_path, SystemClock(), "https://a.example")
    async with AsyncExitStack() as stack:
        studios: list[Studio] = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            secret = studios[0].secret if studios else None
            studios.append(await stack.enter_async_context(Studio(tmp_path / name, secret=secret)))
        yield Halls(town, studios)
    await town.close()


@pytest.fixture
async def alice(halls: Halls) -> Account:
    return await halls.town.resident("alice")


async def test_rooms_are_spread_and_everybody_of_one_is_on_one_server(halls: Halls, alice: Account) -> None:
    spaces = [await halls.town.live_space(alice) for _ in range(3)]
    async with halls.web_process() as first, halls.web_process() as second, AsyncExitStack() as stack:
        for space in spaces:
            for live in (first, second):
                await stack.enter_async_context(halls.listener(live, space))
        for space in spaces:
            where = await eventually(
                "both are in", lambda of=space: sessions(halls, of), lambda found: len(found) == 2
            )
            assert len(set(where)) == 1


async def sessions(halls: Halls, space: Space) -> list[str]:
    async with halls.town.db.reading() as tx:
        return list(await tx.scalars(select(LiveSession.sfu).where(LiveSession.space_id == space.id)))


async def test_a_server_that_vanished_loses_its_rooms_to_another(halls: Halls, alice: Account) -> None:
    space = await halls.town.live_space(alice)
    async with halls.web_process() as live, halls.listener(live, space):
        [home] = await eventually("he is in", lambda: halls.servers_of(space), bool)

        await halls.studios[home].process.stop()

        [now] = await eventually(
            "he is elsewhere", lambda: halls.servers_of(space), lambda seen: bool(seen - {home}), within=15
        )
        assert now != home
        async with halls.web_process() as other, halls.listener(other, space):
            await eventually("so is a newcomer", lambda: _rooms(halls, now), lambda r: r == (0, 2))


async def test_who_is_on_a_server_that_drains_goes_to_another(halls: Halls, alice: Account) -> None:
    space = await halls.town.live_space(alice)
    async with halls.web_process() as live, halls.listener(live, space), halls.listener(live, space):
        [home] = await eventually("they are in", lambda: halls.servers_of(space), bool)

        halls.town.bus.publish(TOPIC, {"control": home, "draining": True})
        await halls.studios[home].client.drain(1.0)

        await eventually(
            "both are elsewhere",
            lambda: halls.servers_of(space),
            lambda seen: bool(seen) and home not in seen,
            within=15,
        )
        assert (await halls.studios[home].client.status()).rooms == {}


async def test_a_server_is_found_by_what_it_says_on_the_bus(halls: Halls, alice: Account) -> None:
    space = await halls.town.live_space(alice)
    async with halls.web_process(is_told=False) as live:
        await asyncio.sleep(0)
        for control in [*halls.studios, "tcp://not-an-address:1", "/nowhere/sfu.sock"]:
            halls.town.bus.publish(TOPIC, {"control": control, "draining": False})
        async with halls.listener(live, space):
            await eventually("he is in", lambda: halls.servers_of(space), bool)


async def _rooms(halls: Halls, name: str) -> tuple[int, int]:
    rooms = (await halls.studios[name].client.status()).rooms
    return next(iter(rooms.values()), (0, 0))


def test_rooms_that_are_placed_at_once_spread_over_servers_that_are_as_full() -> None:
    loads = {"a": 0.31, "b": 0.35, "c": 0.9}

    chosen = {choose(room, loads) for room in range(50)}

    assert chosen == {"a", "b"}
    assert choose(1, {}) is None
