"""The safety buffer: the last minute of every room's programme, in memory and nowhere else.

    room --the programme, 20 ms a packet--> Ring (seconds, bytes) --only if somebody reports--> clip

Somebody who reports what was just said must be believed without a recording being made of everybody,
always. So each room that is open has a ring of what its listeners heard: it is overwritten as time goes
by, and gone with the room. What listeners did not hear is not in it: a muted microphone is dropped
before the programme, and the audience sends nothing. It is read only when the web process asks for a
clip because of a report, and is sealed there.

A ring is bounded in seconds and bytes, and all rings together in bytes: the room that speaks then gives
up its own oldest packets. A clip is handed over in pieces that fit a frame of the control socket, each
asked for by the number after which it begins, so that nothing has to be held for whoever asks.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from fedispace.errors import NotFound
from fedispace.media.live.messages import ClipPiece, KeptPacket
from fedispace.media.live.repacketizer import Sound

MAX_SECONDS: Final = 300
_RING_BYTES: Final = 4 << 20
_ALL_BYTES: Final = 128 << 20
_PACKET_BYTES: Final = 200
"""What a packet costs beside its payload."""
_PIECE_BYTES: Final = 24_000
_PIECE_PACKETS: Final = 300


@dataclass(slots=True)
class Store:
    """How much all rings of the process hold."""

    octets: int = 0


class Ring:
    """One room's last seconds. Time is an argument."""

    __slots__ = ("_began", "_number", "_octets", "_packets", "_seconds", "_store")

    def __init__(self, seconds: float, store: Store, now: float) -> None:
        self._seconds = seconds
        self._store = store
        self._began = now
        self._packets: deque[KeptPacket] = deque()
        self._number = 0
        self._octets = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, sound: Sound, now: float) -> None:
        """Keep a packet, and let go of what is too old or too much."""
        self._number += 1
        self._packets.append(KeptPacket(self._number, sound.sequence, sound.timestamp, now, sound.payload))
        self._count(len(sound.payload) + _PACKET_BYTES)
        self.forget(now)
        while self._packets and (self._octets > _RING_BYTES or self._store.octets > _ALL_BYTES):
            self._drop()

    def forget(self, now: float) -> None:
        """Let go of what is too old: also while nobody speaks."""
        while self._packets and now - self._packets[0].at > self._seconds:
            self._drop()

    def clear(self) -> None:
        """Let go of everything and keep nothing more: the room is over."""
        self._seconds = -1.0
        self._count(-self._octets)
        self._packets.clear()

    def piece(self, seconds: float, after: int, now: float) -> ClipPiece:
        """Return what was heard in the last `seconds`, of it what comes after the packet of that number."""
        self.forget(now)
        length = max(0.0, min(seconds, self._seconds, now - self._began))
        taken: list[KeptPacket] = []
        octets = 0
        for packet in self._packets:
            if packet.number <= after or now - packet.at > length:
                continue
            octets += len(packet.payload) + 40
            if octets > _PIECE_BYTES or len(taken) == _PIECE_PACKETS:
                return ClipPiece(packets=taken, now=now, seconds=length, is_last=False)
            taken.append(packet)
        return ClipPiece(packets=taken, now=now, seconds=length, is_last=True)

    def _drop(self) -> None:
        self._count(-(len(self._packets.popleft().payload) + _PACKET_BYTES))

    def _count(self, octets: int) -> None:
        self._octets += octets
        self._store.octets += octets


class SafetyBuffer:
    """The rings of the process; none where `seconds` is 0."""

    def __init__(self, seconds: float) -> None:
        self.seconds = min(seconds, MAX_SECONDS)
        self._rings: dict[str, Ring] = {}
        self._store = Store()

    @property
    def octets(self) -> int:
        """How much is held just now."""
        return self._store.octets

    def room_opens(self, room: str, now: float) -> Ring | None:
        """Return the ring of a room that opens."""
        if not self.seconds:
            return None
        self.room_closes(room)
        ring = self._rings[room] = Ring(self.seconds, self._store, now)
        return ring

    def room_closes(self, room: str) -> None:
        """Forget a room."""
        ring = self._rings.pop(room, None)
        if ring is not None:
            ring.clear()

    def tick(self, now: float) -> None:
        """Let go of what is too old, wherever nobody speaks."""
        for ring in self._rings.values():
            ring.forget(now)

    def piece(self, room: str, seconds: float, after: int, now: float) -> ClipPiece:
        """Return a piece of a room's last `seconds`; raises `NotFound` where nothing is kept of it."""
        ring = self._rings.get(room)
        if ring is None:
            raise NotFound("nothing is kept of that room")
        return ring.piece(seconds, after, now)
