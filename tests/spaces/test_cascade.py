"""A room too large for one audio server: the others take its sound from the first, as listeners do."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.errors import Conflict, Forbidden, Unavailable
from fedispace.net import Net
from fedispace.spaces.models import LiveSession, RoomPlace, Space
from fedispace.spaces.sound.live import LiveRooms
from fedispace.spaces.sound.whep import WhepAddress
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.door import open_door
from tests.media.hearing import main_frequency, purity
from tests.media.lines import Line
from tests.media.peers import Listener, Sound, Speaker
from tests.media.reading import read_on
from tests.media.studio import Studio
from tests.spaces.test_fleet import Halls, halls, sessions

__all__ = ["halls"]


@pytest.fixture
async def alice(halls: Halls) -> Account:
    return await halls.town.resident("alice")


@pytest.fixture
async def space(halls: Halls, alice: Account) -> Space:
    return await halls.town.live_space(alice)


async def home_of(halls: Halls, space: Space) -> Studio:
    """Return the studio where those are who speak."""

    async def placed() -> str | None:
        async with halls.town.db.reading() as tx:
            return await tx.scalar(
                select(RoomPlace.sfu).where(RoomPlace.space_id == space.id, RoomPlace.number == 0)
            )

    name = await eventually("the room has a home", placed, bool)
    assert name is not None
    return halls.studios[name]


async def subscribe(live: LiveRooms, space: Space, listener: Listener) -> str:
    connection = await live.subscribe(space.id, None, await listener.offer_to_listen())
    await listener.accept(connection.answer)
    await listener.connected()
    return connection.resource


async def server_of(halls: Halls, resource: str) -> str:
    async with halls.town.db.reading() as tx:
        session = await tx.get(LiveSession, resource)
        assert session is not None
        return session.sfu


async def enter(halls: Halls, live: LiveRooms, space: Space, stack: AsyncExitStack) -> Line:
    """Let one more listener in, and be counted before the next one comes."""
    there = len(await sessions(halls, space))
    line = await stack.enter_async_context(halls.listener(live, space))
    await eventually("he is counted", lambda: sessions(halls, space), lambda found: len(found) > there)
    return line


async def test_who_is_on_the_second_server_hears_what_is_said_on_the_first(
    halls: Halls, space: Space
) -> None:
    async with (
        halls.web_process(max_listeners=1) as live,
        Listener(halls.any) as near,
        Listener(halls.any) as far,
    ):
        first = await server_of(halls, await subscribe(live, space, near))
        second = await server_of(halls, await subscribe(live, space, far))
        assert first != second
        async with Speaker(await home_of(halls, space)) as speaker:
            await speaker.publish(Sound.tone(440), room=str(space.id))
            for listener in (near, far):
                await listener.listen(1)
                heard = await listener.listen(2)
                assert abs(main_frequency(heard, RATE) - 440) < 2
                assert purity(heard, RATE, 440) > 0.95

        with pytest.raises(Unavailable, match="full"):
            async with Listener(halls.any) as third:
                await subscribe(live, space, third)


async def test_who_listens_over_http_on_the_second_server_hears_it_too(halls: Halls, space: Space) -> None:
    async with halls.web_process(max_listeners=1) as live, Listener(halls.any) as near:
        first = await server_of(halls, await subscribe(live, space, near))
        invited = await live.streaming.invite(space.id, None)
        async with (
            Speaker(await home_of(halls, space)) as speaker,
            live.streaming.opened(space.id, invited.address) as stream,
        ):
            assert await server_of(halls, invited.resource) != first
            await speaker.publish(Sound.tone(440), room=str(space.id))
            heard = (await read_on(stream, 6.0))[-2 * RATE :]
    assert purity(heard, RATE, 440) > 0.95


async def test_when_the_first_is_killed_and_back_the_second_is_fed_again(halls: Halls, space: Space) -> None:
    loop = asyncio.get_running_loop()
    async with halls.web_process(max_listeners=3) as live, AsyncExitStack() as stack:
        lines = [await enter(halls, live, space, stack) for _ in range(6)]
        home = await home_of(halls, space)
        speaking = await stack.enter_async_context(speaker(home, space))
        for line in [*lines, speaking]:
            await line.began_after(0.0, loop.time() + 15)
        further = [line for line in lines if await server_of(halls, line.name) != home.settings.control]
        assert len(further) == 3
        assert home.process.pid is not None

        os.kill(home.process.pid, signal.SIGKILL)

        killed = loop.time()
        await speaking.began_after(killed, 10)
        silences = [await line.hears_after(killed + 0.5, 10) for line in further]
        print("on the second server the sound is back after", [round(s + 0.5, 2) for s in silences])
        assert max(silences) < 5


async def test_the_end_of_a_space_ends_its_feed(halls: Halls, alice: Account, space: Space) -> None:
    async with halls.web_process(max_listeners=1) as live, AsyncExitStack() as stack:
        for _ in range(2):
            await enter(halls, live, space, stack)
        await eventually("both are in", lambda: halls.servers_of(space), lambda seen: len(seen) == 2)

        await halls.town.hosting.close(alice, space.id)
        await live.close(space.id)

        for studio in halls.studios.values():
            await eventually("no room is left", studio.client.status, lambda now: now.rooms == {})


async def test_a_room_is_fed_from_any_whep_address(halls: Halls) -> None:
    there, here = halls.studios.values()
    net = Net(allow_private=["127.0.0.0/8"], allow_http=True, user_agent="test")
    async with open_door(there) as origin, Speaker(there) as talking, Listener(here) as listener:
        await talking.publish(Sound.tone(440))
        begun = await here.client.open_upstream("elsewhere")
        await here.client.connect_upstream(
            begun.session, await WhepAddress(net, f"{origin}/whep").answer(begun.sdp)
        )
        await listener.subscribe(room="elsewhere")
        await listener.listen(1)
        assert purity(await listener.listen(2), RATE, 440) > 0.95
        with pytest.raises(Conflict):
            await here.client.open_upstream("elsewhere")
    await net.close()


async def test_an_answer_cannot_make_us_send_into_our_own_network(halls: Halls) -> None:
    there, here = halls.studios.values()
    net = Net(allow_private=["127.0.0.0/8"], allow_http=True, user_agent="test")
    strict = Net(user_agent="test")
    net.may_reach = strict.may_reach  # type: ignore[method-assign]
    async with open_door(there) as origin:
        begun = await here.client.open_upstream("elsewhere")
        with pytest.raises(Forbidden):
            await WhepAddress(net, f"{origin}/whep").answer(begun.sdp)
    await net.close()


def speaker(studio: Studio, space: Space) -> Line:
    """Somebody on stage, whose grants the test writes."""

    async def join(offer: str) -> tuple[str, str]:
        grant = studio.grant("publish", room=str(space.id), participant="on stage")
        answer = await studio.client.publish(grant, offer)
        return answer.sdp, answer.session

    async def is_over(session: str) -> bool:
        status = await studio.client.status()
        return status.rooms.get(str(space.id), (0, 0))[0] == 0

    return Line(join, is_over, speaks=True)
