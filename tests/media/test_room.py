"""A room's own decisions, on a clock that the test moves: when packets grow long, and when they leave."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from fedispace.clock import ManualClock, SystemClock
from fedispace.media.live import opus_packets
from fedispace.media.live.room import Room
from fedispace.media.live.tap import Outlet
from tests.ground.eventually import eventually
from tests.media.ears import Ear
from tests.media.talking import MixersAtHand, arrivals, packets_of, tone

_LIMIT = 10
_SPEECH = bytes((31 << 3,)) + b"x" * 60


class _Hall:
    """A room and as many listeners as are wanted; the first of them notes what he hears."""

    def __init__(self, stack: ExitStack) -> None:
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.setblocking(False)
        self.clock = ManualClock()
        self.room = Room("hall", sock, self.clock, MixersAtHand(), Outlet(), None, _LIMIT)
        self._stack = stack
        self.first = Ear("gcm", 111, stack)
        self.slots = [self.first.join(self.room.fanout)]
        self._sequence = 100

    def fill(self, listeners: int) -> None:
        """Have so many listeners."""
        while len(self.slots) < listeners:
            self.slots.append(Ear("gcm", 111, self._stack).join(self.room.fanout))
        while len(self.slots) > listeners:
            self.room.fanout.remove(self.slots.pop())

    def speak(self, packets: int) -> None:
        for arrival in arrivals("anna", [_SPEECH] * packets, first=self._sequence):
            arrival.packet.timestamp = arrival.packet.sequence * 960
            self.clock.advance(milliseconds=20)
            self.room.hear("anna", "anna", arrival.packet, self.clock.monotonic())
        self._sequence += packets

    def durations(self) -> list[int]:
        """Return how many milliseconds each packet has that the first listener got since."""
        return [(opus_packets.duration(payload) or 0) // 48 for _, _, payload in self.first.hears()]

    def watch(self, seconds: float) -> None:
        """Let time pass, watched as the SFU watches."""
        for _ in range(int(seconds * 4)):
            self.clock.advance(milliseconds=250)
            self.room.adapt(self.clock.monotonic())


@pytest.fixture
async def hall() -> AsyncIterator[_Hall]:
    with ExitStack() as stack:
        made = _Hall(stack)
        yield made
        made.room.close()


async def test_packets_grow_long_above_the_limit_and_short_well_below_it(hall: _Hall) -> None:
    for listeners, expected in ((10, 20), (11, 60), (9, 60), (8, 20), (10, 20)):
        hall.fill(listeners)
        hall.watch(11)
        hall.speak(3)
        hall.durations()
        hall.speak(30)
        assert set(hall.durations()) == {expected}, f"{listeners} listeners"


async def test_a_crowd_that_comes_and_goes_does_not_change_packets_all_the_time(hall: _Hall) -> None:
    turns, before = 0, 20
    for number in range(120):
        hall.fill(15 if number % 2 else 5)
        hall.watch(0.5)
        hall.speak(6)
        longest = max(hall.durations(), default=before)
        turns += longest != before
        before = longest
    assert turns <= 8, "once in ten seconds at most"


async def test_numbers_go_on_by_one_whatever_the_packets_are(hall: _Hall) -> None:
    numbers: list[int] = []
    for listeners in (5, 15, 5, 15, 5):
        hall.fill(listeners)
        hall.watch(11)
        hall.speak(20)
        numbers += [sequence for _, sequence, _ in hall.first.hears()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) < 100


async def test_the_last_words_leave_although_nobody_goes_on() -> None:
    with ExitStack() as stack:
        hall = _Hall(stack)
        hall.room._clock = SystemClock()
        hall.fill(15)
        hall.room.adapt(asyncio.get_running_loop().time())
        for number in range(2):
            [arrival] = arrivals("anna", [_SPEECH], first=100 + number)
            arrival.packet.timestamp = number * 960
            hall.room.hear("anna", "anna", arrival.packet, asyncio.get_running_loop().time())
        assert hall.durations() == []
        await eventually("they leave", lambda: _once(hall), lambda durations: durations == [40], within=5)
        hall.room.close()


async def _once(hall: _Hall) -> list[int]:
    return hall.durations()


async def test_who_is_silenced_is_not_heard_even_from_what_was_waiting(hall: _Hall) -> None:
    hall.fill(15)
    hall.watch(1)
    hall.speak(2)
    hall.room.leave("anna")
    hall.fill(5)
    hall.watch(11)
    assert hall.durations() == []


async def test_the_beat_is_on_time_however_long_the_one_before_took() -> None:
    clock = ManualClock()

    def computing() -> float:
        clock.advance(milliseconds=8)
        return 0.0

    with ExitStack() as stack:
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        room = Room("hall", sock, clock, MixersAtHand(), Outlet(), None, _LIMIT, worked=computing)
        Ear("gcm", 111, stack).join(room.fanout)
        talk = [arrivals(name, packets_of(tone(f, 1))) for name, f in (("anna", 440), ("bert", 880))]
        for anna, bert in zip(*talk, strict=True):
            clock.advance(milliseconds=20)
            for said in (anna, bert):
                room.hear(said.publisher, said.publisher, said.packet, clock.monotonic())
            if room.is_mixing:
                break
        try:
            clock.advance(milliseconds=40)
            room._tick()
            beat, due = room._beat, room._programme.next_tick
            assert beat is not None
            assert due is not None
            wait = beat.when() - asyncio.get_running_loop().time()
            assert wait == pytest.approx(due - clock.monotonic(), abs=0.004)
        finally:
            room.close()
