"""Packets of 20 ms made one of 60: the same sound, honest numbers, silence left alone."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedispace.media.live import opus_packets
from fedispace.media.live.opus import FRAME, Decoder
from fedispace.media.live.repacketizer import Repacketizer, Sound
from tests.media.talking import packets_of, tone

_LARGEST = 1376
_CELT = 31 << 3


def _sounds(payloads: list[bytes], *, first: int = 0) -> list[Sound]:
    """Number payloads as a stream that began before."""
    found, timestamp = [], 5000
    for number, payload in enumerate(payloads):
        found.append(Sound(payload, number == 0, first + number, timestamp & 0xFFFFFFFF))
        timestamp += opus_packets.duration(payload) or FRAME
    return found


def _packing() -> Repacketizer:
    packer = Repacketizer(_LARGEST)
    assert packer.turn(True, 0.0) == []
    return packer


def _packed(packer: Repacketizer, sounds: list[Sound]) -> list[Sound]:
    found = [out for sound in sounds for out in packer.put(sound, 0.0)]
    return found + packer.flush(0.0)


def _samples(sounds: list[Sound]) -> np.ndarray:
    decoder = Decoder()
    return np.frombuffer(b"".join(decoder.decode(sound.payload) for sound in sounds), dtype=np.int16)


@pytest.mark.parametrize("bitrate", [12_000, 32_000, 96_000])
def test_sixty_milliseconds_decode_to_the_very_samples_of_three_times_twenty(bitrate: int) -> None:
    singles = _sounds(packets_of(tone(440, 3), bitrate=bitrate, loss_percent=10))
    packed = _packed(_packing(), singles)
    assert np.array_equal(_samples(packed), _samples(singles))
    assert len(packed) <= len(singles) / 3 + 4
    assert [sound.sequence for sound in packed] == list(range(len(packed)))
    assert packed[0].marker


def test_a_packet_of_constant_size_needs_no_lengths() -> None:
    packed = _packed(_packing(), _sounds([bytes((_CELT,)) + bytes([number]) * 50 for number in range(3)]))
    assert [len(sound.payload) for sound in packed] == [2 + 150]
    assert opus_packets.frames(packed[0].payload) == tuple(bytes([number]) * 50 for number in range(3))


def test_six_packets_of_ten_milliseconds_go_together_too() -> None:
    ten = 30 << 3
    packed = _packed(_packing(), _sounds([bytes((ten,)) + b"x" * 40] * 12))
    assert [opus_packets.duration(sound.payload) for sound in packed] == [2880, 2880]


@pytest.mark.parametrize("config", [2, 3])
def test_long_packets_go_as_they_are(config: int) -> None:
    sounds = _sounds([bytes((config << 3,)) + b"x" * 60] * 4)
    packer = _packing()
    assert [packer.put(sound, 0.0) for sound in sounds] == [[sound] for sound in sounds]


def test_the_tiny_packets_of_a_silence_go_alone_and_at_once() -> None:
    packer = _packing()
    speech, tiny = bytes((_CELT,)) + b"x" * 50, bytes((_CELT, 0))
    sounds = _sounds([speech, tiny, tiny, speech, speech, speech])
    left = [[opus_packets.duration(out.payload) for out in packer.put(sound, 0.0)] for sound in sounds]
    assert left == [[], [FRAME, FRAME], [FRAME], [], [], [3 * FRAME]]


def test_another_kind_of_packet_sends_what_waits_first() -> None:
    packer = _packing()
    mono, stereo = bytes((_CELT,)) + b"x" * 50, bytes((_CELT | 4,)) + b"x" * 50
    left = _packed(packer, _sounds([mono, mono, stereo, stereo, stereo]))
    assert [opus_packets.duration(out.payload) for out in left] == [2 * FRAME, 3 * FRAME]
    assert [opus_packets.is_stereo(out.payload) for out in left] == [False, True]


def test_a_gap_in_time_is_not_glued_over() -> None:
    packer = _packing()
    first, second, third = _sounds([bytes((_CELT,)) + b"x" * 50] * 3)
    second.timestamp += 9600
    third.timestamp += 19200
    left = _packed(packer, [first, second, third])
    assert [(out.timestamp, opus_packets.duration(out.payload)) for out in left] == [
        (first.timestamp, FRAME),
        (second.timestamp, FRAME),
        (third.timestamp, FRAME),
    ]


def test_a_loss_before_stays_a_gap_after() -> None:
    packer = _packing()
    sounds = _sounds([bytes((_CELT,)) + b"x" * 50] * 12)
    left = _packed(packer, sounds[:4] + sounds[5:])
    steps = [b.sequence - a.sequence for a, b in itertools.pairwise(left)]
    assert sum(step - 1 for step in steps) == 1
    assert sum(opus_packets.duration(out.payload) or 0 for out in left) == 11 * FRAME


def test_packets_that_swapped_places_are_put_in_order() -> None:
    sounds = _sounds([bytes((_CELT, number)) + b"x" * 50 for number in range(30)])
    swapped = list(sounds)
    rng = random.Random(1)
    for at in range(3, 27, 4):
        swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
    rng.shuffle(swapped[28:])
    packed = _packed(_packing(), swapped)
    assert len(packed) == 10
    frames = [frame for out in packed for frame in opus_packets.frames(out.payload) or ()]
    assert [frame[0] for frame in frames] == list(range(30))


def test_what_would_not_fit_a_datagram_is_sent_before() -> None:
    sounds = _sounds([bytes((_CELT,)) + b"x" * 600] * 4)
    packed = _packed(_packing(), sounds)
    assert all(len(out.payload) <= _LARGEST for out in packed)
    assert sum(opus_packets.duration(out.payload) or 0 for out in packed) == 4 * FRAME


def test_what_waits_can_be_forgotten() -> None:
    packer = _packing()
    for sound in _sounds([bytes((_CELT,)) + b"x" * 50] * 2):
        packer.put(sound, 7.0)
    assert packer.waiting_since == 7.0
    packer.drop()
    assert packer.flush(7.1) == []
    assert packer.waiting_since is None


@settings(max_examples=60)
@given(
    st.lists(st.booleans(), min_size=1, max_size=6),
    st.integers(1, 40),
    st.integers(0, 3),
    st.sampled_from([0, 0x7FF0, 0xFFF0]),
)
def test_turning_it_on_and_off_cannot_be_noticed(modes: list[bool], each: int, lost: int, first: int) -> None:
    packer = Repacketizer(_LARGEST)
    sounds = iter(_sounds([bytes((_CELT, 1)) + b"x" * 50] * (len(modes) * each + 10), first=first))
    out: list[Sound] = []
    for mode in modes:
        out += packer.turn(mode, 0.0)
        for number in range(each):
            sound = next(sounds)
            if number != lost:
                out += packer.put(sound, 0.0)
    out += packer.flush(0.0)
    for before, after in itertools.pairwise(out):
        assert after.sequence > before.sequence
        gap = (after.timestamp - before.timestamp) - (opus_packets.duration(before.payload) or 0)
        assert gap // FRAME == after.sequence - before.sequence - 1, "a gap in numbers for each lost packet"


def test_packets_that_pass_keep_their_late_places() -> None:
    packer = Repacketizer(_LARGEST)
    sounds = _sounds([bytes((_CELT,)) + b"x" * 50] * 20)
    for sound in sounds[:8]:
        packer.put(sound, 0.0)
    packer.turn(True, 0.0)
    for sound in sounds[8:14]:
        packer.put(sound, 0.0)
    packer.turn(False, 0.0)
    order = [14, 16, 15, 17]
    assert [packer.put(sounds[number], 0.0)[0].sequence for number in order] == [10, 12, 11, 13]
    assert packer.put(sounds[13], 0.0) == [], "it left in a packet of sixty"
