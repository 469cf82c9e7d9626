"""What strangers' Opus packets say of themselves, against the judgement of libopus."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fedispace.media.live import opus_packets
from fedispace.media.live.opus import Decoder, Undecodable

_TWENTY = 15 << 3


@pytest.mark.parametrize(
    ("config", "milliseconds"),
    [(0, 10), (1, 20), (2, 40), (3, 60), (12, 10), (13, 20), (16, 2.5), (17, 5), (18, 10), (31, 20)],
)
def test_a_packet_tells_how_long_it_plays(config: int, milliseconds: float) -> None:
    assert opus_packets.duration(bytes((config << 3, 0, 0, 0, 0))) == milliseconds * 48


def test_the_four_codes_give_their_frames() -> None:
    a, b, c = b"a" * 10, b"b" * 10, b"c" * 260
    assert opus_packets.frames(bytes((_TWENTY,)) + a) == (a,)
    assert opus_packets.frames(bytes((_TWENTY | 1,)) + a + b) == (a, b)
    assert opus_packets.frames(bytes((_TWENTY | 2, 252, 2)) + c + a) == (c, a)
    assert opus_packets.frames(bytes((_TWENTY | 3, 0x80 | 0x40 | 3, 5, 10, 10)) + a + b + c + bytes(5)) == (
        a,
        b,
        c,
    )


@pytest.mark.attack(102)
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes((_TWENTY | 1, 1, 2, 3)),
        bytes((_TWENTY | 2, 200, 1)),
        bytes((_TWENTY | 3,)),
        bytes((_TWENTY | 3, 0)),
        bytes((_TWENTY | 3, 7)) + bytes(7),  # 140 ms
        bytes((_TWENTY | 3, 0x42, 255, 255)),
        bytes((_TWENTY,)) + bytes(1276),
    ],
)
def test_a_malformed_packet_has_no_duration(payload: bytes) -> None:
    assert opus_packets.duration(payload) is None
    assert opus_packets.frames(payload) is None


@pytest.mark.attack(102)
@given(st.binary(max_size=400))
@example(bytes((_TWENTY | 3, 0x41, 255, 254)) + bytes(300))
def test_no_payload_is_read_otherwise_than_libopus_reads_it(payload: bytes) -> None:
    try:
        samples = len(Decoder().decode(payload)) // 2
    except Undecodable:
        samples = None
    if payload:
        assert opus_packets.duration(payload) == samples
    found = opus_packets.frames(payload)
    assert (found is None) == (opus_packets.duration(payload) is None)


@given(st.integers(0, 1275))
def test_lengths_are_written_as_they_are_read(size: int) -> None:
    frames = (b"x" * size, b"y")
    payload = bytes((_TWENTY | 2,)) + opus_packets.size_bytes(size) + b"".join(frames)
    assert opus_packets.frames(payload) == frames
