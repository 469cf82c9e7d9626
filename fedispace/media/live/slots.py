"""The stage's sound, to each who is on it: three streams that leave out his own voice.

    packet -> stage: which chair? -> continuity of that chair -> the slot's fan-out -> everybody but himself
                                                              `-> from the last chair: those whose own
                                                                  chair is that slot

A slot is one source to its receiver, for as long as the session lasts: one SSRC, sequence numbers that
go on by one, timestamps that go on with the time. The chair's continuity sees to that when voices change
in a chair; what differs between receivers is only which chair they hear in a slot, and when. So each
receiver keeps, for each slot, what to add to the chair's numbers, and works it out anew when he gets
another chair there. Per receiver and packet that is an addition and a header more than in the programme's
fan-out; the choice, the continuity and the system call are shared by all.
"""

import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from fedispace.media.live import rtcp, rtp
from fedispace.media.live.answer import Sending
from fedispace.media.live.continuity import RATE, Continuity, Place, advance, signed
from fedispace.media.live.dtls import SrtpSession
from fedispace.media.live.fanout import FanOut, Slot
from fedispace.media.live.floor import loudness_of
from fedispace.media.live.path import Address
from fedispace.media.live.stage import SLOTS, Stage

_NO_CHAIR = -1


@dataclass(eq=False, slots=True)
class Ear:
    """One slot of one receiver: how many slots he has, which chair he hears, and its numbers for him."""

    slot: Slot
    participant: str
    slots: int
    payload_type: int
    chair: int = _NO_CHAIR
    since: int = 0
    sequence_offset: int = 0
    timestamp_offset: int = 0
    sequence: int = -1
    timestamp: int = 0
    sent_at: float = 0.0
    began: tuple[int, float] = (0, 0.0)
    packets: int = 0
    octets: int = 0

    def number(self, chair: int, place: Place, now: float) -> tuple[int, int, bool] | None:
        """Return sequence number, timestamp and whether a turn begins; None for what came before it."""
        begins = self.chair != chair
        if begins:
            self._begin(chair, place, now)
        elif place.sequence < self.since:
            return None
        sequence = place.sequence + self.sequence_offset
        timestamp = (place.timestamp + self.timestamp_offset) & 0xFFFFFFFF
        if sequence > self.sequence:
            self.sequence, self.timestamp, self.sent_at = sequence, timestamp, now
        return sequence, timestamp, begins or place.first

    def _begin(self, chair: int, place: Place, now: float) -> None:
        self.chair = chair
        self.since = place.sequence
        self.sequence_offset = self.sequence + 1 - place.sequence
        if self.sequence >= 0:
            timestamp, at = self.began
            behind = signed(timestamp + int((self.sent_at - at) * RATE) - self.timestamp, 32)
            follows = self.timestamp + advance(now - self.sent_at, behind)
            self.timestamp_offset = follows - place.timestamp
        else:
            self.began = (place.timestamp, now)


@dataclass(frozen=True, slots=True)
class Seat:
    """A receiver's slots."""

    ears: tuple[Ear, ...]


class Slots:
    """The three streams of one room."""

    def __init__(self, sock: socket.socket, cname: str) -> None:
        self.ssrcs = tuple(secrets.randbits(31) + 1 for _ in range(SLOTS))
        self._cname = cname
        self._stage = Stage()
        self._lines = [Continuity(timestamp=secrets.randbits(31)) for _ in range(SLOTS + 1)]
        self._fanouts = [FanOut(sock) for _ in range(SLOTS)]
        self._ears: list[list[Ear]] = [[] for _ in range(SLOTS)]
        self._own: list[str | None] = [None] * SLOTS

    @property
    def sent(self) -> int:
        """Packets sent to all receivers."""
        return sum(fanout.sent for fanout in self._fanouts)

    @property
    def sent_octets(self) -> int:
        """Bytes of Opus in them."""
        return sum(fanout.sent_octets for fanout in self._fanouts)

    def sending(self, slots: int) -> tuple[Sending, ...]:
        """Return what an answer tells a receiver of so many slots."""
        return tuple(
            Sending(ssrc=ssrc, cname=self._cname, stream=f"stage-{number}")
            for number, ssrc in enumerate(self.ssrcs[:slots], 1)
        )

    def add(
        self, participant: str, keys: SrtpSession, payload_types: Sequence[int], address: Address
    ) -> Seat:
        """Begin to send to one more, in a slot for each payload type."""
        ears: list[Ear] = []
        for fanout, there, payload_type in zip(self._fanouts, self._ears, payload_types, strict=False):
            slot = fanout.add(keys, payload_type, address)
            ear = Ear(slot, participant, min(SLOTS, len(payload_types)), payload_type)
            there.append(ear)
            ears.append(ear)
        return Seat(tuple(ears))

    def remove(self, seat: Seat) -> None:
        """Stop sending to one. The last takes his place, here as in the fan-out."""
        for fanout, there, ear in zip(self._fanouts, self._ears, seat.ears, strict=False):
            last = there.pop()
            if last is not ear:
                there[ear.slot.index] = last
            fanout.remove(ear.slot)

    def move(self, seat: Seat, address: Address) -> None:
        """Send to another address."""
        for fanout, ear in zip(self._fanouts, seat.ears, strict=False):
            fanout.move(ear.slot, address)

    def hear(self, publisher: str, participant: str, packet: rtp.Packet, now: float) -> None:
        """Take in a publisher's packet and send it to those who hear his chair."""
        if not self._ears[0]:
            return
        loudness = loudness_of(packet.level, len(packet.payload))
        chair = self._stage.hear(publisher, participant, loudness, now)
        if chair is None:
            return
        line = self._lines[chair]
        place = line.place((publisher, packet.ssrc), packet.sequence, packet.timestamp, now)
        if place is None:
            return
        self._follow_owners()
        if chair < SLOTS:
            self._send(chair, chair, packet, place, now)
        for slot in range(min(chair, SLOTS)):
            if self._own[slot] is not None:
                self._send(slot, chair, packet, place, now)

    def leave(self, publisher: str) -> None:
        """Let a publisher who left or was silenced be heard no more, from now on."""
        self._stage.leave(publisher)

    def sender_report(self, seat: Seat, at: float, now: float) -> bytes | None:
        """Write the report on a receiver's slots, once something was sent in one."""
        streams = [
            rtcp.SenderInfo(
                ssrc=ssrc,
                timestamp=ear.timestamp + int((now - ear.sent_at) * RATE),
                packets=ear.packets,
                octets=ear.octets,
            )
            for ssrc, ear in zip(self.ssrcs, seat.ears, strict=False)
            if ear.packets
        ]
        return rtcp.sender_report(streams, at=at, cname=self._cname) if streams else None

    def _follow_owners(self) -> None:
        """When a chair changes hands, who sat there and who sits there now begin anew in that slot."""
        for slot in range(SLOTS):
            owner, before = self._stage.participant(slot), self._own[slot]
            if owner != before:
                self._own[slot] = owner
                for ear in self._ears[slot]:
                    if ear.participant in (owner, before):
                        ear.chair = _NO_CHAIR

    def _send(self, slot: int, chair: int, packet: rtp.Packet, place: Place, now: float) -> None:
        """Send to those who hear this chair in this slot."""
        own, ssrc, payload = self._own[slot], self.ssrcs[slot], packet.payload
        is_for_all = slot == chair
        packets: list[bytes | None] = []
        for ear in self._ears[slot]:
            numbers = None
            if ear.participant != own if is_for_all else (ear.participant == own and ear.slots == chair):
                numbers = ear.number(chair, place, now)
            if numbers is None:
                packets.append(None)
                continue
            sequence, timestamp, begins = numbers
            head = rtp.header(
                payload_type=ear.payload_type,
                marker=packet.marker or begins,
                sequence=sequence & 0xFFFF,
                timestamp=timestamp,
                ssrc=ssrc,
            )
            packets.append(head + payload)
            ear.packets += 1
            ear.octets += len(payload)
        self._fanouts[slot].send_each(packets, rtp.HEADER + len(payload))
