"""Several voices in one: the sum, and a limiter that keeps it inside sixteen bits.

While the sum fits, nothing is touched: one voice comes out as it went in, bit for bit. When it does
not, the whole frame is turned down, over its first 5 ms and just enough; what still sticks out in
those 5 ms is bent, not cut. It is turned up again slowly, 6 dB a second at most, because a level that
jumps up between words is heard as pumping, and one that jumps down is not heard at all.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

FRAME = 960
_PEAK = 32_767
_CEILING = 30_000.0
_KNEE = 26_000.0
_ATTACK = 240
_RISE = 10 ** (6 / 20 / 50)
_STEPS = np.linspace(0.0, 1.0, _ATTACK, dtype=np.float32)


class Limiter:
    """Adds frames of 20 ms up; remembers how far it is turned down."""

    def __init__(self) -> None:
        self._sum = np.zeros(FRAME, dtype=np.int32)
        self.gain = 1.0

    def mix(self, frames: list[Samples]) -> Samples:
        """Return the sum of `frames`."""
        if len(frames) == 1 and self.gain == 1.0:
            return frames[0]
        total = self._sum
        total[:] = 0
        for frame in frames:
            np.add(total, frame, out=total)
        peak = max(int(total.max()), -int(total.min()))
        wanted = 1.0 if peak <= _PEAK else _CEILING / peak
        if wanted == 1.0 and self.gain == 1.0:
            return total.astype(np.int16)
        return self._turned(total, wanted)

    def _turned(self, total: NDArray[np.int32], wanted: float) -> Samples:
        before = self.gain
        risen = min(1.0, before * _RISE)
        self.gain = min(wanted, risen)
        sound = total.astype(np.float32)
        sound[_ATTACK:] *= self.gain
        sound[:_ATTACK] *= before + (self.gain - before) * _STEPS
        if float(np.abs(sound).max()) > _CEILING:
            sound = _bent(sound)
        return sound.astype(np.int16)


def crossfaded(sound: Samples, cut: int) -> Samples:
    """Leave `cut` samples out of the beginning of `sound`, sliding over them."""
    half = cut // 2
    slope = np.linspace(0.0, 1.0, half, dtype=np.float32)
    joint = sound[:half] * (1 - slope) + sound[cut : cut + half] * slope
    return np.concatenate([joint.astype(np.int16), sound[cut + half :]])


def _bent(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bend what is above the knee towards a ceiling that it never reaches."""
    room = _PEAK - 1 - _KNEE
    over = np.abs(sound) - _KNEE
    bent = np.copysign(_KNEE + room * np.tanh(np.maximum(over, 0) / room), sound)
    return np.where(over > 0, bent, sound)
