"""Talkers decoded, added up and encoded again: all are heard, none hurts another."""

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from fedispace.media.live import opus, opus_packets
from fedispace.media.live.mixer import Mixer
from fedispace.media.live.opus import FRAME, Encoder
from fedispace.media.live.programme import Heard, MixerCounts
from tests.media.hearing import purity
from tests.media.talking import Arrival, arrivals, decoded_payloads, joined, packets_of, strength, tone

RATE = 48_000


def _mixed(
    streams: list[list[Arrival]], seconds: float, counts: MixerCounts | None = None
) -> NDArray[np.float64]:
    """Mix the streams and decode the result."""
    mixer = Mixer(counts or MixerCounts())
    waiting = sorted((arrival for stream in streams for arrival in stream), key=lambda arrival: arrival.at)
    payloads: list[bytes | None] = []
    for number in range(int(seconds * 50)):
        now = 0.013 + number * 0.02
        while waiting and waiting[0].at <= now:
            arrival = waiting.pop(0)
            if arrival.publisher in mixer:
                mixer.hear(arrival.publisher, arrival.packet, arrival.at)
            else:
                mixer.join(arrival.publisher, [Heard(arrival.packet, arrival.at)], None)
        payloads.append(mixer.tick(now))
    return decoded_payloads(payloads)


def test_everybody_is_heard_at_once() -> None:
    streams = [arrivals(str(f), packets_of(tone(f, 3))) for f in (440, 660, 880)]
    heard = _mixed(streams, 3)[RATE:]
    for frequency in (440, 660, 880):
        assert strength(heard, frequency) > 8000
    assert strength(heard, 550) < 400


def test_thirteen_at_once_are_all_heard() -> None:
    frequencies = [300 + 130 * number for number in range(13)]
    streams = [arrivals(str(f), packets_of(tone(f, 3, loudness=6000))) for f in frequencies]
    heard = _mixed(streams, 3)[RATE:]
    strengths = [strength(heard, f) for f in frequencies]
    assert min(strengths) > 0.4 * max(strengths)
    assert np.abs(heard).max() < 32_767


def test_a_talker_alone_keeps_his_loudness() -> None:
    heard = _mixed([arrivals("a", packets_of(tone(440, 3)))], 3)[RATE:]
    assert 11_000 < strength(heard, 440) < 13_000


def test_who_leaves_is_silent_from_the_next_packet_on() -> None:
    mixer = Mixer(MixerCounts())
    streams = [arrivals(str(f), packets_of(tone(f, 2))) for f in (440, 660)]
    payloads = []
    for number, (a, b) in enumerate(zip(*streams, strict=True)):
        for arrival in (a, b):
            if arrival.publisher in mixer:
                mixer.hear(arrival.publisher, arrival.packet, arrival.at)
            elif number == 0:
                mixer.join(arrival.publisher, [Heard(arrival.packet, arrival.at)], None)
        if number == 50:
            mixer.leave("660")
        payloads.append(mixer.tick(a.at + 0.013))
    heard = decoded_payloads(payloads)
    assert strength(heard[RATE // 2 : RATE - FRAME], 660) > 8000
    assert strength(heard[RATE + 3 * FRAME :], 660) < 300
    assert strength(heard[RATE + 3 * FRAME :], 440) > 8000


@pytest.mark.attack(102)
def test_what_cannot_be_decoded_is_dropped_and_the_others_play_on() -> None:
    rng = random.Random(1)
    junk: list[bytes | None] = [rng.randbytes(rng.randrange(1, 200)) for _ in range(140)]
    junk += [bytes((31 << 3 | 3, 6)) + rng.randbytes(600), b"\0", bytes((31 << 3 | 3, 0))] * 3
    counts = MixerCounts()
    good = arrivals("good", packets_of(tone(440, 3)))
    bad = [a for a in arrivals("bad", junk) if a.packet.payload]
    heard = _mixed([good, bad], 3, counts)
    assert counts.undecodable > 20
    assert len(heard) >= 2.9 * RATE
    alone = _mixed([good, []], 3)
    assert strength(alone[RATE:], 440) > 8000


@pytest.mark.parametrize("count", [2, 3, 6])
def test_longer_packets_are_mixed(count: int) -> None:
    singles = packets_of(tone(660, 3), bitrate=24_000)
    long = [joined(singles[at : at + count]) for at in range(0, len(singles) - count + 1, count)]
    assert opus_packets.duration(long[0]) == count * FRAME
    heard = _mixed([arrivals("long", long), arrivals("a", packets_of(tone(440, 3)))], 3)[RATE:]
    assert strength(heard, 660) > 8000
    assert strength(heard, 440) > 8000


@pytest.mark.parametrize("samples", [120, 240, 480])
def test_shorter_packets_are_mixed(samples: int) -> None:
    encoder, sound = Encoder(), np.frombuffer(tone(660, 3), dtype=np.int16)
    packet = opus.ffi.new("unsigned char[]", 500)
    short: list[bytes] = []
    for at in range(0, len(sound), samples):
        piece = opus.ffi.from_buffer("int16_t[]", sound[at : at + samples].tobytes())
        size = opus.library().opus_encode(encoder._state, piece, samples, packet, 500)
        short.append(bytes(opus.ffi.buffer(packet, size)))
    assert opus_packets.duration(short[0]) == samples
    heard = _mixed([arrivals("short", short), arrivals("a", packets_of(tone(440, 3)))], 3)[RATE:]
    assert strength(heard, 660) > 8000
    assert strength(heard, 440) > 8000


def test_a_stereo_talker_is_heard_as_the_middle() -> None:
    sound = np.frombuffer(tone(660, 3), dtype=np.int16)
    encoder = Encoder(channels=2, bitrate=64_000)
    both = np.stack([sound, sound], axis=1)
    packets = [encoder.encode(both[at : at + FRAME].tobytes()) for at in range(0, len(sound), FRAME)]
    heard = _mixed([arrivals("stereo", packets), arrivals("a", packets_of(tone(440, 3)))], 3)[RATE:]
    assert strength(heard, 660) > 8000
    assert strength(heard, 440) > 8000


@pytest.mark.parametrize(("percent", "least"), [(5, 0.97), (10, 0.95), (20, 0.9)])
def test_losses_are_repaired_or_concealed(percent: int, least: float) -> None:
    """The measure: correlation of the energy in 20 ms windows with that of the same run unharmed."""
    rng = random.Random(percent)
    at = np.arange(6 * RATE) / RATE
    swell = (np.sin(2 * np.pi * 220 * at) * 9000 * (0.55 + 0.45 * np.sin(2 * np.pi * 2.5 * at))).astype(
        np.int16
    )
    packets = packets_of(swell.tobytes(), loss_percent=20)
    holed: list[bytes | None] = [
        None if n > 5 and rng.random() < percent / 100 else p for n, p in enumerate(packets)
    ]
    counts = MixerCounts()
    whole = _mixed([arrivals("a", packets)], 6)
    hurt = _mixed([arrivals("a", holed)], 6, counts)
    assert counts.repaired > 0.4 * (counts.repaired + counts.concealed)
    assert _likeness(whole, hurt) > least


@pytest.mark.parametrize("clock", [0.998, 1.002])
def test_a_clock_that_is_off_is_corrected_inaudibly(clock: float) -> None:
    """Ten times what is usual: a correction of 20 ms every ten seconds."""
    counts = MixerCounts()
    heard = _mixed([arrivals("a", packets_of(tone(440, 60)), clock=clock)], 58, counts)
    assert counts.concealed <= 8
    pieces = heard[RATE : RATE * 57].reshape(-1, RATE // 2)
    purities = sorted(purity(piece, RATE, 440) for piece in pieces)
    assert purities[0] > 0.8
    assert sum(p < 0.98 for p in purities) <= 16, "heard nowhere else than at the corrections"
    assert min(strength(piece, 440) for piece in pieces) > 8000, "nothing is missing"


def test_a_mixer_that_nobody_talks_to_falls_silent() -> None:
    mixer = Mixer(MixerCounts())
    payloads = [mixer.tick(number * 0.02) for number in range(100)]
    assert payloads[-1] is None
    assert sum(payload is not None for payload in payloads) <= 30


def _likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    size = min(len(one), len(other)) // FRAME * FRAME
    energies = [np.sqrt((x[:size].reshape(-1, FRAME) ** 2).mean(axis=1)) for x in (one, other)]
    return max(
        float(np.corrcoef(energies[0][10:-10], np.roll(energies[1], s)[10:-10])[0, 1]) for s in range(-6, 7)
    )
