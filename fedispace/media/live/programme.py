"""The programme: the one stream that all listeners of a room hear.

    one voice:      his packets, as they come, undecoded        (FORWARD)
    several voices: the mixer's packets, one every 20 ms         (MIX)

Forwarding costs nothing and delays nothing, so it is what happens most of the time. The mixer takes
over when somebody speaks while another does, and gives back when for a while only one voice was
heard, at a moment when it is quiet (or a while later without). In both ways one stream goes on:

* Into the mix. The holder of the floor was heard up to some packet; the mixer begins with his next,
  `_LEAD` later, so that there is something to play when packets come unevenly. Nothing of his is lost
  or heard twice: the stream is `_LEAD` behind from then on, and its timestamps, which follow the sound,
  say so. Whoever cut in is heard from his last packets on, which were kept.
* Out of the mix. What waited in the jitter buffer, `_LEAD` and what jitter asked for, 120 ms at most, is
  left out: the quiet moment. The timestamps go on by that much, and are where forwarding had them.

What a mix costs is mostly the processor's: it has forgotten our code and the decoders' memory each time
we come back to them. So all that came is taken in at once, by the beat, and where `_MANY` talk the beat
makes `_MANY_TOGETHER` packets at a time, for a delay of 20 ms that only listeners have; those on stage
hear each other through the slots (`slots`). Of those who begin at once `_JOIN_AT_ONCE` are let in by a beat:
each brings packets to be decoded.

Sequence numbers are consecutive throughout, as they are when the floor changes hands (`continuity`).
Where there is no mixer (no libopus, or it is still being loaded), the floor alone decides.
"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from fedispace.media.live import opus_packets, rtp
from fedispace.media.live.continuity import RATE, Continuity
from fedispace.media.live.floor import Floor, loudness_of
from fedispace.media.live.repacketizer import Sound
from fedispace.media.live.ticks import TickCounts, Ticks

_KEPT = 6
_LEAD = 0.04
_ALONE = 3.0
_ALONE_AND_LOUD = 12.0
_AUDIBLE = 2.0
_SPEAKS = 0.4
_QUIET = 0.06
_FRAME = RATE // 50
_MOST_WAITING = 200
_JOIN_AT_ONCE = 3
_MANY = 5
_MANY_TOGETHER = 2


@dataclass(slots=True)
class Heard:
    """A packet and when it came."""

    packet: rtp.Packet
    at: float


@dataclass(slots=True)
class MixerCounts:
    """What befell all mixes of the process."""

    begun: int = 0
    concealed: int = 0
    repaired: int = 0
    undecodable: int = 0
    ticks: TickCounts = field(default_factory=TickCounts)


class Mixer(Protocol):
    """Makes one packet of many (`mixer.Mixer`)."""

    def __contains__(self, publisher: str) -> bool: ...

    def __len__(self) -> int: ...

    def join(self, publisher: str, kept: list[Heard], heard_until: int | None) -> None: ...

    def hear(self, publisher: str, packet: rtp.Packet, now: float) -> None: ...

    def leave(self, publisher: str) -> None: ...

    def tick(self, now: float) -> bytes | None: ...


class Mixers(Protocol):
    """Where mixers come from (`mixers.Mixers`)."""

    counts: MixerCounts

    def wish(self) -> None:
        """Say that one may be needed soon."""

    def make(self) -> Mixer | None:
        """Return a new one, or None while there are none."""


class Programme:
    """One room's. Time is an argument; what is returned is to be sent at once."""

    def __init__(self, mixers: Mixers, *, is_heard: Callable[[], bool]) -> None:
        self.floor = Floor()
        self.malformed = 0
        self._mixers = mixers
        self._is_heard = is_heard
        self._continuity = Continuity(timestamp=secrets.randbits(31))
        self._kept: dict[str, deque[Heard]] = {}
        self._forwarded: tuple[str, int, int] | None = None
        self._mixer: Mixer | None = None
        self._may_join = 0
        self._waiting: list[tuple[str, rtp.Packet, float]] = []
        self._ticks = Ticks(0.0, mixers.counts.ticks)
        self._source: tuple[str, int] = ("mix", 0)
        self._mixed = 0
        self._overlap_at = 0.0
        self._was_silent = False

    @property
    def is_mixing(self) -> bool:
        return self._mixer is not None

    @property
    def next_tick(self) -> float | None:
        """When `tick` is to be called; None while nothing is mixed."""
        return None if self._mixer is None else self._ticks.next

    @property
    def timestamp(self) -> int:
        """The last timestamp given out."""
        return self._continuity.timestamp

    @property
    def sent_at(self) -> float:
        """When the sound under that timestamp was here (monotonic)."""
        return self._continuity.sent_at

    def hear(self, publisher: str, packet: rtp.Packet, now: float) -> Sound | None:
        """Take in a publisher's packet; return what goes out because of it."""
        if self._mixer is not None:
            self._waiting.append((publisher, packet, now))
            if len(self._waiting) > _MOST_WAITING:
                self._take_in()
            return None
        takes = self._notice(publisher, packet, now)
        if takes is None:
            return None
        if not takes:
            self._consider(publisher, now)
            return None
        place = self._continuity.place((publisher, packet.ssrc), packet.sequence, packet.timestamp, now)
        if place is None:
            return None
        before = self._forwarded
        if before is None or place.sequence > before[1]:
            self._forwarded = (publisher, place.sequence, packet.timestamp)
        return Sound(packet.payload, packet.marker or place.first, place.sequence, place.timestamp)

    def leave(self, publisher: str) -> None:
        """Let a publisher who left or was silenced be heard no more, from now on."""
        self._take_in()  # what waited of him goes with him
        if self.floor.holder == publisher and self._mixer is None:
            self._continuity.interrupt()
        self.floor.leave(publisher)
        self._kept.pop(publisher, None)
        if self._mixer is not None:
            self._mixer.leave(publisher)
            if not self._kept:
                self._give_back()

    def tick(self, now: float, worked: float | None = None) -> list[Sound]:
        """Mix what is due; return the packets. `worked` is as in `Ticks.due`."""
        sounds: list[Sound] = []
        mixer = self._mixer
        if mixer is None:
            return sounds
        self._take_in()
        for number in self._ticks.due(now, worked):
            at = self._ticks.at(number)
            payload = mixer.tick(at)
            if payload is not None:
                sounds.append(self._sound(payload, number, at))
            self._was_silent = payload is None
        self._ticks.together = _MANY_TOGETHER if len(mixer) >= _MANY else 1
        if self._may_give_back(now):
            self._give_back()
        return sounds

    def _take_in(self) -> None:
        """Take in what came since the last beat, all at once: a packet by itself would cost three times that,
        because between packets the processor forgets this code."""
        waiting, self._waiting = self._waiting, []
        self._may_join = _JOIN_AT_ONCE
        for publisher, packet, at in waiting:
            if self._notice(publisher, packet, at) is not None and self._mixer is not None:
                self._mix_in(self._mixer, publisher, packet, at)

    def _notice(self, publisher: str, packet: rtp.Packet, now: float) -> bool | None:
        """Keep a packet; tell whether its sender has the floor, or None when it is no packet of Opus."""
        payload = packet.payload
        if opus_packets.duration(payload) is None:
            self.malformed += 1
            return None
        kept = self._kept.get(publisher)
        if kept is None:
            kept = self._meet(publisher)
        kept.append(Heard(packet, now))
        return self.floor.takes(publisher, loudness_of(packet.level, len(payload)), now)

    def _sound(self, payload: bytes, number: int, at: float) -> Sound:
        if self._was_silent:  # a turn like any other
            self._source = ("mix", self._source[1] + 1)
        timestamp = number * _FRAME & 0xFFFFFFFF
        place = self._continuity.place(
            self._source, self._mixed & 0xFFFF, timestamp, at - _LEAD, is_seamless=not self._was_silent
        )
        assert place is not None, "the mixer's own numbers only rise"
        self._mixed += 1
        return Sound(payload, place.first or self._was_silent, place.sequence, place.timestamp)

    def _meet(self, publisher: str) -> deque[Heard]:
        kept = self._kept[publisher] = deque(maxlen=_KEPT)
        if len(self._kept) > 1:
            self._mixers.wish()
        return kept

    def _consider(self, publisher: str, now: float) -> None:
        """Begin to mix if `publisher`, who has not the floor, speaks while its holder does."""
        floor = self.floor
        if not floor.is_speaking(publisher, now) or not floor.is_speaking(floor.holder, now):
            return
        if not self._is_heard():
            return
        mixer = self._mixers.make()
        if mixer is None:
            return
        self._mixer = mixer
        self._mixers.counts.begun += 1
        self._ticks = Ticks(now + _LEAD, self._mixers.counts.ticks)
        self._source = ("mix", self._source[1] + 1)
        self._mixed = 0
        self._was_silent = False
        self._overlap_at = now
        for talker in (floor.holder, publisher):  # the others come with their next packets
            kept = self._kept.get(str(talker))
            if kept and now - kept[-1].at < _AUDIBLE:
                mixer.join(str(talker), list(kept), self._heard_until(str(talker)))

    def _heard_until(self, publisher: str) -> int | None:
        """Return the timestamp up to which listeners heard `publisher`, if he was the last they heard."""
        if self._forwarded is None or self._forwarded[0] != publisher or self.floor.holder != publisher:
            return None
        return self._forwarded[2]

    def _mix_in(self, mixer: Mixer, publisher: str, packet: rtp.Packet, now: float) -> None:
        if publisher in mixer:
            if self._is_audible(publisher, packet, now):
                mixer.hear(publisher, packet, now)
            else:
                mixer.leave(publisher)
        elif self._may_join and self._is_audible(publisher, packet, now):
            self._may_join -= 1
            mixer.join(publisher, list(self._kept[publisher]), None)

    def _is_audible(self, publisher: str, packet: rtp.Packet, now: float) -> bool:
        """Tell whether he is worth decoding: he spoke of late, or does not say how loud he is."""
        if packet.level is None and not opus_packets.is_dtx(packet.payload):
            return True
        return now - self.floor.spoke_at(publisher) < _AUDIBLE

    def _may_give_back(self, now: float) -> bool:
        if not self._is_heard():
            return True
        spoke = [self.floor.spoke_at(publisher) for publisher in self._kept]
        if sum(now - at < _SPEAKS for at in spoke) > 1:
            self._overlap_at = now
            return False
        alone = now - self._overlap_at
        is_quiet = all(now - at > _QUIET for at in spoke)
        return alone > _ALONE and (is_quiet or alone > _ALONE_AND_LOUD)

    def _give_back(self) -> None:
        self._mixer = None
        self._forwarded = None
