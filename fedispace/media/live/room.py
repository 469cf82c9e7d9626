"""A room: the publishers who may be heard, the listeners who hear, and the one stream between.

    publishers --packets--> programme: forwarded or mixed --> 20 or 60 ms --> fan-out --> listeners
                        `--> stage: the last who spoke --> three slots --> those who speak themselves

What every listener receives is the programme, under the room's one SSRC: a lone voice's own Opus,
undecoded, or the mix of several (`programme`). In a room with many listeners three packets become
one of 60 ms (`repacketizer`), for all of them at once, so that nobody's numbers ever jump. `hear`
and the clock decide, `FanOut` delivers, and neither knows why.

The room is where the programme's pure parts meet the event loop: two timers, one for the mixer's
beat and one for packets that wait for company.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable

from fedispace.clock import Clock
from fedispace.media.live import rtcp, rtp
from fedispace.media.live.answer import Sending
from fedispace.media.live.continuity import RATE, Continuity
from fedispace.media.live.dtls import SrtpSession
from fedispace.media.live.fanout import LARGEST_PAYLOAD, FanOut, Slot
from fedispace.media.live.path import Address
from fedispace.media.live.programme import Mixers, Programme
from fedispace.media.live.repacketizer import Repacketizer, Sound
from fedispace.media.live.safety import Ring
from fedispace.media.live.slots import Seat, Slots
from fedispace.media.live.tap import Outlet

_SILENCE = 127
_WAIT_SECONDS = 0.07
_FEWER = 0.8
_TURN_SECONDS = 10.0


class Room:
    """One live room. Its SSRC and names are drawn when it opens and say nothing about anyone."""

    def __init__(
        self,
        name: str,
        sock: socket.socket,
        clock: Clock,
        mixers: Mixers,
        outlet: Outlet,
        ring: Ring | None,
        long_packets_above: int,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        self.name = name
        self.ssrc = secrets.randbits(31) + 1
        self.cname = secrets.token_hex(8)
        self.received = 0
        self._clock = clock
        self._fanout = FanOut(sock)
        self.slots = Slots(sock, self.cname)
        self._outlet = outlet
        self._ring = ring
        self._programme = Programme(
            mixers, is_heard=lambda: bool(len(self._fanout) or outlet.taps or ring is not None)
        )
        self._packer = Repacketizer(LARGEST_PAYLOAD)
        self._long_packets_above = long_packets_above
        self._worked = worked
        self._feed: Continuity | None = None
        self._turned_at = float("-inf")
        self._speaking: set[str] = set()
        self._beat: asyncio.TimerHandle | None = None
        self._wait: asyncio.TimerHandle | None = None

    @property
    def forwarded(self) -> int:
        """Packets sent to subscribers."""
        return self._fanout.sent + self.slots.sent

    @property
    def forwarded_octets(self) -> int:
        """Bytes of Opus in them."""
        return self._fanout.sent_octets + self.slots.sent_octets

    @property
    def fanout(self) -> FanOut:
        return self._fanout

    @property
    def is_mixing(self) -> bool:
        """Whether several voices are made into one just now."""
        return self._programme.is_mixing

    def sending(self) -> Sending:
        """Return what an answer tells a subscriber."""
        return Sending(ssrc=self.ssrc, cname=self.cname, stream="programme", with_copies=True)

    def hear(self, publisher: str, participant: str, packet: rtp.Packet, now: float) -> None:
        """Take in a publisher's packet: pass it on to the stage, and to all if his is the one voice."""
        self.received += 1
        self.slots.hear(publisher, participant, packet, now)
        sound = self._programme.hear(publisher, packet, now)
        if sound is not None:
            self._say(sound, now)
        elif self._beat is None and self._programme.is_mixing:
            self._await_beat(now)

    def feed(self, packet: rtp.Packet, now: float) -> None:
        """Take in a packet of another SFU's programme, which is this room's."""
        self.received += 1
        if self._feed is None:
            self._feed = Continuity(timestamp=self._programme.timestamp)
        place = self._feed.place(packet.ssrc, packet.sequence, packet.timestamp, now)
        if place is not None:
            marker = packet.marker or place.first
            self._say(Sound(packet.payload, marker, place.sequence, place.timestamp), now)

    def leave(self, publisher: str) -> None:
        """Let a publisher who left or was silenced be heard no more, from now on."""
        self.slots.leave(publisher)
        if not self._programme.is_mixing and self._programme.floor.holder == publisher:
            self._packer.drop()
        self._programme.leave(publisher)

    def close(self) -> None:
        """Stop the clocks: everybody has left."""
        for timer in (self._beat, self._wait):
            if timer is not None:
                timer.cancel()

    def subscribe(
        self, keys: SrtpSession, payload_type: int, address: Address, red_payload_type: int | None = None
    ) -> Slot:
        """Begin to send to a subscriber."""
        return self._fanout.add(keys, payload_type, address, red_payload_type)

    def adapt(self, now: float) -> None:
        """Choose long packets when there are many listeners; not to and fro around the limit."""
        if now - self._turned_at < _TURN_SECONDS:
            return
        listeners, packing = len(self._fanout), self._packer.is_packing
        limit = self._long_packets_above * (_FEWER if packing else 1.0)
        if packing != (listeners > limit):
            self._turned_at = now
            self._deliver(self._packer.turn(not packing, now))

    def speaking_changes(self, now: float) -> list[tuple[str, int]]:
        """Return who began (with a level) or stopped (127) speaking since the last call."""
        floor = self._programme.floor
        speaking = {str(publisher) for publisher in floor.speakers(now)}
        began, stopped = speaking - self._speaking, self._speaking - speaking
        self._speaking = speaking
        return [(name, floor.level(name)) for name in began] + [(name, _SILENCE) for name in stopped]

    def sender_report(self, slot: Slot, now: float) -> bytes | None:
        """Write the report that ties our timestamps to the clock, once something was sent."""
        packets = self._fanout.packets - slot.packets_before
        if packets == 0:
            return None
        source = self._feed or self._programme
        since = now - source.sent_at
        stream = rtcp.SenderInfo(
            ssrc=self.ssrc,
            timestamp=source.timestamp + int(since * RATE),
            packets=packets,
            octets=self._fanout.octets - slot.octets_before,
        )
        return rtcp.sender_report([stream], at=self._clock.now().timestamp(), cname=self.cname)

    def _say(self, sound: Sound, now: float) -> None:
        """Everything the programme says passes here, before it is packed for listeners."""
        if self._outlet.taps:
            self._outlet.put(sound, now)
        if self._ring is not None:
            self._ring.put(sound, now)
        self._deliver(self._packer.put(sound, now))

    def slots_report(self, seat: Seat, now: float) -> bytes | None:
        """Write the same for a receiver of the stage's slots."""
        return self.slots.sender_report(seat, self._clock.now().timestamp(), now)

    def _deliver(self, sounds: list[Sound]) -> None:
        for sound in sounds:
            self._fanout.send(
                sound.payload,
                marker=sound.marker,
                sequence=sound.sequence,
                timestamp=sound.timestamp,
                ssrc=self.ssrc,
            )
        if self._wait is None and self._packer.waiting_since is not None:
            self._wait = asyncio.get_running_loop().call_later(_WAIT_SECONDS, self._stop_waiting)

    def _await_beat(self, now: float) -> None:
        due = self._programme.next_tick
        if due is None:
            self._beat = None
        else:
            self._beat = asyncio.get_running_loop().call_later(max(0.0, due - now), self._tick)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        try:
            for sound in self._programme.tick(now, self._worked()):
                self._say(sound, now)
        finally:
            self._await_beat(self._clock.monotonic())  # mixing and sending took some of the time until then

    def _stop_waiting(self) -> None:
        """Send what has waited too long: nobody speaks any more."""
        self._wait = None
        now = self._clock.monotonic()
        since = self._packer.waiting_since
        if since is None or now - since < _WAIT_SECONDS - 0.01:
            self._deliver([])
        else:
            self._deliver(self._packer.flush(now))
