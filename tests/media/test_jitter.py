"""Packets in, pieces out: in order, on time, and no later than need be, whatever network and clocks do."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fedispace.media.live.jitter import FRAME, JitterBuffer, Piece, What

RATE = 48_000
_TICK = 0.02
_VOICED, _QUIET, _DTX = b"v" * 80, b"q" * 20, b"\0"


@dataclass
class Run:
    """A sender, a network and a mixer's clock, without any sound."""

    pieces: list[tuple[float, Piece]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    buffer: JitterBuffer = field(default_factory=JitterBuffer)

    def play(
        self,
        seconds: float,
        *,
        clock: float = 1.0,
        delay: Callable[[int], float | None] = lambda number: 0.0,
        payload: Callable[[int], bytes] = lambda number: _VOICED,
        samples: int = FRAME,
        first: int = 0,
    ) -> "Run":
        """Send one packet after another (`delay` None loses one) and take what is due every 20 ms."""
        arrivals: list[tuple[float, int]] = []
        duration = samples / RATE / clock
        for number in range(int(seconds / duration)):
            late = delay(number)
            if late is not None:
                arrivals.append((number * duration + late, number))
        arrivals.sort()
        tick, ready = 0.013, 0
        at = 0
        while tick < seconds:
            while at < len(arrivals) and arrivals[at][0] <= tick:
                when, number = arrivals[at]
                self.buffer.put(
                    (first + number) & 0xFFFF,
                    (first + number) * samples & 0xFFFFFFFF,
                    payload(number),
                    samples,
                    when,
                )
                at += 1
            cuts = 0
            while ready < FRAME + cuts * FRAME:
                piece = self.buffer.take(tick)
                self.pieces.append((tick, piece))
                ready += piece.samples
                cuts += piece.cut
                if piece.what is What.SILENCE:
                    break
            ready -= FRAME * (1 + cuts)
            ready = max(0, ready)
            self.delays.append(self.buffer.waiting / RATE)
            tick += _TICK
        return self

    def count(self, what: What, since: float = 0.0) -> int:
        return sum(piece.what is what for at, piece in self.pieces if at >= since)

    def longest_wait(self, since: float) -> float:
        skipped = int(since / _TICK)
        return max(self.delays[skipped:])


def test_an_even_stream_is_played_whole_and_soon() -> None:
    run = Run().play(20)
    assert run.count(What.CONCEAL) == run.count(What.REPAIR) == 0
    assert run.count(What.SILENCE) <= 4
    assert run.longest_wait(1) <= 0.06


@pytest.mark.parametrize(("ppm", "hours"), [(-300, 2), (-100, 0.5), (100, 0.5), (300, 2)])
def test_hours_of_a_clock_that_is_off_do_not_build_up(ppm: int, hours: float) -> None:
    run = Run().play(3600 * hours, clock=1 + ppm / 1e6)
    assert run.longest_wait(5) <= 0.08
    drifted = 3600 * hours * abs(ppm) / 1e6 / 0.02
    assert run.count(What.CONCEAL) + run.buffer.cuts <= 1.3 * drifted + 5, "one correction for each 20 ms"
    assert run.count(What.SILENCE) <= 4


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.06])
def test_uneven_arrival_is_evened_out(spread: float) -> None:
    rng = random.Random(1)
    run = Run().play(120, delay=lambda number: rng.uniform(0, spread))
    settled = 10.0
    gaps = run.count(What.CONCEAL, settled) + run.count(What.SILENCE, settled)
    assert gaps <= 0.01 * (120 - settled) / _TICK
    assert run.longest_wait(settled) <= spread + 0.08


def test_packets_out_of_order_are_put_in_order() -> None:
    rng = random.Random(2)
    run = Run().play(60, delay=lambda number: 0.03 if rng.random() < 0.05 else 0.0)
    assert run.count(What.CONCEAL, 5) <= 0.01 * 55 / _TICK


def test_the_delay_falls_again_when_the_network_is_calm_again() -> None:
    rng = random.Random(3)
    run = Run().play(240, delay=lambda number: rng.uniform(0, 0.1) if number < 1000 else 0.0)
    assert run.longest_wait(200) <= 0.07


@pytest.mark.parametrize("percent", [5, 10, 20])
def test_every_lost_packet_is_stood_in_for_once(percent: int) -> None:
    rng = random.Random(percent)
    lost = {number for number in range(5, 2990) if rng.random() < percent / 100}
    run = Run().play(60, delay=lambda number: None if number in lost else 0.0)
    stood_in = run.count(What.CONCEAL) + run.count(What.REPAIR)
    assert len(lost) * 0.97 <= stood_in <= len(lost) * 1.1
    assert run.longest_wait(1) <= 0.1


def test_a_packet_with_a_copy_of_the_lost_one_repairs_it() -> None:
    with_copy = bytes((9 << 3, 0x40)) + bytes(50)  # SILK, 20 ms; the flag for the copy is set
    run = Run().play(2, delay=lambda n: None if n == 50 else 0.0, payload=lambda n: with_copy)
    assert run.count(What.REPAIR) == 1
    assert run.count(What.CONCEAL) == 0


def test_what_comes_late_is_still_played_when_nothing_else_came() -> None:
    run = Run().play(4, delay=lambda number: 0.1 if number == 100 else (0.08 if 100 < number < 105 else 0.0))
    played = [piece for _, piece in run.pieces if piece.what is What.PLAY]
    assert run.count(What.CONCEAL) >= 1
    assert len(played) >= 200 - 5


def test_a_pause_is_silence_and_not_loss() -> None:
    def payload(number: int) -> bytes:
        return _DTX if number == 100 else _VOICED

    run = Run().play(6, payload=payload, delay=lambda n: None if 100 < n < 150 else 0.0)
    assert run.count(What.CONCEAL) == run.count(What.REPAIR) == 0
    assert run.count(What.SILENCE) >= 45


def test_a_sender_who_vanishes_is_silent_after_a_moment() -> None:
    run = Run().play(4, delay=lambda n: None if n > 100 else 0.0)
    assert 1 <= run.count(What.CONCEAL) <= 3
    assert run.pieces[-1][1].what is What.SILENCE


@pytest.mark.parametrize("samples", [480, 1920, 2880, 5760])
def test_packets_of_another_length_are_played_as_well(samples: int) -> None:
    run = Run().play(20, samples=samples)
    played = sum(piece.samples for _, piece in run.pieces if piece.what is What.PLAY)
    assert played >= (20 - 0.3) * RATE
    assert run.count(What.CONCEAL) <= 3, "none but at the end, when no more are sent"


def test_a_stall_leaves_no_lasting_delay() -> None:
    run = Run().play(20, delay=lambda n: max(0.0, 1.0 - (n - 250) * 0.02) if 250 <= n < 300 else 0.0)
    assert run.longest_wait(18) <= 0.15


def test_numbers_wrap_around_unnoticed() -> None:
    run = Run().play(20, first=0xFFFF - 300)
    late_wrap = Run().play(20, first=(1 << 32) // FRAME - 300)
    for each in (run, late_wrap):
        assert each.count(What.CONCEAL) == 0
        assert each.buffer.late == 0


@pytest.mark.attack(102)
def test_timestamps_that_make_no_sense_are_bounded_in_memory_and_time() -> None:
    rng, buffer = random.Random(4), JitterBuffer()
    for number in range(5000):
        now = number * 0.005
        buffer.put(rng.randrange(1 << 16), rng.randrange(1 << 32), _VOICED, rng.choice((120, 5760)), now)
        assert buffer.take(now).samples <= 5760
        assert buffer.waiting <= 64 * 5760
    after = Run(buffer=buffer)
    for number in range(200):
        now = 30 + number * _TICK
        buffer.put(number, number * FRAME, _VOICED, FRAME, now)
        after.pieces.append((now, buffer.take(now)))
    assert after.count(What.PLAY) >= 150
