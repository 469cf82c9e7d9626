"""From the mouth to the ear: how long after it was said a sound can be played, through the programme.

A talker says noise in syllables while another hums quietly, so that the mixer is at work; a listener
decodes what comes. A frame of 20 ms leaves the talker when its last sample was said; what a packet
carries can be played when it is there. The listener's sound, each packet placed at the moment it came,
is compared with what was said, by correlation of a second at a time: the best lag is the delay. Both
codecs' own delay is in it, a listener's jitter buffer and sound card are not.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.forwarding_fedispace import Fedispace
from bench.forwarding_peer import Peer
from fedispace.media.live.opus import FRAME, RATE, Decoder, Encoder

_HEADER = 12
_EXTENDED = 0x10
_DECIMATE = 8
_CONSENT_EVERY = 100


async def measure(host: str, seconds: int) -> dict[str, float]:
    """Return the delay in ms: the median, the longest, and how alike the sounds were."""
    with tempfile.TemporaryDirectory() as folder:
        server = Fedispace(host, Path(folder))
        await server.start()
        talker, other, listener = Peer(host), Peer(host), Peer(host)
        try:
            await server.publish(talker)
            await server.publish(other)
            await server.subscribe(listener)
            listener.stamp()
            said, began, heard = await _talk(talker, other, listener, seconds)
        finally:
            await server.stop()
            for peer in (talker, other, listener):
                peer.close()
    return _compare(said, began, heard)


def _noise(seconds: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    count = seconds * RATE
    syllables = np.interp(
        np.arange(count), np.linspace(0, count, 9 * seconds), rng.uniform(0.1, 1, 9 * seconds)
    )
    smooth = np.convolve(rng.standard_normal(count), np.ones(96) / 48, mode="same")
    return (20_000 * smooth * syllables).astype(np.int16)


async def _talk(
    talker: Peer, other: Peer, listener: Peer, seconds: int
) -> tuple[np.ndarray, float, list[tuple[float, bytes]]]:
    said = _noise(seconds)
    hum = (600 * np.sin(np.arange(FRAME) * 2 * np.pi * 150 / RATE)).astype(np.int16).tobytes()
    voice, humming = Encoder(), Encoder()
    heard: list[tuple[float, bytes]] = []
    began = time.time()
    for number in range(seconds * 50):
        frame = said[number * FRAME : (number + 1) * FRAME].tobytes()
        packet, quiet = voice.encode(frame), humming.encode(hum)
        await asyncio.sleep(max(0.0, began + (number + 1) * FRAME / RATE - time.time()))
        talker.speak(packet)
        other.speak(quiet, level=40)
        heard += listener.hear()
        if number % _CONSENT_EVERY == 0:
            for peer in (talker, other, listener):
                peer.keep_alive()
    return said, began, heard


def _compare(said: np.ndarray, began: float, heard: list[tuple[float, bytes]]) -> dict[str, float]:
    decoder = Decoder()
    sound = np.zeros(len(said) + RATE, dtype=np.float32)
    for came, packet in sorted(heard, key=lambda entry: entry[1][2:4]):
        start = _HEADER + 4 * (packet[0] & 0x0F)
        if packet[0] & _EXTENDED:
            start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
        samples = np.frombuffer(decoder.decode(packet[start:]), dtype=np.int16)
        at = int((came - began) * RATE)
        sound[at : at + len(samples)] = samples[: max(0, len(sound) - at)]
    lags: list[float] = []
    alike: list[float] = []
    source, copy = said[::_DECIMATE].astype(np.float32), sound[::_DECIMATE]
    rate, reach = RATE // _DECIMATE, RATE // _DECIMATE // 2
    for second in range(2, len(said) // RATE - 1):
        window = source[second * rate : (second + 1) * rate]
        there = copy[second * rate : (second + 1) * rate + reach]
        likeness = np.correlate(there, window, mode="valid")
        lag = int(likeness.argmax())
        matched = there[lag : lag + rate]
        lags.append(1000 * lag / rate)
        scale = float(np.linalg.norm(matched) * np.linalg.norm(window)) or 1.0
        alike.append(float(likeness[lag]) / scale)
    return {
        "delay_ms_median": float(np.median(lags)),
        "delay_ms_longest": max(lags),
        "likeness_median": float(np.median(alike)),
    }
