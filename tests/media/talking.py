"""Talkers, a network and a listener in virtual time: packets as a browser would send them, delivered
when the test says, and the programme decoded as a browser would play it."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fedispace.media.live import opus_packets, rtp
from fedispace.media.live.mixer import Mixer
from fedispace.media.live.opus import FRAME, Decoder, Encoder
from fedispace.media.live.programme import MixerCounts, Programme
from fedispace.media.live.repacketizer import Sound

RATE = 48_000
LOUD, SILENT = 20, 127


def tone(frequency: float, seconds: float, *, loudness: float = 12_000) -> bytes:
    """Return a tone, 16 bits, one channel."""
    at = np.arange(int(seconds * RATE)) / RATE
    return (loudness * np.sin(2 * np.pi * frequency * at)).astype(np.int16).tobytes()


def packets_of(sound: bytes, *, loss_percent: int = 0, bitrate: int = 32_000) -> list[bytes]:
    """Encode `sound` in packets of 20 ms."""
    encoder = Encoder(loss_percent=loss_percent, bitrate=bitrate)
    size = 2 * FRAME
    return [encoder.encode(sound[at : at + size]) for at in range(0, len(sound) - size + 1, size)]


def joined(payloads: list[bytes]) -> bytes:
    """Write some packets as one, of code 3."""
    head = bytes((payloads[0][0] | 3, 0x80 | len(payloads)))
    frames = [payload[1:] for payload in payloads]
    return head + b"".join(opus_packets.size_bytes(len(frame)) for frame in frames[:-1]) + b"".join(frames)


@dataclass
class Arrival:
    """A publisher's packet, and when it comes."""

    at: float
    publisher: str
    packet: rtp.Packet


def arrivals(
    publisher: str,
    payloads: Iterable[bytes | None],
    *,
    start: float = 0.0,
    level: int | Callable[[int], int] = LOUD,
    delay: Callable[[int], float] = lambda number: 0.0,
    clock: float = 1.0,
    first: int = 100,
) -> list[Arrival]:
    """Send `payloads` in real time from `start`; None is lost. `clock` is how fast his goes."""
    found: list[Arrival] = []
    timestamp, ssrc = first * 1000, sum(map(ord, publisher))
    for number, payload in enumerate(payloads):
        samples = (payload and opus_packets.duration(payload)) or FRAME
        if payload is not None:
            packet = rtp.Packet(
                payload_type=111,
                marker=number == 0,
                sequence=(first + number) & 0xFFFF,
                timestamp=timestamp & 0xFFFFFFFF,
                ssrc=ssrc,
                level=level(number) if callable(level) else level,
                payload=payload,
            )
            sent = start + (timestamp - first * 1000) / RATE / clock
            found.append(Arrival(sent + delay(number), publisher, packet))
        timestamp += samples
    return found


class MixersAtHand:
    """Mixers without the wait for their library."""

    def __init__(self) -> None:
        self.counts = MixerCounts()
        self.wished = False

    def wish(self) -> None:
        self.wished = True

    def make(self) -> Mixer:
        return Mixer(self.counts)


@dataclass
class Show:
    """A room in virtual time."""

    mixers: MixersAtHand = field(default_factory=MixersAtHand)
    sent: list[tuple[float, Sound]] = field(default_factory=list)
    modes: list[tuple[float, bool]] = field(default_factory=list)
    stall: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        self.programme = Programme(self.mixers, is_heard=lambda: True)

    def play(
        self, *streams: list[Arrival], until: float, actions: dict[float, Callable[[], None]] | None = None
    ) -> None:
        """Let it all happen, in order."""
        events: list[tuple[float, int, Callable[[], None] | Arrival]] = []
        numbers = itertools.count()
        for arrival in itertools.chain.from_iterable(streams):
            events.append((arrival.at, next(numbers), arrival))
        for at, action in (actions or {}).items():
            events.append((at, next(numbers), action))
        for due, _, event in sorted(events, key=lambda entry: entry[:2]):
            if due > until:
                break
            at = self._awake(due)
            self._tick_until(at)
            if isinstance(event, Arrival):
                sound = self.programme.hear(event.publisher, event.packet, at)
                if sound is not None:
                    self.sent.append((at, sound))
            else:
                event()
            self._note(at)
        self._tick_until(until)

    def _awake(self, at: float) -> float:
        """While the process stalls nothing happens; all of it happens then."""
        return self.stall[1] if self.stall[0] <= at < self.stall[1] else at

    def _tick_until(self, until: float) -> None:
        for _ in range(100_000):
            due = self.programme.next_tick
            if due is None or (at := self._awake(due)) > until:
                return
            self.sent += [(at, sound) for sound in self.programme.tick(at)]
            self._note(at)
        raise AssertionError("the ticks do not end")

    def _note(self, at: float) -> None:
        mixing = self.programme.is_mixing
        if mixing != (self.modes[-1][1] if self.modes else False):
            self.modes.append((at, mixing))

    def heard(self, since: float = 0.0, until: float = float("inf")) -> NDArray[np.float64]:
        """Decode what was sent in a time, packet after packet, gaps concealed."""
        return decoded([sound for at, sound in self.sent if since <= at < until])


def decoded(sounds: list[Sound]) -> NDArray[np.float64]:
    """Play packets by their timestamps."""
    decoder, parts, position = Decoder(), [], None
    for sound in sounds:
        if position is not None:
            gap = (sound.timestamp - position) & 0xFFFFFFFF
            assert gap < 60 * RATE, "timestamps go forward"
            while gap >= FRAME:
                parts.append(decoder.conceal() if gap <= 3 * FRAME else bytes(2 * FRAME))
                gap -= FRAME
        parts.append(decoder.decode(sound.payload))
        position = (sound.timestamp + (opus_packets.duration(sound.payload) or 0)) & 0xFFFFFFFF
    return np.frombuffer(b"".join(parts), dtype=np.int16).astype(np.float64)


def decoded_payloads(payloads: Iterable[bytes | None]) -> NDArray[np.float64]:
    """Decode a packet every 20 ms; None is 20 ms of silence."""
    decoder = Decoder()
    parts = [bytes(2 * FRAME) if payload is None else decoder.decode(payload) for payload in payloads]
    return np.frombuffer(b"".join(parts), dtype=np.int16).astype(np.float64)


def strength(sound: NDArray[np.float64], frequency: float) -> float:
    """Return the amplitude of a tone in `sound`."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) * 4 / len(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    near = np.abs(frequencies - frequency) < max(6.0, 3 * RATE / len(sound))
    return float(spectrum[near].max())
