"""One stream out of many: what a receiver sees when speakers change."""

import itertools
import random
import statistics
from collections.abc import Hashable

import pytest

from fedispace.media.live.continuity import Continuity, Place


def _frames(count: int, *, sequence: int, timestamp: int) -> list[tuple[int, int]]:
    return [((sequence + n) & 0xFFFF, (timestamp + 960 * n) & 0xFFFFFFFF) for n in range(count)]


def _place(stream: Continuity, source: Hashable, frame: tuple[int, int], now: float) -> Place:
    place = stream.place(source, *frame, now)
    assert place is not None
    return place


def test_numbers_go_on_when_the_speaker_changes() -> None:
    stream = Continuity(timestamp=1000)
    places = []
    for turn, (sequence, timestamp) in enumerate([(5, 77), (40_000, 3_000_000_000), (5, 10)]):
        for n, frame in enumerate(_frames(10, sequence=sequence, timestamp=timestamp)):
            places.append(_place(stream, f"speaker {turn}", frame, (turn * 10 + n) * 0.02))

    assert [place.sequence for place in places] == list(range(30))
    assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(places)} == {960}
    assert [n for n, place in enumerate(places) if place.first] == [0, 10, 20]


def test_the_pause_between_speakers_passes_in_timestamps_but_not_in_sequence() -> None:
    stream = Continuity(timestamp=0)
    first = _place(stream, "a", (1, 1), 0.0)
    second = _place(stream, "b", (500, 500), 2.0)

    assert second.sequence == first.sequence + 1
    assert second.timestamp - first.timestamp == 96_000


def test_numbers_wrap_without_a_jump() -> None:
    stream = Continuity(timestamp=0xFFFFFFFF)
    frames = _frames(20, sequence=65_530, timestamp=0xFFFFFFFF - 5000)
    places = [_place(stream, "a", frame, n * 0.02) for n, frame in enumerate(frames)]

    assert [place.sequence for place in places] == list(range(20))
    assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(places)} == {960}


def test_loss_stays_visible() -> None:
    stream = Continuity(timestamp=0)
    before = _place(stream, "a", (10, 9600), 0.0)
    after = _place(stream, "a", (13, 9600 + 3 * 960), 0.06)

    assert after.sequence - before.sequence == 3
    assert after.timestamp - before.timestamp == 3 * 960


def test_a_late_packet_takes_its_own_place_and_a_repeated_one_none() -> None:
    stream = Continuity(timestamp=0)
    _place(stream, "a", (10, 9600), 0.0)
    ahead = _place(stream, "a", (12, 9600 + 2 * 960), 0.04)
    late = _place(stream, "a", (11, 9600 + 960), 0.05)

    assert (late.sequence, late.timestamp) == (ahead.sequence - 1, ahead.timestamp - 960)
    assert stream.place("a", 12, 9600 + 2 * 960, 0.06) is None


def test_a_packet_from_before_the_turn_is_not_played_over_the_last_speaker() -> None:
    stream = Continuity(timestamp=0)
    _place(stream, "a", (10, 9600), 0.0)
    _place(stream, "b", (100, 100_000), 0.02)

    assert stream.place("b", 99, 99_040, 0.03) is None


def test_a_wild_jump_of_the_same_sender_is_a_new_turn() -> None:
    stream = Continuity(timestamp=0)
    before = _place(stream, "a", (10, 9600), 0.0)
    after = _place(stream, "a", (30_000, 3_000_000_000), 0.02)

    assert (after.sequence, after.timestamp) == (before.sequence + 1, before.timestamp + 960)
    assert after.first


def _evening(turns: int, jitter: float, pause: float) -> list[float]:
    """Let people take turns, packets being late by chance; return how far the stream is behind the clock at
    each turn's end, in seconds."""
    chance, stream = random.Random(4), Continuity(timestamp=0)
    apart: list[float] = []
    now = stamped = 0.0
    before = 0
    for turn in range(turns):
        for n, frame in enumerate(_frames(50, sequence=turn, timestamp=turn * 7777)):
            arrives = now + n * 0.02 + chance.expovariate(1 / jitter)
            place = stream.place(turn, *frame, arrives)
            if place is not None:
                stamped += ((place.timestamp - before + 0x80000000 & 0xFFFFFFFF) - 0x80000000) / 48_000
                before = place.timestamp
        apart.append(now + 0.98 - stamped)
        now += 1 + pause
    return apart


@pytest.mark.parametrize("pause", [0.0, 0.3])
@pytest.mark.parametrize("jitter", [0.002, 0.01])
def test_thousands_of_turns_do_not_take_the_stream_away_from_the_clock(jitter: float, pause: float) -> None:
    """Each begins with a packet that is late by chance; what that is off by must not add up."""
    apart = _evening(5000, jitter, pause)

    assert max(map(abs, apart)) < 0.04 + 15 * jitter
    assert abs(statistics.mean(apart[-500:]) - statistics.mean(apart[:500])) < 0.005


def test_sound_that_goes_on_without_a_pause_is_not_corrected() -> None:
    """The mixer begins with the sound that follows what was forwarded."""
    stream = Continuity(timestamp=0)
    _place(stream, "a", (1, 0), 0.0)
    before = _place(stream, "a", (4, 960 * 3), 0.02)
    mixed = stream.place("mix", 0, 0, 0.045, is_seamless=True)

    assert mixed == Place(before.sequence + 1, before.timestamp + 960, True)


def test_what_a_stall_put_ahead_of_the_clock_is_back_after_a_few_pauses() -> None:
    """Somebody's first packet waits for two seconds, and those after it do not."""
    stream = Continuity(timestamp=0)
    _place(stream, "a", (0, 0), 0.0)
    for n, frame in enumerate(_frames(100, sequence=7, timestamp=7)):
        place = _place(stream, "b", frame, 3.0 + n / 1000)
    ahead = [place.timestamp / 48_000 - 3.1]
    for turn in range(5):
        place = _place(stream, turn, (turn, turn), 5.0 + turn)
        ahead.append(place.timestamp / 48_000 - (5 + turn))

    assert ahead[0] > 1.8
    assert max(map(abs, ahead[-2:])) < 0.03
