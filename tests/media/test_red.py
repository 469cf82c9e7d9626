"""Reading RED (RFC 2198)."""

import random

import pytest

from fedispace.media.live import red
from fedispace.media.live.red import Block


def _packed(older: list[tuple[int, bytes]], newest: bytes) -> bytes:
    heads = b"".join(
        (1 << 31 | 111 << 24 | offset << 10 | len(data)).to_bytes(4, "big") for offset, data in older
    )
    return heads + b"\x6f" + b"".join(data for _, data in older) + newest


def test_the_blocks_are_found_oldest_first() -> None:
    packed = _packed([(1920, b"oldest"), (960, b"old")], b"new")

    assert red.read(packed) == [Block(111, 1920, b"oldest"), Block(111, 960, b"old"), Block(111, 0, b"new")]


def test_a_packet_may_hold_the_newest_alone() -> None:
    assert red.read(b"\x6fnew") == [Block(111, 0, b"new")]


@pytest.mark.attack(102)
def test_what_is_malformed_is_nothing_and_raises_nothing() -> None:
    whole = _packed([(960, b"old")], b"new")
    assert red.read(b"") is None
    assert red.read(whole[:7]) is None
    assert red.read(_packed([(960, b"x")] * 5, b"new")) is None
    chance = random.Random(3)
    for _ in range(20_000):
        found = red.read(chance.randbytes(chance.randrange(60)))
        assert found is None or len(found) <= 5
