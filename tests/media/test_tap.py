"""Whoever taps a room gets its packets, and can never hold it up."""

import pytest

from fedispace.errors import Unavailable
from fedispace.media.live.repacketizer import Sound
from fedispace.media.live.tap import Taps


def _sound(number: int) -> Sound:
    return Sound(b"\xf8\xff\xfe", marker=False, sequence=number, timestamp=960 * number)


def test_everybody_who_taps_gets_every_packet_in_order() -> None:
    taps = Taps()
    first, second = taps.open("room"), taps.open("room")
    outlet = taps.room_opens("room")

    for number in range(3):
        outlet.put(_sound(number), number / 50)

    for tap in (first, second):
        assert [packet.sequence for packet in tap.take()] == [0, 1, 2]
        assert tap.take() == []


def test_who_is_too_slow_loses_the_oldest_and_is_told_how_many() -> None:
    taps = Taps()
    slow, quick = taps.open("room", capacity=3), taps.open("room")
    outlet = taps.room_opens("room")

    for number in range(10):
        outlet.put(_sound(number), number / 50)

    assert [packet.sequence for packet in slow.take()] == [7, 8, 9]
    assert slow.lost == 7
    assert len(quick.take()) == 10
    assert quick.lost == 0


async def test_a_room_that_comes_again_is_tapped_again_and_is_another_turn() -> None:
    taps = Taps()
    tap = taps.open("room")
    taps.room_opens("room").put(_sound(5), 1.0)
    taps.room_closes("room")
    taps.room_opens("room").put(_sound(0), 9.0)

    await tap.arrived()

    turns = [packet.turn for packet in tap.take()]
    assert len(set(turns)) == 2
    assert turns == sorted(turns)


def test_what_is_closed_gets_nothing_and_nothing_is_kept_of_it() -> None:
    taps = Taps()
    outlet = taps.room_opens("room")
    tap = taps.open("room")
    taps.close(tap)
    taps.close(tap)

    assert outlet.taps == []
    assert len(taps) == 0
    taps.room_closes("room")
    assert taps._outlets == {}


def test_there_are_only_so_many_taps() -> None:
    taps = Taps()
    for number in range(256):
        taps.open(f"room {number}")

    with pytest.raises(Unavailable):
        taps.open("one more")
