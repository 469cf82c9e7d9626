"""Several voices in one: the sum, and a limiter that keeps it inside the range of samples, -1 to 1.

While the sum fits, nothing is touched: one voice comes out as it went in, bit for bit. When it does
not, the whole frame is turned down, over its first 5 ms and just enough; what still sticks out in
those 5 ms is bent, not cut. It is turned up again slowly, 6 dB a second at most, because a level that
jumps up between words is heard as pumping, and one that jumps down is not heard at all.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

FRAME = 960
FULL = 32_768
"""What 1 is in samples of 16 bits."""
_PEAK = 32_767 / FULL
_CEILING = 30_000 / FULL
_KNEE = 26_000 / FULL
_ATTACK = 240
_RISE = 10 ** (6 / 20 / 50)
_STEPS = np.linspace(0.0, 1.0, _ATTACK, dtype=np.float32)


class Limiter:
    """Adds frames of 20 ms up into `sum`; remembers how far it is turned down."""

    def __init__(self) -> None:
        self.sum: Samples = np.zeros(FRAME, dtype=np.float32)
        self.gain = 1.0

    def mix(self, frames: Samples) -> Samples:
        """Add up the rows of `frames`; return `sum`, which is overwritten by the next call."""
        total = self.sum
        np.add.reduce(frames, axis=0, out=total)
        peak = _peak_of(total)
        if not peak <= _PEAK:
            # What a decoder makes of junk may be a thousand times too loud, or no number at all.
            np.fmax(frames, -1, out=frames)
            np.fmin(frames, 1, out=frames)
            np.add.reduce(frames, axis=0, out=total)
            peak = _peak_of(total)
        if peak > _PEAK:
            self._turn(total, _CEILING / peak)
        elif self.gain != 1.0:
            self._turn(total, 1.0)
        return total

    def _turn(self, total: Samples, wanted: float) -> None:
        before = self.gain
        self.gain = min(wanted, 1.0, before * _RISE)
        total[_ATTACK:] *= self.gain
        total[:_ATTACK] *= before + (self.gain - before) * _STEPS
        if float(np.abs(total).max()) > _CEILING:
            total[:] = _bent(total)


def _peak_of(sound: Samples) -> float:
    # Not sound.max(), which is a function in Python around this one.
    return max(float(np.maximum.reduce(sound)), -float(np.minimum.reduce(sound)))


def crossfaded(sound: Samples, cut: int) -> Samples:
    """Leave `cut` samples out of the beginning of `sound`, sliding over them."""
    half = cut // 2
    slope = np.linspace(0.0, 1.0, half, dtype=np.float32)
    joint = sound[:half] * (1 - slope) + sound[cut : cut + half] * slope
    return np.concatenate([joint, sound[cut + half :]])


def _bent(sound: Samples) -> Samples:
    """Bend what is above the knee towards a ceiling that it never reaches."""
    room = np.float32(_PEAK - 1 / FULL - _KNEE)
    over = np.abs(sound) - _KNEE
    bent = np.copysign(_KNEE + room * np.tanh(np.maximum(over, 0) / room), sound)
    return np.where(over > 0, bent, sound)
