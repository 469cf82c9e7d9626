"""Redundant audio, and what it repairs: a lost packet takes its place again, each number once."""

import random

import pytest

from fedispace.media.live import red
from fedispace.media.live.red import Block
from fedispace.media.live.repair import Repair
from fedispace.media.live.rtp import Packet

_OPUS = 111


def written(primary: bytes, *copies: tuple[bytes, int], kind: int = _OPUS) -> bytes:
    """Write a payload of RED; `copies` are (payload, age), oldest first."""
    heads = b"".join(
        (1 << 31 | kind << 24 | age << 10 | len(payload)).to_bytes(4, "big") for payload, age in copies
    )
    return heads + bytes((kind,)) + b"".join(payload for payload, _ in copies) + primary


def _packet(number: int, *, ssrc: int = 1) -> Packet:
    return Packet(_OPUS, False, number & 0xFFFF, number * 960 & 0xFFFFFFFF, ssrc, 30, b"%d" % number)


def _numbers(packets: tuple[Packet, ...]) -> list[int]:
    return [packet.sequence for packet in packets]


def test_a_frame_and_its_copies_are_told_apart() -> None:
    found = red.read(written(b"now", (b"before that", 1920), (b"before", 960)), _OPUS)

    assert found is not None
    assert found.primary == b"now"
    assert found.copies == (Block(b"before that", 1920, 2), Block(b"before", 960, 1))


def test_copies_of_another_type_are_left_out_and_count_as_packets_before() -> None:
    mixed = written(b"now", (b"before that", 1920), (b"before", 960))

    found = red.read(mixed[:4] + bytes((0x80 | 13,)) + mixed[5:], _OPUS)

    assert found is not None
    assert found.copies == (Block(b"before that", 1920, 2),)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xef",
        b"\xef\x0f\x00",
        b"\xef\x0f\x00\x05",
        written(b"now", (b"x", 960))[:-4],
        written(b""),
        written(b"", (b"x", 960)),
        written(b"now", kind=13),
        written(b"now", *[(b"x", 960)] * 5),
        b"\xef\xff\xff\xff" * 300,
    ],
)
def test_what_is_malformed_is_refused(payload: bytes) -> None:
    assert red.read(payload, _OPUS) is None


def test_nothing_that_is_received_raises() -> None:
    chance = random.Random(11)
    whole = written(b"now" * 20, (b"before that" * 9, 1920), (b"before" * 9, 960))
    for size in range(len(whole)):
        red.read(whole[:size], _OPUS)
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(12)] = chance.randrange(256)
        red.read(bytes(data), _OPUS)


def test_a_lost_packet_is_put_back_in_its_place() -> None:
    repair = Repair()
    repair.take(_packet(65_534))

    packets = repair.take(_packet(65_536 + 1), (Block(b"c", 1920, 2), Block(b"d", 960, 1)))

    assert _numbers(packets) == [65_535, 0, 1]
    assert [packet.payload for packet in packets] == [b"c", b"d", b"65537"]
    assert [packet.timestamp for packet in packets] == [n * 960 for n in (65_535, 65_536, 65_537)]


def test_nothing_is_put_back_that_came() -> None:
    repair = Repair()
    for number in range(1, 50):
        copies = (Block(b"older", 1920, 2), Block(b"old", 960, 1))
        assert _numbers(repair.take(_packet(number), copies)) == [number]


def test_a_pause_is_no_loss() -> None:
    repair = Repair()
    repair.take(_packet(10))
    late = Packet(_OPUS, True, 11, 10 * 960 + 48_000, 1, 30, b"11")

    assert repair.take(late, (Block(b"10", 16_000, 1),)) == (late,)


def test_a_late_packet_goes_on_unless_its_copy_did() -> None:
    repair = Repair()
    repair.take(_packet(1))
    repair.take(_packet(4), (Block(b"3", 960, 1),))

    assert _numbers(repair.take(_packet(3))) == []
    assert _numbers(repair.take(_packet(2))) == [2]
    assert _numbers(repair.take(_packet(2))) == []
    assert repair.repeated == 2


def test_another_source_and_a_jump_begin_afresh() -> None:
    repair = Repair()
    repair.take(_packet(1))

    assert _numbers(repair.take(_packet(9, ssrc=2), (Block(b"x", 960, 1),))) == [9]
    assert _numbers(repair.take(_packet(30_000, ssrc=2), (Block(b"x", 960, 1),))) == [30_000]
    assert _numbers(repair.take(_packet(29_999, ssrc=2))) == []


def test_every_second_packet_lost_is_every_packet_heard() -> None:
    repair, heard = Repair(), []
    for number in range(60_000, 70_000):
        if number % 2 == 0:
            heard += _numbers(repair.take(_packet(number), (Block(b"%d" % (number - 1), 960, 1),)))

    assert heard == [number & 0xFFFF for number in range(60_000, 69_999)]
