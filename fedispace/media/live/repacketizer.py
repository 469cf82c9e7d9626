"""Three packets of 20 ms become one of 60 ms, undecoded (RFC 6716, section 3.2.5).

    20 20 20 | 20 20 20   ->   60 | 60      a third of the packets, and of the CPU, for 40 ms of delay

Frames go together when they follow one another in time and share mode, bandwidth, frame size and
channels. Whatever breaks that (a gap, another kind of packet, somebody else's turn) sends what is
waiting first. Two kinds never wait: packets that are long already, and the tiny ones of a silence
(DTX), whose end a receiver would otherwise take for a loss and conceal.

A packet that came early waits for those before it, as long as three others take to come.

Numbers are given out here, one for each packet that leaves. While packing is off they run along
with those that come in, late packets included, so that turning it on or off cannot be noticed. A loss
before us becomes a gap after us, so that a listener's statistics, and his decoder's repair from the
next packet, stay honest.
"""

from dataclasses import dataclass

from fedispace.media.live import opus_packets

_PACKED_SAMPLES = opus_packets.RATE * 60 // 1000
_EARLY_KEPT = 3
_CODE_THREE = 3
_VARIABLE = 0x80


@dataclass(slots=True)
class Sound:
    """A packet of the programme. Sequence numbers are not wrapped; timestamps are."""

    payload: bytes
    marker: bool
    sequence: int
    timestamp: int


@dataclass(slots=True)
class _Waiting:
    frames: list[bytes]
    toc: int
    samples: int
    bytes: int
    marker: bool
    timestamp: int
    since: float


class Repacketizer:
    """Packs one stream, or passes it on. `largest` bounds the payloads it makes."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._is_packing = False
        self._waiting: _Waiting | None = None
        self._early: dict[int, Sound] = {}
        self._early_since = 0.0
        self._shift = 0
        self._heard = -1
        self._sent = -1
        self._barrier = -1

    @property
    def is_packing(self) -> bool:
        return self._is_packing

    @property
    def waiting_since(self) -> float | None:
        """When the oldest of what has not left came, if there is any."""
        if self._waiting is not None:
            return self._waiting.since
        return self._early_since if self._early else None

    def turn(self, packing: bool, now: float) -> list[Sound]:
        """Begin or cease to pack; returns what was waiting."""
        left = self.flush(now)
        self._is_packing = packing
        self._shift = self._sent - self._heard
        self._barrier = self._heard
        return left

    def put(self, sound: Sound, now: float) -> list[Sound]:
        """Take a packet of the programme; return what leaves because of it."""
        if not self._is_packing:
            return self._pass(sound)
        if sound.sequence <= self._heard:
            # Too late: those around it have left under consecutive numbers.
            return []
        if self._heard >= 0 and sound.sequence > self._heard + 1:
            if not self._early:
                self._early_since = now
            self._early[sound.sequence] = sound
            return self._give_up_gap(now) if len(self._early) > _EARLY_KEPT else []
        return self._take(sound, now) + self._take_early(now)

    def flush(self, now: float) -> list[Sound]:
        """Return what is waiting: nothing will join it."""
        left: list[Sound] = []
        while self._early:
            left += self._give_up_gap(now)
        return left + self._flush()

    def drop(self) -> None:
        """Forget what is waiting: he who said it is not to be heard."""
        self._waiting = None
        self._early.clear()

    def _give_up_gap(self, now: float) -> list[Sound]:
        first = min(self._early)
        left = self._flush()
        self._sent += first - self._heard - 1
        return left + self._take(self._early.pop(first), now) + self._take_early(now)

    def _take_early(self, now: float) -> list[Sound]:
        left: list[Sound] = []
        while (sound := self._early.pop(self._heard + 1, None)) is not None:
            left += self._take(sound, now)
        return left

    def _take(self, sound: Sound, now: float) -> list[Sound]:
        self._heard = sound.sequence
        found = opus_packets.frames(sound.payload)
        if found is None:
            return []
        left = self._flush() if self._waiting and not self._follows(sound, found) else []
        samples = opus_packets.frame_samples(sound.payload) * len(found)
        if 2 * samples > _PACKED_SAMPLES or opus_packets.is_dtx(sound.payload):
            left.append(self._number(sound.payload, sound.marker, sound.timestamp))
        else:
            left += self._add(sound, found, samples, now)
        return left

    def _flush(self) -> list[Sound]:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return []
        return [self._number(_packed(waiting.toc, waiting.frames), waiting.marker, waiting.timestamp)]

    def _pass(self, sound: Sound) -> list[Sound]:
        if sound.sequence <= self._barrier:
            return []
        self._heard = max(self._heard, sound.sequence)
        number = sound.sequence + self._shift
        self._sent = max(self._sent, number)
        if not self._shift:
            return [sound]
        return [Sound(sound.payload, sound.marker, number, sound.timestamp)]

    def _follows(self, sound: Sound, found: tuple[bytes, ...]) -> bool:
        waiting = self._waiting
        assert waiting is not None
        return (
            (waiting.timestamp + waiting.samples) & 0xFFFFFFFF == sound.timestamp
            and sound.payload[0] & 0xFC == waiting.toc
            and waiting.samples + opus_packets.frame_samples(sound.payload) * len(found) <= _PACKED_SAMPLES
            and waiting.bytes + _bytes_of(found) + 2 <= self._largest
            and not opus_packets.is_dtx(sound.payload)
        )

    def _add(self, sound: Sound, found: tuple[bytes, ...], samples: int, now: float) -> list[Sound]:
        waiting = self._waiting
        if waiting is None:
            waiting = self._waiting = _Waiting(
                [], sound.payload[0] & 0xFC, 0, 0, sound.marker, sound.timestamp, now
            )
        waiting.frames += found
        waiting.samples += samples
        waiting.bytes += _bytes_of(found)
        return self._flush() if waiting.samples + samples > _PACKED_SAMPLES else []

    def _number(self, payload: bytes, marker: bool, timestamp: int) -> Sound:
        self._sent += 1
        return Sound(payload, marker, self._sent, timestamp)


def _bytes_of(frames: tuple[bytes, ...]) -> int:
    """Return what frames take in a packet, their lengths included."""
    return sum(map(len, frames)) + 2 * len(frames)


def _packed(toc: int, frames: list[bytes]) -> bytes:
    """Write one packet of `frames`; constant size needs no lengths."""
    if len(frames) == 1:
        return bytes((toc,)) + frames[0]
    if all(len(frame) == len(frames[0]) for frame in frames):
        return bytes((toc | _CODE_THREE, len(frames))) + b"".join(frames)
    sizes = b"".join(opus_packets.size_bytes(len(frame)) for frame in frames[:-1])
    return bytes((toc | _CODE_THREE, _VARIABLE | len(frames))) + sizes + b"".join(frames)
