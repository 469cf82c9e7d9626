"""A room: the publishers who may be heard, the subscribers who hear, and the one stream between.

    publishers --packets--> floor: who is heard? --> continuity: numbers --> fan-out --> subscribers

Nothing here decodes. What every subscriber receives is the floor holder's own Opus under the room's
SSRC. A programme mix would be one more source of the same stream, and more slots per subscriber one
more fan-out each: `hear` decides, `FanOut` delivers, and neither knows why.
"""

import secrets
import socket

from fedispace.clock import Clock
from fedispace.media.live import rtp
from fedispace.media.live.answer import Sending
from fedispace.media.live.continuity import RATE, Continuity
from fedispace.media.live.dtls import SrtpSession
from fedispace.media.live.fanout import FanOut, Slot
from fedispace.media.live.floor import Floor, loudness_of
from fedispace.media.live.path import Address

_SILENCE = 127


class Room:
    """One live room. Its SSRC and names are drawn when it opens and say nothing about anyone."""

    def __init__(self, name: str, sock: socket.socket, clock: Clock) -> None:
        self.name = name
        self.ssrc = secrets.randbits(31) + 1
        self.cname = secrets.token_hex(8)
        self.received = 0
        self._clock = clock
        self._floor = Floor()
        self._continuity = Continuity(timestamp=secrets.randbits(31))
        self._fanout = FanOut(sock)
        self._speaking: set[str] = set()

    @property
    def forwarded(self) -> int:
        """Packets sent to subscribers."""
        return self._fanout.sent

    @property
    def fanout(self) -> FanOut:
        return self._fanout

    def sending(self) -> Sending:
        """Return what an answer tells a subscriber."""
        return Sending(ssrc=self.ssrc, cname=self.cname, stream="programme")

    def hear(self, publisher: str, packet: rtp.Packet, now: float) -> None:
        """Take in a publisher's packet and forward it if he has the floor."""
        self.received += 1
        loudness = loudness_of(packet.level, len(packet.payload))
        if not self._floor.takes(publisher, loudness, now):
            return
        source = (publisher, packet.ssrc)
        place = self._continuity.place(source, packet.sequence, packet.timestamp, now)
        if place is None:
            return
        self._fanout.send(
            packet.payload,
            marker=packet.marker or place.first,
            sequence=place.sequence,
            timestamp=place.timestamp,
            ssrc=self.ssrc,
        )

    def leave(self, publisher: str) -> None:
        """Take the floor from a publisher who left or was silenced."""
        if self._floor.holder == publisher:
            self._continuity.interrupt()
        self._floor.leave(publisher)

    def subscribe(self, keys: SrtpSession, payload_type: int, address: Address) -> Slot:
        """Begin to send to a subscriber."""
        return self._fanout.add(keys, payload_type, address)

    def speaking_changes(self, publishers: list[str], now: float) -> list[tuple[str, int]]:
        """Return who began (with a level) or stopped (127) speaking since the last call."""
        changes: list[tuple[str, int]] = []
        for publisher in publishers:
            speaks = self._floor.is_speaking(publisher, now)
            if speaks != (publisher in self._speaking):
                changes.append((publisher, self._floor.level(publisher) if speaks else _SILENCE))
        self._speaking = {publisher for publisher in publishers if self._floor.is_speaking(publisher, now)}
        return changes

    def sender_report(self, slot: Slot, now: float) -> bytes | None:
        """Write the report that ties our timestamps to the clock, once something was sent."""
        packets = self._fanout.packets - slot.packets_before
        if packets == 0:
            return None
        since = now - self._continuity.sent_at
        return rtp.sender_report(
            ssrc=self.ssrc,
            at=self._clock.now().timestamp(),
            timestamp=self._continuity.timestamp + int(since * RATE),
            packets=packets,
            octets=self._fanout.octets - slot.octets_before,
            cname=self.cname,
        )
