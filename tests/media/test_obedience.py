"""Who is silenced or sent away is gone with the command, from the stage and from the programme."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from fedispace.errors import Forbidden
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.stopwatch import Stopwatch
from tests.media.hearing import Samples, main_frequency
from tests.media.peers import Listener, OnStage, Sound, Speaker
from tests.media.studio import Studio

_TONES = {"anna": 440, "bert": 880}


@pytest.fixture
async def pair(studio: Studio) -> AsyncIterator[dict[str, OnStage]]:
    """Two on stage who speak all the time."""
    async with AsyncExitStack() as stack:
        people = {name: await stack.enter_async_context(OnStage(studio)) for name in _TONES}
        for name, person in people.items():
            await person.come(Sound.tone(_TONES[name]), participant=name)
            await asyncio.wait_for(person.connected(), 10)
        yield people


def _hears(sound: Samples, tone: int) -> bool:
    return len(sound) >= RATE // 10 and abs(main_frequency(sound[-RATE // 2 :], RATE) - tone) < 10


async def test_a_mute_is_heard_at_once_on_stage_and_by_listeners(
    studio: Studio, pair: dict[str, OnStage]
) -> None:
    async with Listener(studio) as listener:
        await listener.subscribe()
        await listener.listen(0.5)
        assert any(_hears(sound, 880) for sound in await pair["anna"].listen(0.5))

        await studio.client.mute("room", "bert", True)
        for ear in pair["anna"]._ears:
            ear.forget()
        heard = await listener.listen(2)

        assert all(len(ear.heard()) <= RATE // 10 for ear in pair["anna"]._ears), "not one packet more"
        assert _hears(heard[-RATE // 2 :], 440)

        await studio.client.mute("room", "bert", False)
        assert any(_hears(sound, 880) for sound in await pair["anna"].listen(0.5))


async def test_a_mute_meets_who_comes_back(studio: Studio, pair: dict[str, OnStage]) -> None:
    await studio.client.mute("room", "bert", True)
    await studio.client.hang_up(pair["bert"].voice)
    async with Speaker(studio) as again:
        await again.publish(Sound.tone(880), participant="bert")
        await studio.client.silence(again.session, False)

        async def heard_while_sixty_packets_come() -> int:
            for ear in pair["anna"]._ears:
                ear.forget()
            before = await studio.client.status()
            await eventually(
                "his packets come",
                studio.client.status,
                lambda now: now.packets_received > before.packets_received + 60,
            )
            return sum(len(ear.heard()) for ear in pair["anna"]._ears)

        # What her own jitter buffer still had of him comes first.
        await eventually(
            "nothing of him comes", heard_while_sixty_packets_come, lambda heard: heard == 0, within=20
        )


async def test_who_is_banned_loses_both_sessions_within_a_second_and_no_grant_opens_another(
    studio: Studio, pair: dict[str, OnStage]
) -> None:
    unused = studio.grant("subscribe", participant="bert")
    assert studio.process.pid is not None
    watch = Stopwatch(studio.process.pid)
    await studio.client.expel("room", "bert", banned=True)
    status = await studio.client.status()

    assert status.rooms == {"room": (1, 1)}
    await eventually("his browser is told", lambda: _state(pair["bert"]), lambda state: state == "closed")
    assert watch.seconds(studio.process.pid) < 1
    async with Listener(studio) as listener:
        offer = await listener.offer_to_listen()
        for grant in (unused, studio.grant("subscribe", participant="bert")):
            with pytest.raises(Forbidden):
                await studio.client.subscribe(grant, offer)
        await studio.client.readmit("room", "bert")
        await studio.client.subscribe(studio.grant("subscribe", participant="bert"), offer)


async def test_who_is_sent_away_may_come_back_with_a_new_grant_only(
    studio: Studio, pair: dict[str, OnStage]
) -> None:
    unused = studio.grant("publish", participant="bert")
    elsewhere = studio.grant("subscribe", room="another", participant="bert")
    await studio.client.expel("room", "bert")
    async with Speaker(studio) as again, Listener(studio) as listener:
        again.connection.addTrack(Sound.tone(880))
        with pytest.raises(Forbidden):
            await studio.client.publish(unused, await again.offer())
        await studio.client.subscribe(elsewhere, await listener.offer_to_listen())
        await studio.client.publish(studio.grant("publish", participant="bert"), await again.offer())


async def test_the_end_of_a_room_withdraws_what_was_not_used(studio: Studio) -> None:
    unused = studio.grant("subscribe")
    await studio.client.close_room("room")
    async with Listener(studio) as listener:
        with pytest.raises(Forbidden):
            await studio.client.subscribe(unused, await listener.offer_to_listen())


async def _state(peer: OnStage) -> str:
    return peer.connection.connectionState
