"""The rooms that exist, and what all rooms together have forwarded, those that are over too."""

from collections.abc import Iterator

from fedispace.clock import Clock
from fedispace.media.live.mixers import Mixers
from fedispace.media.live.port import Port
from fedispace.media.live.room import Room
from fedispace.media.live.safety import SafetyBuffer
from fedispace.media.live.tap import Taps


class Rooms:
    """Opens a room when it is first asked for, and tells the taps and the safety buffer of each."""

    def __init__(
        self,
        *,
        port: Port,
        clock: Clock,
        mixers: Mixers,
        taps: Taps,
        safety: SafetyBuffer,
        long_packets_above: int,
    ) -> None:
        self._port = port
        self._clock = clock
        self._mixers = mixers
        self._taps = taps
        self._safety = safety
        self._long_packets_above = long_packets_above
        self._rooms: dict[str, Room] = {}
        self._packets_before = 0
        self._octets_before = 0

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def called(self, name: str) -> Room:
        """Return the room of this name."""
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(
                name,
                self._port.socket,
                self._clock,
                self._mixers,
                self._taps.room_opens(name),
                self._safety.room_opens(name, self._clock.monotonic()),
                self._long_packets_above,
            )
        return room

    def close(self, room: Room) -> None:
        """Close a room that nobody is in; one of the same name that was opened since stays."""
        room.close()
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            self._taps.room_closes(room.name)
            self._safety.room_closes(room.name)
            self._packets_before += room.forwarded
            self._octets_before += room.forwarded_octets

    @property
    def mixing(self) -> int:
        """How many mix, because several people talk in them."""
        return sum(room.is_mixing for room in self)

    @property
    def packets(self) -> int:
        """How many packets were forwarded."""
        return self._packets_before + sum(room.forwarded for room in self)

    @property
    def octets(self) -> int:
        """How many octets were forwarded."""
        return self._octets_before + sum(room.forwarded_octets for room in self)
