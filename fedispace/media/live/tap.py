"""Where the programme can be had as packets: by a recorder, by HLS, by a cascade to another process.

    room --the programme, 20 ms a packet--> Taps --> Tap: a bounded queue --> whoever takes

A tap is opened for a room by its name, whether the room is there or not: rooms come and go with their
sessions, and who records one does not mind. It never delays a room: a queue that is full loses its
oldest packet, and counts it. Where nobody taps, a room looks at one empty list per packet.

Sequence numbers are the programme's own and not wrapped, so a taker can put late packets in order and
tell a loss from a pause. `turn` differs each time the room opens anew: numbers and timestamps of two
turns have nothing to do with each other. A tap is heard like a listener: while there is one, voices
are mixed though nobody else hears them.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from fedispace.errors import Unavailable
from fedispace.media.live.repacketizer import Sound

CAPACITY = 1024
_TAPS = 256


@dataclass(frozen=True, slots=True)
class Tapped:
    """A packet of the programme: Opus, a timestamp at 48 kHz (wrapped), and when it went out.

    `at` is monotonic, like every time that a taker compares with others of the same process.
    """

    payload: bytes
    marker: bool
    turn: int
    sequence: int
    timestamp: int
    at: float


class Tap:
    """One taker's queue. `lost` counts what he was too slow for."""

    def __init__(self, room: str, capacity: int) -> None:
        self.room = room
        self.lost = 0
        self._waiting: deque[Tapped] = deque(maxlen=capacity)
        self._capacity = capacity
        self._arrived = asyncio.Event()

    def put(self, packet: Tapped) -> None:
        """Take in a packet; the oldest gives way."""
        if len(self._waiting) == self._capacity:
            self.lost += 1
        self._waiting.append(packet)
        self._arrived.set()

    def take(self) -> list[Tapped]:
        """Return what came since the last time; none is fine."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._arrived.clear()
        return taken

    async def arrived(self) -> None:
        """Return when there is something to take."""
        await self._arrived.wait()


class Outlet:
    """A room's side: the taps that are open on it."""

    __slots__ = ("taps", "turn")

    def __init__(self) -> None:
        self.taps: list[Tap] = []
        self.turn = 0

    def put(self, sound: Sound, now: float) -> None:
        """Hand a packet to everybody who taps."""
        packet = Tapped(sound.payload, sound.marker, self.turn, sound.sequence, sound.timestamp, now)
        for tap in self.taps:
            tap.put(packet)


class Taps:
    """All taps of the process."""

    def __init__(self) -> None:
        self._outlets: dict[str, Outlet] = {}
        self._open = 0
        self._turns = 0

    def __len__(self) -> int:
        return self._open

    def open(self, room: str, capacity: int = CAPACITY) -> Tap:
        """Tap a room, now or when it comes; raises `Unavailable` when too many do."""
        if self._open >= _TAPS:
            raise Unavailable("too many rooms are tapped")
        tap = Tap(room, capacity)
        self._outlets.setdefault(room, Outlet()).taps.append(tap)
        self._open += 1
        return tap

    def close(self, tap: Tap) -> None:
        """Hand nothing more to `tap`."""
        outlet = self._outlets.get(tap.room)
        if outlet is None or tap not in outlet.taps:
            return
        outlet.taps.remove(tap)
        self._open -= 1
        if not outlet.taps and not outlet.turn:
            del self._outlets[tap.room]

    def room_opens(self, room: str) -> Outlet:
        """Return the outlet of a room that opens."""
        outlet = self._outlets.setdefault(room, Outlet())
        self._turns += 1
        outlet.turn = self._turns
        return outlet

    def room_closes(self, room: str) -> None:
        """Note that a room is gone; its taps wait for the next of that name."""
        outlet = self._outlets.get(room)
        if outlet is None:
            return
        outlet.turn = 0
        if not outlet.taps:
            del self._outlets[room]
