"""Several publishers, one stream: switches are seamless, silence and removal are the server's to keep."""

import asyncio
import itertools
from typing import Any

import numpy as np
import pytest

from fedispace.errors import Conflict, NotFound
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import main_frequency, purity
from tests.media.peers import Listener, Sound, Speaker, record_packets
from tests.media.studio import Studio


def _turns(frequency: float, *, first: bool) -> Sound:
    """A tone for two seconds and nothing for two, or the reverse."""
    tone = 12_000 * np.sin(2 * np.pi * frequency * np.arange(2 * RATE) / RATE)
    return Sound(np.concatenate([tone, np.zeros_like(tone)] if first else [np.zeros_like(tone), tone]))


async def test_speakers_take_turns_in_one_unbroken_stream(studio: Studio) -> None:
    async with Speaker(studio) as anna, Speaker(studio) as bert, Listener(studio) as listener:
        await listener.subscribe()
        packets = record_packets(listener)
        await asyncio.gather(anna.publish(_turns(440, first=True)), bert.publish(_turns(880, first=False)))
        heard = await listener.listen(8)

    seconds = [heard[at : at + RATE // 4] for at in range(0, len(heard) - RATE // 4, RATE // 4)]
    frequencies = [main_frequency(piece, RATE) for piece in seconds if purity_of_either(piece) > 0.9]
    assert sum(abs(f - 440) < 10 for f in frequencies) >= 8
    assert sum(abs(f - 880) < 10 for f in frequencies) >= 8
    assert len({ssrc for ssrc, _, _ in packets}) == 1
    steps = [(b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(packets)]
    assert set(steps) == {1}, "sequence numbers neither jump nor repeat"
    pauses = [(b[2] - a[2]) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)]
    assert all(960 <= pause <= 960 * 50 and pause % 960 == 0 for pause in pauses)


async def test_a_silenced_speaker_is_not_heard_until_the_silence_ends(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)

        await studio.client.silence(speaker.session, True)
        await _nothing_more_is_forwarded(studio)
        await studio.client.silence(speaker.session, False)

        heard = await listener.listen(1.5)
    assert purity(heard[-RATE // 2 :], RATE, 440) > 0.9


async def test_only_publishers_can_be_silenced(studio: Studio) -> None:
    async with Listener(studio) as listener:
        await listener.subscribe()
        for session in (listener.session, "nobody"):
            with pytest.raises(NotFound):
                await studio.client.silence(session, True)


async def test_a_speaker_who_is_hung_up_is_gone_at_once(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)

        await studio.client.hang_up(speaker.session)

        assert (await studio.client.status()).rooms == {"room": (0, 1)}
        await eventually("his browser is told", lambda: _state(speaker), lambda state: state == "closed")


@pytest.mark.attack(95)
async def test_what_a_listener_sends_is_not_heard(studio: Studio) -> None:
    async with Listener(studio) as intruder, Listener(studio) as listener:
        intruder.connection.addTransceiver(Sound.tone(440), direction="sendrecv")
        answer = await studio.client.subscribe(studio.grant("subscribe"), await intruder.offer())
        assert "a=sendonly" in answer.sdp.split("\r\n")
        await intruder.accept(answer.sdp.replace("a=sendonly", "a=sendrecv"))
        await intruder.connected()
        await listener.subscribe()

        await _nothing_more_is_forwarded(studio)
        status = await studio.client.status()
    assert status.packets_refused["subscriber_media"] >= 20
    assert status.publishers == 0


async def test_rooms_do_not_hear_each_other(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as here, Listener(studio) as there:
        await here.subscribe(room="here")
        await there.subscribe(room="there")
        await speaker.publish(Sound.tone(440), room="here")
        await here.listen(1)

        with pytest.raises(TimeoutError):
            await there.listen(0.1, within=0.5)


async def test_closing_a_room_ends_its_sessions_and_no_others(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as here, Listener(studio) as there:
        await speaker.publish(Sound.tone(440), room="here")
        await here.subscribe(room="here")
        await there.subscribe(room="there")

        await studio.client.close_room("here")

        await eventually("the room is gone", lambda: _rooms(studio), lambda rooms: rooms == {"there": (0, 1)})


async def test_there_are_only_so_many_speakers_places(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with (
        Studio(tmp_path_factory.mktemp("sfu"), max_speakers=1) as studio,
        Speaker(studio) as first,
        Speaker(studio) as second,
    ):
        await first.publish(Sound.tone(440), participant="anna")

        with pytest.raises(Conflict):
            await second.publish(Sound.tone(440), participant="bert")


async def test_a_speaker_who_comes_back_takes_his_own_place(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with (
        Studio(tmp_path_factory.mktemp("sfu"), max_speakers=1) as studio,
        Speaker(studio) as before,
        Speaker(studio) as after,
        Listener(studio) as listener,
    ):
        await before.publish(Sound.tone(440), participant="anna")
        await after.publish(Sound.tone(880), participant="anna")
        await listener.subscribe()
        await listener.listen(0.5)

        assert abs(main_frequency(await listener.listen(1), RATE) - 880) < 10


def purity_of_either(piece: Any) -> float:
    return max(purity(piece, RATE, 440), purity(piece, RATE, 880))


async def _nothing_more_is_forwarded(studio: Studio) -> None:
    """While publishers keep sending, the count of forwarded packets stands still."""
    before = await studio.client.status()
    await eventually(
        "packets keep arriving",
        studio.client.status,
        lambda now: now.packets_received >= before.packets_received + 20,
    )
    after = await studio.client.status()
    assert after.packets_forwarded <= before.packets_forwarded + 1


async def _state(peer: Speaker) -> str:
    return peer.connection.connectionState


async def _rooms(studio: Studio) -> dict[str, tuple[int, int]]:
    return (await studio.client.status()).rooms
