"""Speakers hear each other in three slots, never themselves: tones in, tones out."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import pytest

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import Samples, main_frequency, purity
from tests.media.peers import Listener, OnStage, Sound
from tests.media.studio import Studio

_TONES = {"anna": 440, "bert": 660, "cleo": 880, "dora": 1100}


@pytest.fixture
async def stage(studio: Studio) -> AsyncIterator[dict[str, OnStage]]:
    """Four on stage, each with a tone of his own."""
    async with AsyncExitStack() as stack:
        people = {name: await stack.enter_async_context(OnStage(studio)) for name in _TONES}
        for name, person in people.items():
            await person.come(Sound.tone(_TONES[name]), participant=name)
        yield people


def _who(sound: Samples) -> str | None:
    """Return whose tone it is, pure; None for silence."""
    sound = sound[-RATE // 2 :]
    if len(sound) < RATE // 4 or abs(sound).max() < 300:
        return None
    frequency = main_frequency(sound, RATE)
    name = min(_TONES, key=lambda name: abs(_TONES[name] - frequency))
    assert abs(_TONES[name] - frequency) < 10
    assert purity(sound, RATE, _TONES[name]) > 0.9
    return name


async def _heard_by(people: dict[str, OnStage], seconds: float = 1.0) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, sounds in zip(people, await _all_ears(people, seconds), strict=True):
        voices = [_who(sound) for sound in sounds]
        present = [voice for voice in voices if voice]
        assert len(set(present)) == len(present), "nobody is in two slots"
        found[name] = set(present)
    return found


async def _all_ears(people: dict[str, OnStage], seconds: float) -> list[list[Samples]]:
    return list(await asyncio.gather(*(person.listen(seconds) for person in people.values())))


async def test_each_of_four_who_speak_at_once_hears_the_three_others_and_not_himself(
    stage: dict[str, OnStage],
) -> None:
    heard = await _heard_by(stage, 2.0)

    assert heard == {name: set(_TONES) - {name} for name in _TONES}


async def test_a_slot_is_one_unbroken_source_while_voices_come_and_go(
    studio: Studio, stage: dict[str, OnStage]
) -> None:
    packets = [_record(receiver) for receiver in stage["anna"].connection.getReceivers()]
    for name in ("bert", "cleo", "anna", "dora", "bert"):
        voice = stage[name].voice
        await studio.client.silence(voice, True)
        await stage["anna"].listen(0.6)
        await studio.client.silence(voice, False)
        await stage["anna"].listen(0.6)

    for slot in packets:
        assert len(slot) > 100
        assert len({ssrc for ssrc, _, _ in slot}) == 1
        assert {(b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(slot)} == {1}
        assert all(960 <= (b[2] - a[2]) & 0xFFFFFFFF < 10 * RATE for a, b in itertools.pairwise(slot))


async def test_who_speaks_alone_hears_nothing(studio: Studio) -> None:
    async with OnStage(studio) as anna, OnStage(studio) as bert:
        await anna.come(Sound.tone(440), participant="anna")
        await bert.subscribe(participant="bert")
        sounds = await bert.listen(1)
        status = await studio.client.status()
        await bert.listen(0.5)
        later = await studio.client.status()
        hers = [ear.heard() for ear in anna._ears]

    assert [_who(sound) for sound in sounds] == ["anna", None, None]
    assert all(not len(sound) for sound in hers), "not one packet of her own comes back"
    assert (
        later.packets_forwarded - status.packets_forwarded <= later.packets_received - status.packets_received
    )


async def test_with_two_slots_one_hears_two_others(studio: Studio) -> None:
    async with AsyncExitStack() as stack:
        people = {
            name: await stack.enter_async_context(OnStage(studio, slots=2))
            for name in ("anna", "bert", "cleo")
        }
        for name, person in people.items():
            await person.come(Sound.tone(_TONES[name]), participant=name)
        heard = await _heard_by(people, 2.0)

    assert heard == {"anna": {"bert", "cleo"}, "bert": {"anna", "cleo"}, "cleo": {"anna", "bert"}}


async def test_three_sections_of_one_who_is_not_on_stage_bring_the_programme_alone(studio: Studio) -> None:
    async with OnStage(studio) as anna, OnStage(studio) as visitor:
        await anna.come(Sound.tone(440), participant="anna")
        await visitor.subscribe(participant="visitor", stage=False)
        sounds = await visitor.listen(1)

    assert [_who(sound) for sound in sounds] == ["anna", None, None]


async def test_listeners_hear_the_mix_of_what_speakers_hear_apart(
    studio: Studio, stage: dict[str, OnStage]
) -> None:
    async with Listener(studio) as listener:
        await listener.subscribe()
        heard = (await listener.listen(3))[-RATE:]

    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    loudest = spectrum.max()
    assert all(spectrum[tone - 3 : tone + 4].max() > 0.1 * loudest for tone in _TONES.values())


async def test_who_leaves_and_comes_back_is_heard_in_a_slot_that_goes_on(
    studio: Studio, stage: dict[str, OnStage]
) -> None:
    packets = [_record(receiver) for receiver in stage["anna"].connection.getReceivers()]
    await studio.client.hang_up(stage["bert"].voice)
    await eventually(
        "bert's voice is gone",
        lambda: _heard_by({"anna": stage["anna"]}),
        lambda heard: heard == {"anna": {"cleo", "dora"}},
    )
    async with OnStage(studio) as again:
        await again.come(Sound.tone(_TONES["bert"]), participant="bert")
        heard = await _heard_by({**stage, "bert": again}, 2.0)

    assert heard == {name: set(_TONES) - {name} for name in _TONES}
    for slot in packets:
        assert {(b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(slot)} == {1}


def _record(receiver: Any) -> list[tuple[int, int, int]]:
    """Note every RTP packet as it reaches a stock receiver: source, sequence, timestamp."""
    packets: list[tuple[int, int, int]] = []
    receive = receiver._handle_rtp_packet

    async def note(packet: Any, arrival_time_ms: int) -> None:
        packets.append((packet.ssrc, packet.sequence_number, packet.timestamp))
        await receive(packet, arrival_time_ms)

    receiver._handle_rtp_packet = note
    return packets
