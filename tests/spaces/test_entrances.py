"""What opens a session besides a ticket, how many one person has, and what the room is told of them."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from fedispace.accounts.models import Account
from fedispace.errors import Forbidden, Unauthenticated
from fedispace.spaces import members, presence
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.roles import MemberRole
from tests.ground.eventually import eventually
from tests.media.peers import Listener, Sound, Speaker

# The hall and those in it are the same as where one enters by ticket.
from tests.spaces.test_live import Hall, alice, hall, live_rooms, space  # noqa: F401


async def test_a_pass_opens_sessions_and_the_row_says_of_what_kind(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
) -> None:
    town = hall.town
    bob, floor = await town.resident("bob"), await town.live_space(alice)
    held = await town.passes.grant(bob.id, floor.id)
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        speaker.connection.addTrack(Sound.tone(440))
        offer = await speaker.offer()
        with pytest.raises(Forbidden):
            await hall.live.publish(floor.id, held.token, offer)

        await hall.hear(listener, floor, held.token)
        async with town.db.transaction() as tx:
            tx.add(members.born(floor.id, bob.id, MemberRole.SPEAKER, town.clock.now()))

        connection = await hall.live.publish(floor.id, held.token, offer)
        await speaker.accept(connection.answer)
        await speaker.connected()
        await hall.shows(floor, 0, ["bob"])


async def test_an_oauth_token_of_ours_opens_sessions(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    token = await hall.town.oauth.issue(alice.id, frozenset({"write"}))
    weak = await hall.town.oauth.issue(alice.id, frozenset({"read"}))
    async with Speaker(hall.studio) as speaker:
        speaker.connection.addTrack(Sound.tone(440))
        offer = await speaker.offer()
        with pytest.raises(Forbidden):
            await hall.live.publish(space.id, weak, offer)
        connection = await hall.live.publish(space.id, token, offer)
        await speaker.accept(connection.answer)
        await speaker.connected()


async def test_where_the_operator_says_so_nobody_listens_without_an_account(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    closed = live_rooms(hall.town, hall.studio, hall.studio.client, strangers_listen=False)
    async with Listener(hall.studio) as listener:
        offer = await listener.offer_to_listen()
        with pytest.raises(Unauthenticated, match="needs an account"):
            await closed.subscribe(space.id, None, offer)
        held = await hall.town.passes.grant(alice.id, space.id)
        connection = await closed.subscribe(space.id, held.token, offer)
        await listener.accept(connection.answer)
        await listener.connected()


@pytest.mark.attack(98)
async def test_one_person_has_three_ears_in_a_room_and_the_oldest_gives_way(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    held = (await hall.town.passes.grant(alice.id, space.id)).token
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(4):
            listener = await stack.enter_async_context(Listener(hall.studio))
            opened.append(await hall.hear(listener, space, held))
        await hall.shows(space, 3, [])
        await eventually("the first is gone", hall.rooms, lambda rooms: rooms == {str(space.id): (0, 3)})
        async with hall.town.db.reading() as tx:
            first, *others = [await tx.get(LiveSession, one.resource) for one in opened]
            assert first is not None
            assert first.ended_at is not None
            assert all(one is not None and one.ended_at is None for one in others)


async def test_the_room_is_told_when_a_microphone_connects_and_when_it_is_gone(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    async with hall.town.bus.subscribe(presence.topic(space.id)) as told:

        async def is_connected() -> bool:
            while True:
                _, message = await told.next()
                if message["event"] == "stage":
                    return bool(message["stage"][0]["is_connected"])

        async with Speaker(hall.studio) as speaker:
            connection = await hall.speak(speaker, alice, space)
            assert await asyncio.wait_for(is_connected(), 5)
            await hall.live.leave(space.id, connection.resource)
        assert not await asyncio.wait_for(is_connected(), 5)
