"""Somebody who was let in misbehaves: it costs himself, and nobody else hears of it."""

import asyncio
import itertools
import random
import struct
import time
from collections.abc import Awaitable, Callable, Iterable

import pytest
from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpRrPacket

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import main_frequency, purity
from tests.media.peers import Listener, Sound, Speaker
from tests.media.raw import RawSpeaker
from tests.media.studio import Studio
from tests.media.talking import joined, packets_of, tone
from tests.media.test_red import written
from tests.media.test_speakers import record_packets

_PER_SECOND = 2000
_AT_ONCE = 40


def _hostile(chance: random.Random, number: int) -> bytes:
    """Return one of many bad packets."""
    ssrc = chance.getrandbits(32)
    match number % 6:
        case 0:  # large, under ever another source
            return struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, number, ssrc) + chance.randbytes(1330)
        case 1:  # numbers that jump
            head = struct.pack("!BBHII", 0x80, 96, number * 900 & 0xFFFF, chance.getrandbits(32), 8)
            return head + b"\xfc" + chance.randbytes(60)
        case 2:  # of no type we agreed on
            return struct.pack("!BBHII", 0x80, 101, number & 0xFFFF, number, 7) + chance.randbytes(60)
        case 3:
            return bytes(RtcpByePacket(sources=[7, ssrc]))
        case 4:
            return struct.pack("!BBHI", 0x80, 204, 4, ssrc) + b"ATCK" + chance.randbytes(8)
        case _:  # padding longer than the packet
            return struct.pack("!BBHII", 0xA0, 96, number & 0xFFFF, number, 7) + b"\xff" * 20


@pytest.mark.attack(100)
async def test_a_flood_is_policed_and_another_speaker_is_heard_without_a_gap(studio: Studio) -> None:
    chance, sent = random.Random(3), 0
    async with Speaker(studio) as anna, RawSpeaker(studio) as mallory, Listener(studio) as listener:
        await listener.subscribe()
        packets = record_packets(listener)
        await anna.publish(Sound.tone(440))
        await mallory.publish()
        await listener.listen(1)
        packets.clear()
        before = await studio.client.status()

        async def flood() -> None:
            nonlocal sent
            began = time.monotonic()
            while True:
                due = int((time.monotonic() - began) * _PER_SECOND) - sent
                for _ in range(min(due, _AT_ONCE)):  # whoever falls behind lets others go on too
                    await mallory.send(_hostile(chance, sent))
                    sent += 1
                await asyncio.sleep(0.002)

        attack, began = asyncio.create_task(flood()), time.monotonic()
        heard = await listener.listen(3)
        seconds = time.monotonic() - began
        assert not attack.done(), attack.exception()
        attack.cancel()
        after = await studio.client.status()

    assert sent > 0.8 * _PER_SECOND * seconds
    refused = after.packets_refused["publisher_rate"] - before.packets_refused.get("publisher_rate", 0)
    assert refused > sent - 200 * (seconds + 1) - 40, "at most 200 a second are looked at"
    assert purity(heard, RATE, 440) > 0.9
    assert {(b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(packets)} == {1}
    assert {(b[2] - a[2]) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)} == {960}


@pytest.mark.attack(100)
async def test_copies_do_not_make_many_packets_of_few(studio: Studio) -> None:
    async with RawSpeaker(studio) as mallory, Listener(studio) as listener:
        await listener.subscribe()
        await mallory.publish(red=True)
        frame = packets_of(tone(880, 0.1))[1]
        copies = [(frame, 960 * back) for back in (4, 3, 2, 1)]
        began, sent = time.monotonic(), 0

        def allowed() -> float:
            return 200 * (1 + time.monotonic() - began) + 50

        while sent < max(1500, 2 * allowed()) and sent < 20_000:
            await mallory.send_voice(sent, written(frame, *copies, kind=96), payload_type=63)
            sent += 1 + len(copies)
            await asyncio.sleep(0.003)
        status = await studio.client.status()
        assert sent > allowed(), "there was something to refuse"
        assert status.packets_forwarded <= allowed()


@pytest.mark.attack(101)
async def test_another_speakers_source_does_not_make_him_that_speaker(studio: Studio) -> None:
    async with (
        studio.events() as events,
        Speaker(studio) as anna,
        RawSpeaker(studio) as mallory,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        await anna.publish(Sound(Sound.tone(440)._samples * 0))
        await mallory.publish()
        hers = anna.connection.getSenders()[0]._ssrc
        speaking: list[str] = []
        for number, payload in enumerate(packets_of(tone(880, 3.0))):
            await mallory.send_voice(number, payload, ssrc=hers, sources=(hers,))
            await asyncio.sleep(0.02)
            while not events.empty():
                event = events.get_nowait()
                if event.kind == "speaking" and event.level < 127:
                    speaking.append(event.session)
            if number == 75:
                await studio.client.silence(mallory.session, True)
                await listener.listen(1)
        silent = await listener.listen(0.5)

    assert set(speaking) == {mallory.session}
    assert abs(silent).max() < 100, "silenced is he, whatever source he names, and she is not"


@pytest.mark.attack(102)
async def test_what_is_no_opus_is_dropped_and_what_is_strange_but_valid_is_heard(studio: Studio) -> None:
    chance = random.Random(4)
    async with RawSpeaker(studio) as mallory, Listener(studio) as listener:
        await listener.subscribe()
        await mallory.publish()
        invalid = [b"", b"\x03", b"\xff\xff", b"\xfb\x7f" + bytes(30), b"\xfc" + bytes(1300), b"\xfe\xfd\x01"]
        for number in range(60):
            payload = invalid[number % 6] + chance.randbytes(number) * (number % 6 == 1)
            await mallory.send_voice(number, payload)
        short = packets_of(tone(880, 12.0))
        long = [joined(short[at : at + 6]) for at in range(0, len(short), 6)]
        dropped = await studio.client.status()

        async def talk() -> None:
            for number, payload in enumerate(long):
                await mallory.send_voice(number, payload, samples=5760, ssrc=5)
                await mallory.send_voice(number, b"", ssrc=6)
                await mallory.send_voice(number, b"\xfc", ssrc=7)
                await asyncio.sleep(0.12)

        talking = asyncio.create_task(talk())
        heard = await listener.listen(3)
        talking.cancel()

    assert dropped.packets_refused["opus"] + dropped.packets_refused["rtp"] >= 50
    assert abs(main_frequency(heard[-RATE:], RATE) - 880) < 10


async def test_packets_lost_on_the_way_up_are_repaired_from_their_copies(studio: Studio) -> None:
    async with RawSpeaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        packets = record_packets(listener)
        await speaker.publish(red=True)
        frames = packets_of(tone(440, 3.0))
        for number, frame in enumerate(frames):
            if number % 4 != 2:
                copies = [(frames[number - 1], 960)] if number else []
                await speaker.send_voice(number, written(frame, *copies, kind=96), payload_type=63)
            await asyncio.sleep(0.01)
        status = await eventually(
            "all are forwarded",
            studio.client.status,
            lambda status: status.packets_forwarded >= len(frames) - 2,
        )

    assert {(b[1] - a[1]) & 0xFFFF for a, b in itertools.pairwise(packets)} == {1}
    assert {(b[2] - a[2]) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)} == {960}
    assert status.packets_repaired == len(range(2, len(frames), 4))


async def test_a_listeners_reports_are_read(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        status = await eventually(
            "the listener reported", studio.client.status, lambda status: status.reception.reporting == 1
        )

    assert status.reception.worst_lost == 0
    assert 0 <= status.reception.jitter < 1


async def test_a_publisher_is_told_how_he_is_received(studio: Studio) -> None:
    async with Speaker(studio) as speaker:
        await speaker.publish(Sound.tone(440))
        told = _note_rtcp(speaker.connection.getSenders()[0])
        await eventually("a report came", _first(lambda: told), lambda packet: packet is not None, within=10)

    (report,) = [packet for packet in told if isinstance(packet, RtcpRrPacket)][:1]
    assert report.reports[0].packets_lost == 0


async def test_who_is_sent_away_is_told_goodbye_and_a_goodbye_ends_a_voice_not_a_session(
    studio: Studio,
) -> None:
    async with RawSpeaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        told = _note_rtcp(listener.connection.getReceivers()[0])
        await speaker.publish()
        frames = packets_of(tone(440, 1.0))
        for number, frame in enumerate(frames[:25]):
            await speaker.send_voice(number, frame)
            await asyncio.sleep(0.02)
        await speaker.send(bytes(RtcpByePacket(sources=[1234])))
        status = await studio.client.status()
        await speaker.send_voice(26, frames[26])
        await eventually(
            "he is heard again",
            studio.client.status,
            lambda now: now.packets_forwarded > status.packets_forwarded,
        )
        await studio.client.hang_up(listener.session)

        def byes() -> list[RtcpPacket]:
            return [packet for packet in told if isinstance(packet, RtcpByePacket)]

        await eventually("the goodbye came", _first(byes), lambda bye: bye is not None)

    assert status.rooms == {"room": (1, 1)}


def _first(told: Callable[[], Iterable[RtcpPacket]]) -> Callable[[], Awaitable[RtcpPacket | None]]:
    async def ask() -> RtcpPacket | None:
        return next(iter(told()), None)

    return ask


def _note_rtcp(receives: RTCRtpReceiver | RTCRtpSender) -> list[RtcpPacket]:
    """Keep what RTCP reaches a stock sender or receiver."""
    told: list[RtcpPacket] = []
    take = receives._handle_rtcp_packet

    async def note(packet: RtcpPacket) -> None:
        told.append(packet)
        await take(packet)

    receives._handle_rtcp_packet = note  # type: ignore[method-assign]
    return told
