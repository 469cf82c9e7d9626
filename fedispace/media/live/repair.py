"""Uplink repair: a packet that was lost on the way to us is put back before those who hear miss it.

    ... 41, 42, [43 lost], 44 with copies of 43 and 42   -->   41, 42, 43, 44

A copy takes the lost packet's place in the order, with its own sequence number and timestamp, and
what goes on is plain Opus, so that receivers need not know of it. A packet that was merely late and
whose copy went on already is dropped: one number is sent once. Only numbers tell a loss; a sender
who pauses (DTX) leaves no number out. In-band FEC needs no work here: the next packet carries it to
whoever decodes.
"""

from fedispace.media.live.red import Block
from fedispace.media.live.rtp import Packet

_REMEMBERED = 128
_ALL = (1 << _REMEMBERED) - 1
_STRANGE_JUMP = 1000


class Repair:
    """One publisher's packets, each number once."""

    def __init__(self) -> None:
        self.repaired = 0
        self.repeated = 0
        self._ssrc: int | None = None
        self._highest = 0
        self._seen = 0

    def take(self, packet: Packet, copies: tuple[Block, ...] = ()) -> tuple[Packet, ...]:
        """Return what goes on because of `packet`, in order."""
        ahead = ((packet.sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
        if packet.ssrc != self._ssrc or abs(ahead) > _STRANGE_JUMP:
            self._ssrc, self._highest, self._seen = packet.ssrc, packet.sequence, _ALL
            return (packet,)
        if ahead <= 0:
            if not self._is_new(-ahead):
                self.repeated += 1
                return ()
            self._seen |= 1 << -ahead
            return (packet,)
        missed = tuple(
            self._copied(packet, block)
            for block in copies
            if ahead > block.back or self._is_new(block.back - ahead)
        )
        self.repaired += len(missed)
        self._seen = (self._seen << ahead | 1) & _ALL
        self._highest = packet.sequence
        for block in copies:
            self._seen |= 1 << block.back
        return (*missed, packet) if missed else (packet,)

    def _is_new(self, behind: int) -> bool:
        """Tell whether the packet so far behind the highest has not been here, and is not too old."""
        return behind < _REMEMBERED and not self._seen >> behind & 1

    @staticmethod
    def _copied(packet: Packet, block: Block) -> Packet:
        return Packet(
            payload_type=packet.payload_type,
            marker=False,
            sequence=(packet.sequence - block.back) & 0xFFFF,
            timestamp=(packet.timestamp - block.age) & 0xFFFFFFFF,
            ssrc=packet.ssrc,
            level=packet.level,
            payload=block.payload,
        )
