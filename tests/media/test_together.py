"""Several speak at once and all are heard, through the real process and by stock WebRTC clients."""

import asyncio
import contextlib
import itertools
from collections import Counter

import numpy as np
import pytest

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import Samples, main_frequency, purity
from tests.media.peers import Listener, Sound, Speaker, record_packets
from tests.media.studio import Studio
from tests.media.talking import strength


def _word(frequency: float) -> Sound:
    """A tone for a second in every five."""
    tone = 12_000 * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    return Sound(np.concatenate([np.zeros(RATE), tone, np.zeros(3 * RATE)]))


def _loudest(heard: Samples, frequency: float) -> float:
    pieces = [heard[at : at + RATE // 4] for at in range(0, len(heard) - RATE // 4, RATE // 4)]
    return max(strength(piece, frequency) for piece in pieces)


async def test_three_who_speak_at_once_are_all_heard_by_everyone(studio: Studio) -> None:
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(Listener(studio)) for _ in range(2)]
        for listener in listeners:
            await listener.subscribe()
        for frequency in (440, 660, 880):
            speaker = await stack.enter_async_context(Speaker(studio))
            await speaker.publish(Sound.tone(frequency))
        await eventually("the voices are mixed", lambda: _rooms_mixing(studio), lambda rooms: rooms == 1)
        await listeners[0].listen(1)

        heard = await asyncio.gather(*(listener.listen(2) for listener in listeners))

        status = await studio.client.status()
    for sound in heard:
        for frequency in (440, 660, 880):
            assert strength(sound, frequency) > 6000
        assert strength(sound, 550) < 600
    assert status.mixer.ticks > 100


async def test_who_is_silenced_is_out_of_the_mix_and_the_other_stays(studio: Studio) -> None:
    async with Speaker(studio) as anna, Speaker(studio) as bert, Listener(studio) as listener:
        await listener.subscribe()
        await asyncio.gather(anna.publish(Sound.tone(440)), bert.publish(Sound.tone(880)))
        await eventually("the voices are mixed", lambda: _rooms_mixing(studio), lambda rooms: rooms == 1)
        await listener.listen(0.5)

        await studio.client.silence(bert.session, True)
        await listener.listen(0.5)
        heard = await listener.listen(1)

    assert strength(heard, 440) > 6000
    assert strength(heard, 880) < 300


async def test_the_stream_is_one_whatever_is_mixed_or_forwarded(studio: Studio) -> None:
    async with Speaker(studio) as anna, Speaker(studio) as bert, Listener(studio) as listener:
        await listener.subscribe()
        packets = record_packets(listener)
        await asyncio.gather(anna.publish(Sound.tone(440)), bert.publish(_word(880)))
        heard = await listener.listen(6)

    assert _loudest(heard, 440) > 8000
    assert _loudest(heard, 880) > 8000
    assert len({ssrc for ssrc, _, _ in packets}) == 1
    steps = Counter((b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(packets))
    assert set(steps) == {1}, "sequence numbers neither jump nor repeat"
    pauses = [(b[2] - a[2]) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)]
    assert all(960 <= pause <= 960 * 50 and pause % 960 == 0 for pause in pauses)


async def test_many_listeners_get_long_packets_and_hear_no_difference(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with (
        Studio(tmp_path_factory.mktemp("sfu"), long_packets_above=1) as studio,
        Speaker(studio) as anna,
        Listener(studio) as first,
        Listener(studio) as second,
        Listener(studio) as third,
    ):
        await first.subscribe()
        packets = record_packets(first)
        await anna.publish(Sound.tone(440))
        await first.listen(1)
        assert set(_pauses(packets)) == {960}

        await second.subscribe()
        await eventually("long packets come", lambda: _last_pause(packets), lambda pause: pause == 2880)
        await third.subscribe()
        await third.listen(1)
        heard = await asyncio.gather(first.listen(2), third.listen(2))

    for sound in heard:
        assert abs(main_frequency(sound, RATE) - 440) < 2
        assert purity(sound, RATE, 440) > 0.9
    assert {(b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(packets)} == {1}
    assert set(_pauses(packets)) <= {960, 1920, 2880}


def _pauses(packets: list[tuple[int, int, int]]) -> list[int]:
    return [(b[2] - a[2]) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)]


async def _last_pause(packets: list[tuple[int, int, int]]) -> int:
    return _pauses(packets)[-1]


async def _rooms_mixing(studio: Studio) -> int:
    return (await studio.client.status()).mixer.rooms
