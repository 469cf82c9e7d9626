"""What talkers say: sound with the spectrum and rhythm of speech, and its packets as browsers send them."""

import numpy as np

from fedispace.media.live import rtp
from fedispace.media.live.opus import FRAME, RATE, Encoder


def speech(seconds: int, seed: int) -> bytes:
    """Noise shaped as a voice is: harmonics that glide, formants that move, syllables and pauses."""
    rng = np.random.default_rng(seed)
    count = seconds * RATE
    pitch = np.interp(np.arange(count), np.linspace(0, count, 4 * seconds), rng.uniform(90, 240, 4 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(n * phase) / n for n in range(1, 20)) + 0.05 * rng.standard_normal(count)
    syllables = np.interp(
        np.arange(count), np.linspace(0, count, 8 * seconds), rng.choice([0.02, 0.5, 1.0], 8 * seconds)
    )
    sound: bytes = (3000 * voice * syllables).astype(np.int16).tobytes()
    return sound


def packets(seconds: int, seed: int) -> list[rtp.Packet]:
    """Encode that and number it."""
    encoder, sound = Encoder(loss_percent=10), speech(seconds, seed)
    return [
        rtp.Packet(
            111,
            False,
            number & 0xFFFF,
            number * FRAME,
            seed + 1,
            20,
            encoder.encode(sound[at : at + 2 * FRAME]),
        )
        for number, at in enumerate(range(0, len(sound), 2 * FRAME))
    ]
