"""Time in a recording is wall time, whatever was lost, whoever paused, and whatever a sender says."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fedispace.media.live import ogg, ogg_opus, opus_packets
from fedispace.media.live.continuity import RATE
from fedispace.media.live.ogg_opus import PRE_SKIP, OpusStream
from fedispace.media.live.timeline import Timeline
from tests.media.hearing import Samples
from tests.media.playing import played
from tests.media.talking import packets_of, strength, tone

_FRAME = 960


class _Tape:
    """A file in memory, fed with packets at their times."""

    def __init__(self) -> None:
        self.stream = OpusStream(7)
        self.timeline = Timeline(0.0)
        self.data = self.stream.begin({})

    def hear(self, timestamp: int, at: float, payload: bytes, turn: int = 1) -> None:
        position = self.timeline.place(turn, timestamp & 0xFFFFFFFF, at)
        self.data += self.stream.put(position, payload)

    def play(self, directory: Path, until: float, decoder: str = "libopus") -> Samples:
        self.data += self.stream.pass_time(int(until * RATE)) + self.stream.finish()
        (directory / "tape.opus").write_bytes(self.data)
        return played(directory / "tape.opus", decoder)


def _pages(data: bytes) -> list[ogg.Page]:
    found, at = [], 0
    while at < len(data):
        read = ogg.read(data, at)
        assert read is not None
        page, at = read
        found.append(page)
    return found


@pytest.mark.parametrize("decoder", ["libopus", "opus"])
@pytest.mark.parametrize("lost", [1, 3, 5, 6, 40, 500])
def test_what_was_lost_takes_its_time_in_the_file(tmp_path: Path, lost: int, decoder: str) -> None:
    payloads = packets_of(tone(440, 1))
    tape = _Tape()
    for number, payload in enumerate(payloads):
        tape.hear(number * _FRAME, number / 50, payload)
    for number, payload in enumerate(payloads, len(payloads) + lost):
        tape.hear(number * _FRAME, number / 50, payload)
    total = (2 * len(payloads) + lost) / 50

    sound = tape.play(tmp_path, total, decoder)

    assert len(sound) == pytest.approx(total * RATE, abs=_FRAME)
    again = round((1 + lost / 50) * RATE)
    assert strength(sound[RATE // 2 : RATE // 2 + 12_000], 440) > 8000
    assert strength(sound[again + 6_000 : again + 18_000], 440) > 8000
    if lost > 30:
        assert np.abs(sound[RATE + 6_000 : again - 1_000]).max() < 30


def test_a_page_is_never_longer_than_a_second_and_says_where_it_ends() -> None:
    tape = _Tape()
    payloads = packets_of(tone(440, 1))
    for number in range(1000):
        tape.hear(number * _FRAME + (RATE * 70 if number > 500 else 0), number / 50, payloads[number % 50])
    tape.data += tape.stream.finish()

    pages = _pages(tape.data)

    assert pages[0].packets == (ogg_opus.head(),)
    assert [page.number for page in pages] == list(range(len(pages)))
    assert pages[0].flags == ogg.BEGINS
    assert pages[-1].flags == ogg.ENDS
    granule = 0
    for page in pages[2:]:
        samples = sum(opus_packets.duration(packet) or 0 for packet in page.packets)
        assert page.granule == granule + samples
        assert samples <= RATE
        granule = page.granule


def test_the_sound_begins_after_what_a_decoder_skips() -> None:
    stream = OpusStream(1)
    pages = _pages(stream.begin({"A": "b"}) + stream.flush())

    assert stream.end == 0
    assert pages[2].granule == PRE_SKIP
    assert ogg_opus.read_tags(pages[1].packets[0]) == {"A": "b"}


@pytest.mark.reliability("L10")
@pytest.mark.parametrize("clock", [0.9995, 1.0, 1.0005])
def test_half_an_hour_with_a_talker_whose_clock_is_wrong_is_half_an_hour(clock: float) -> None:
    payload = packets_of(tone(440, 0.1))[2]
    tape = _Tape()
    number = 0
    while (at := number / 50 / clock) < 1800:
        if number % 3000 < 2800:  # he breathes now and then
            tape.hear(number * _FRAME, at, payload)
        number += 1
    tape.data += tape.stream.pass_time(1800 * RATE)

    assert tape.stream.end == pytest.approx(1800 * RATE, rel=0.001)


@pytest.mark.attack(102)
@pytest.mark.parametrize(
    "timestamp",
    [
        lambda number: number * RATE * 50,
        lambda number: number * 10 * _FRAME,
        lambda number: 0,
        lambda number: -number * _FRAME,
        lambda number: number * 7919 * 7919,
    ],
)
def test_a_sender_whose_timestamps_lie_cannot_make_a_recording_longer(
    timestamp: Callable[[int], int],
) -> None:
    long = packets_of(tone(440, 0.1))[2]
    three = bytes((long[0] | 3, 6)) + long[1:60] * 6
    assert opus_packets.duration(three) == 6 * _FRAME
    tape = _Tape()
    for number in range(500):
        tape.hear(timestamp(number), number / 50, three)
    tape.data += tape.stream.pass_time(10 * RATE)

    assert 10 * RATE <= tape.stream.end < 10.7 * RATE


@pytest.mark.attack(102)
@pytest.mark.parametrize("decoder", ["libopus", "opus"])
def test_payloads_that_are_no_sound_leave_the_file_playable(tmp_path: Path, decoder: str) -> None:
    chance = random.Random(102)
    good = packets_of(tone(440, 1))
    bad = [bytes((chance.randrange(256),)) + chance.randbytes(chance.randrange(300)) for _ in range(40)]
    bad += [b"", b"\xff", b"\x03", b"\xff\xff\xff", b"\xf8", b"\xfb\x00", bytes(1275), b"\x0b\xbf" + bytes(9)]
    tape = _Tape()
    for number, payload in enumerate(good + bad + good):
        tape.hear(number * _FRAME, number / 50, payload)
    total = (2 * len(good) + len(bad)) / 50

    sound = tape.play(tmp_path, total, decoder)

    assert tape.stream.end == pytest.approx(total * RATE, abs=3 * _FRAME)
    assert strength(sound[RATE // 4 : RATE // 2], 440) > 8000
    assert strength(sound[-RATE // 2 : -RATE // 4], 440) > 8000


def test_a_pause_of_a_sender_whose_clock_stands_meanwhile_is_kept() -> None:
    payload = packets_of(tone(440, 0.1))[2]
    tape = _Tape()
    for number in range(100):
        tape.hear(number * _FRAME, number / 50 + (30 if number >= 50 else 0), payload)

    assert tape.stream.end == pytest.approx(32 * RATE, abs=_FRAME)


def test_silence_costs_little() -> None:
    stream = OpusStream(1)

    data = stream.begin({}) + stream.pass_time(60 * RATE) + stream.flush()

    assert len(data) < 60 * 200
