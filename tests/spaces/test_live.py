"""Entering by sound: stock WebRTC peers, the real SFU process, and what the database says of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.clock import SystemClock
from fedispace.errors import Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from fedispace.media.live.client import SfuClient
from fedispace.media.live.messages import Answer, SessionEvent, SfuStatus
from fedispace.spaces import presence, views
from fedispace.spaces.access import Role
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.sound.cascade import Cascade
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.live import GATHER_SECONDS, Connection, LiveRooms
from fedispace.spaces.sound.placement import Placement
from fedispace.spaces.sound.speaking import Speaking
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import main_frequency, purity
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio
from tests.spaces.town import Town


class Hall:
    """A town, its live rooms, and the studio that carries the sound."""

    def __init__(self, town: Town, live: LiveRooms, studio: Studio) -> None:
        self.town = town
        self.live = live
        self.studio = studio

    async def ticket(self, account: Account, space: Space, role: Role) -> str:
        admission = await self.town.entering.join(account, space.id, role)
        assert admission.ticket is not None
        return admission.ticket

    async def speak(self, speaker: Speaker, account: Account, space: Space) -> Connection:
        speaker.connection.addTrack(Sound.tone(440))
        ticket = await self.ticket(account, space, "speaker")
        connection = await self.live.publish(space.id, ticket, await speaker.offer())
        await speaker.accept(connection.answer)
        await speaker.connected()
        return connection

    async def hear(self, listener: Listener, space: Space, bearer: str | None = None) -> Connection:
        connection = await self.live.subscribe(space.id, bearer, await listener.offer_to_listen())
        await listener.accept(connection.answer)
        await listener.connected()
        return connection

    async def shows(self, space: Space, listeners: int, speakers: list[str]) -> None:
        """Wait until the Space shows so many listeners and these speakers."""

        async def seen() -> tuple[int, list[str]]:
            async with self.town.db.reading() as tx:
                found = await tx.get(Space, space.id)
                assert found is not None
                [view] = await views.view(tx, [found])
            return view.listener_count, [account.username for account in view.speakers]

        await eventually(f"{listeners} listen, {speakers} speak", seen, lambda s: s == (listeners, speakers))

    async def count_sessions(self, *, ended: bool | None = None) -> int:
        query = select(func.count()).select_from(LiveSession)
        if ended is not None:
            query = query.where(LiveSession.ended_at.is_not(None) == ended)
        async with self.town.db.reading() as tx:
            return await tx.scalar(query) or 0

    async def rooms(self) -> dict[str, tuple[int, int]]:
        return (await self.studio.client.status()).rooms


class Held:
    """The live side as Hosting knows it, before there is one."""

    def __init__(self) -> None:
        self.live: LiveRooms | None = None

    async def close(self, space_id: int) -> None:
        assert self.live is not None
        await self.live.close(space_id)


def live_rooms(town: Town, studio: Studio, sfu: SfuClient, *, strangers_listen: bool = True) -> LiveRooms:
    fleet = Fleet(town.bus, town.clock, lambda control: SfuClient(control, studio.secret))
    fleet.include("studio", sfu)
    placement = Placement(fleet, town.clock, 0)
    return LiveRooms(
        db=town.db,
        ids=town.ids,
        clock=town.clock,
        speaking=Speaking(lambda *_: None),
        bus=town.bus,
        fleet=fleet,
        placement=placement,
        cascade=Cascade(
            db=town.db, ids=town.ids, clock=town.clock, fleet=fleet, placement=placement, secret=studio.secret
        ),
        secret=studio.secret,
        bearers=town.bearers,
        strangers_listen=strangers_listen,
    )


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    held = Held()
    town = await Town.open(tmp_path, SystemClock(), "https://a.example", rooms=held)
    async with Studio(tmp_path) as studio:
        held.live = live_rooms(town, studio, SfuClient(studio.process.control, studio.secret))
        await held.live.start()
        yield Hall(town, held.live, studio)
        await held.live.stop()
    await town.close()


@pytest.fixture
async def alice(hall: Hall) -> Account:
    return await hall.town.resident("alice")


@pytest.fixture
async def space(hall: Hall, alice: Account) -> Space:
    return await hall.town.live_space(alice)


async def test_without_the_right_ticket_no_session_is_opened(
    hall: Hall, alice: Account, space: Space
) -> None:
    other = await hall.town.live_space(alice)
    async with Speaker(hall.studio) as speaker:
        speaker.connection.addTrack(Sound.tone(440))
        offer = await speaker.offer()
        listener_ticket = await hall.ticket(alice, space, "listener")
        elsewhere = await hall.ticket(alice, other, "speaker")
        for bearer in (None, "", "nonsense", listener_ticket, elsewhere):
            with pytest.raises(Unauthenticated):
                await hall.live.publish(space.id, bearer, offer)
    assert await hall.count_sessions() == 0
    assert await hall.rooms() == {}


@pytest.mark.parametrize("access", ["followers", "invited"])
async def test_a_visitor_without_an_account_hears_only_what_is_open_to_all(
    hall: Hall, alice: Account, access: str
) -> None:
    space = await hall.town.live_space(alice, access=access)
    async with Listener(hall.studio) as listener:
        offer = await listener.offer_to_listen()
        with pytest.raises(NotFound):
            await hall.live.subscribe(space.id, None, offer)
        with pytest.raises(NotFound):
            await hall.live.subscribe(1, None, offer)
    assert await hall.count_sessions() == 0


async def test_a_space_that_is_not_live_has_no_sound(hall: Hall, alice: Account) -> None:
    space = await hall.town.hosting.create(alice, title="Not yet")
    async with Listener(hall.studio) as listener:
        offer = await listener.offer_to_listen()
        with pytest.raises(Conflict, match="not started"):
            await hall.live.subscribe(space.id, None, offer)
        await hall.town.hosting.cancel(alice, space.id)
        with pytest.raises(Conflict, match="cancelled"):
            await hall.live.subscribe(space.id, None, offer)


async def test_a_malformed_offer_leaves_no_session_and_does_not_cost_the_ticket(
    hall: Hall, alice: Account, space: Space
) -> None:
    ticket = await hall.ticket(alice, space, "speaker")
    for offer in ("", "v=0", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "x" * 100_000):
        with pytest.raises(Invalid):
            await hall.live.publish(space.id, ticket, offer)
    assert await hall.count_sessions() == 0
    async with Speaker(hall.studio) as speaker:
        speaker.connection.addTrack(Sound.tone(440))
        connection = await hall.live.publish(space.id, ticket, await speaker.offer())
        await speaker.accept(connection.answer)
        await speaker.connected()
        with pytest.raises(Unauthenticated):
            await hall.live.publish(space.id, ticket, await speaker.offer())


async def test_what_the_host_says_is_heard_by_anybody_and_both_are_shown(
    hall: Hall, alice: Account, space: Space
) -> None:
    async with hall.town.bus.subscribe(presence.topic(space.id)) as told:
        async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
            await hall.hear(listener, space)
            spoken = await hall.speak(speaker, alice, space)
            await hall.shows(space, 1, ["alice"])
            await listener.listen(0.5)
            heard = await listener.listen(2)
            await hall.live.leave(space.id, spoken.resource)
            await hall.shows(space, 1, [])
        await hall.shows(space, 0, [])
        counts = [(await told.next())[1]["listener_count"] for _ in range(2)]
    assert abs(main_frequency(heard, RATE) - 440) < 2
    assert purity(heard, RATE, 440) > 0.95
    assert 1 in counts
    assert await hall.count_sessions(ended=False) == 0


async def test_leaving_needs_the_resource_that_was_given_out(
    hall: Hall, alice: Account, space: Space
) -> None:
    other = await hall.town.live_space(alice)
    async with Listener(hall.studio) as listener:
        connection = await hall.hear(listener, space)
        await hall.shows(space, 1, [])
        for space_id, resource in ((space.id, "x" * 43), (other.id, connection.resource)):
            with pytest.raises(NotFound):
                await hall.live.leave(space_id, resource)
        await hall.live.leave(space.id, connection.resource)
        await hall.live.leave(space.id, connection.resource)
        assert await hall.count_sessions(ended=False) == 0
        await eventually("the room is empty", hall.rooms, lambda rooms: not rooms)


async def test_the_end_of_a_space_sends_everybody_home_and_nobody_returns(
    hall: Hall, alice: Account, space: Space
) -> None:
    async with (
        Speaker(hall.studio) as speaker,
        Listener(hall.studio) as listener,
        Listener(hall.studio) as late,
    ):
        await hall.hear(listener, space)
        await hall.speak(speaker, alice, space)
        await hall.shows(space, 1, ["alice"])
        ticket = await hall.ticket(alice, space, "speaker")
        await hall.town.hosting.close(alice, space.id)
        await eventually("the room is gone", hall.rooms, lambda rooms: not rooms)
        await hall.shows(space, 0, [])
        offer = await late.offer_to_listen()
        with pytest.raises(Conflict, match="over"):
            await hall.live.subscribe(space.id, None, offer)
        with pytest.raises(Conflict, match="over"):
            await hall.live.publish(space.id, ticket, offer)
    assert await hall.count_sessions(ended=False) == 0


class SlowSfu(SfuClient):
    """The real client; something happens before its answer comes back."""

    meanwhile: Callable[[], "asyncio.Future[object]"]

    async def subscribe(self, grant: str, offer: str) -> Answer:
        await self.meanwhile()
        return await super().subscribe(grant, offer)


async def test_whoever_enters_while_the_space_ends_is_hung_up(
    hall: Hall, alice: Account, space: Space
) -> None:
    sfu = SlowSfu(hall.studio.process.control, hall.studio.secret)
    sfu.meanwhile = lambda: asyncio.ensure_future(hall.town.hosting.close(alice, space.id))
    live = live_rooms(hall.town, hall.studio, sfu)
    await live.start()
    async with Listener(hall.studio) as listener:
        with pytest.raises(Conflict, match="over"):
            await live.subscribe(space.id, None, await listener.offer_to_listen())
        await eventually("the room is gone", hall.rooms, lambda rooms: not rooms)
    await live.stop()
    await hall.shows(space, 0, [])


async def test_a_killed_sfu_empties_the_space_and_people_come_back(
    hall: Hall, alice: Account, space: Space
) -> None:
    async with Listener(hall.studio) as listener:
        await hall.hear(listener, space)
        await hall.shows(space, 1, [])
        assert hall.studio.process.pid is not None
        os.kill(hall.studio.process.pid, signal.SIGKILL)
        await hall.shows(space, 0, [])
    async with Listener(hall.studio) as again:
        await hall.hear(again, space)
        await hall.shows(space, 1, [])


async def test_an_sfu_that_is_away_is_unavailable_and_keeps_the_ticket_good(
    hall: Hall, alice: Account, space: Space
) -> None:
    sfu = SfuClient(Path("/nonexistent"), hall.studio.secret, call_seconds=0.2)
    live = live_rooms(hall.town, hall.studio, sfu)
    await live.start()
    ticket = await hall.ticket(alice, space, "listener")
    async with Listener(hall.studio) as listener:
        with pytest.raises(Unavailable):
            await live.subscribe(space.id, ticket, await listener.offer_to_listen())
        await live.close(space.id)
        await live.stop()
        assert await hall.count_sessions() == 0
        async with hall.town.db.transaction() as tx:
            held = await hall.town.tickets.redeem(tx, ticket, space_id=space.id, role="listener")
    assert held == alice.id


async def test_reconciling_forgets_who_cannot_be_there_and_closes_rooms_of_no_space(
    hall: Hall, alice: Account, space: Space
) -> None:
    forgotten = await hall.town.live_space(alice)
    long_ago = hall.town.clock.now() - timedelta(minutes=5)
    async with hall.town.db.transaction() as tx:
        for name, of, connected in (
            ("of a server that was restarted", forgotten, long_ago),
            ("never connected", space, None),
        ):
            tx.add(
                LiveSession(
                    resource=name,
                    engine_session=name,
                    space_id=of.id,
                    account_id=None,
                    role="listener",
                    created_at=long_ago,
                    connected_at=connected,
                    sfu="studio",
                )
            )
        found = await tx.get(Space, forgotten.id)
        assert found is not None
        found.listener_count = 1
    async with Listener(hall.studio) as listener, Listener(hall.studio) as stray:
        await hall.hear(listener, space)
        await hall.shows(space, 1, [])
        await stray.subscribe(room="12345")
        await hall.live.reconcile()
        await eventually("one room is left", hall.rooms, lambda rooms: rooms == {str(space.id): (0, 1)})
        await hall.shows(forgotten, 0, [])
        await hall.shows(space, 1, [])
        assert await hall.count_sessions(ended=True) == 2


class ToldSfu(SfuClient):
    """The real client; what happened to sessions of one Space, whose room it has, is what a test says."""

    def __init__(self, studio: Studio, space: Space) -> None:
        super().__init__(studio.process.control, studio.secret)
        self.space = space
        self.happened: asyncio.Queue[SessionEvent] = asyncio.Queue()

    def connected(self, session: str) -> None:
        room = str(self.space.id)
        self.happened.put_nowait(
            SessionEvent(kind="connected", room=room, session=session, participant=session, role="subscribe")
        )

    async def status(self) -> SfuStatus:
        return structs.replace(await super().status(), rooms={str(self.space.id): (0, 1)})

    async def events(self) -> AsyncIterator[SessionEvent]:
        while True:
            yield await self.happened.get()


async def come(hall: Hall, space: Space, names: list[str]) -> None:
    """Write places for strangers, who are not connected yet."""
    now = hall.town.clock.now()
    async with hall.town.db.transaction() as tx:
        for name in names:
            tx.add(
                LiveSession(
                    resource=name,
                    engine_session=name,
                    space_id=space.id,
                    role="listener",
                    created_at=now,
                    sfu="studio",
                )
            )


async def test_a_herd_is_counted_whole_and_written_down_in_few_transactions(hall: Hall, space: Space) -> None:
    sfu = ToldSfu(hall.studio, space)
    live = live_rooms(hall.town, hall.studio, sfu)
    names = [f"stranger {number}" for number in range(30)]
    await come(hall, space, names)
    await live.start()
    began, writes = hall.town.clock.monotonic(), 0
    async with hall.town.bus.subscribe(presence.topic(space.id)) as told:
        for name in names:
            sfu.connected(name)
            async with hall.town.db.transaction():  # whatever was to be written before, is by then
                pass
        async with asyncio.timeout(20):
            async for _, message in told:
                writes += message["event"] == "presence"
                if message.get("listener_count") == len(names):
                    break
    assert writes <= (hall.town.clock.monotonic() - began) / GATHER_SECONDS + 2
    await live.stop()


async def test_who_came_just_before_the_web_process_ended_is_written_down(hall: Hall, space: Space) -> None:
    sfu = ToldSfu(hall.studio, space)
    live = live_rooms(hall.town, hall.studio, sfu)
    await come(hall, space, ["first", "second"])
    await live.start()

    async def has_heard() -> bool:
        return sfu.happened.empty()

    async with hall.town.bus.subscribe(presence.topic(space.id)) as told:
        sfu.connected("first")
        await told.next()
        sfu.connected("second")
        await eventually("it was heard", has_heard, bool)
    await live.stop()
    await hall.shows(space, 2, [])


async def test_strangers_are_many_and_one_person_listens_on_three_devices_at_most(
    hall: Hall, alice: Account, space: Space
) -> None:
    async with (
        Listener(hall.studio) as one,
        Listener(hall.studio) as two,
        Listener(hall.studio) as three,
        Listener(hall.studio) as four,
    ):
        strangers = [one, two, three, four]
        for listener in strangers:
            await hall.hear(listener, space)
        await hall.shows(space, 4, [])
    await hall.shows(space, 0, [])
    async with (
        Listener(hall.studio) as one,
        Listener(hall.studio) as two,
        Listener(hall.studio) as three,
        Listener(hall.studio) as four,
    ):
        for listener in (one, two, three, four):
            await hall.hear(listener, space, await hall.ticket(alice, space, "listener"))
        await hall.shows(space, 3, [])
    await hall.shows(space, 0, [])
