"""Is what was heard what was said? Measures that a codec, a delay and a jitter buffer do not fool.

Samples cannot be compared after Opus: phases differ, the jitter buffer stretches pauses, two
resamplers lie between. What survives is how loud each band of the ear is from moment to moment. So
both sounds become band envelopes, a hundred columns a second; each second of speech is sought in
what was heard, and the measure is how well the typical second is found: above 0.9 for speech that
came through, about 0.45 for other words of the same voice, near 0 for noise.
"""

import itertools
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

_RATE = 16_000
_WINDOW = 512
_HOP = 160
_BANDS = 18
_SECOND = 100


def read_wav(path: Path) -> tuple[Samples, int]:
    """Return the first channel of a 16-bit WAV file, and its rate."""
    with wave.open(str(path), "rb") as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return np.array(raw[:: file.getnchannels()], dtype=np.float64), file.getframerate()


def likeness(said: Samples, said_rate: int, heard: Samples, heard_rate: int) -> float:
    """Return how much of `heard` can be found in `said`: 1 all of it, below 0.6 if unrelated.

    `heard` may begin anywhere and last shorter; of `said` played in a loop, pass one round.
    """
    whole = _bands(_resampled(said, said_rate))
    whole = np.concatenate([whole, whole[: 2 * _SECOND]])
    part = _bands(_resampled(heard, heard_rate))
    loud = part.mean(axis=1)
    found: list[float] = []
    for start in range(0, len(part) - _SECOND + 1, _SECOND // 2):
        piece = part[start : start + _SECOND]
        if loud[start : start + _SECOND].mean() > 0.5 * loud.mean() > 0:
            found.append(_best_match(piece, whole))
    return float(np.median(found)) if found else 0.0


def main_frequency(samples: Samples, rate: int) -> float:
    """Return the strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    spectrum[:2] = 0
    return float(np.argmax(spectrum) * rate / len(samples))


def purity(samples: Samples, rate: int, frequency: float) -> float:
    """Return the share of the energy that lies within 3 % of `frequency`."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    near = np.abs(frequencies - frequency) < 0.03 * frequency
    return float(spectrum[near].sum() / max(spectrum.sum(), 1e-9))


def _resampled(samples: Samples, rate: int) -> Samples:
    """Return `samples` at 16 kHz; averages first, so that what is above 8 kHz does not fold down."""
    if rate == _RATE:
        return samples
    width = max(1, round(rate / _RATE))
    smooth = np.convolve(samples, np.ones(width) / width, mode="same")
    at = np.arange(0, len(smooth) - 1, rate / _RATE)
    return np.asarray(np.interp(at, np.arange(len(smooth)), smooth), dtype=np.float64)


def _bands(samples: Samples) -> Samples:
    """Return loudness over time in bands spaced as the ear's are."""
    count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
    if count == 0:
        return np.zeros((0, _BANDS))
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / _RATE)
    edges = 700 * (np.exp(np.linspace(np.log1p(120 / 700), np.log1p(6000 / 700), _BANDS + 1)) - 1)
    columns = [
        power[:, (frequencies >= low) & (frequencies < high)].sum(axis=1)
        for low, high in itertools.pairwise(edges)
    ]
    table = np.stack(columns, axis=1)
    floor = max(float(table.max()) * 1e-6, 1.0)
    return np.asarray(np.log(np.maximum(table, floor) / floor), dtype=np.float64)


def _best_match(piece: Samples, whole: Samples) -> float:
    """Return the highest correlation of `piece` with any stretch of `whole` as long as it is."""
    length = len(piece)
    if len(whole) < length:
        return 0.0
    sought = piece - piece.mean(axis=0)
    weight = float(np.sqrt((sought**2).sum()))
    best = 0.0
    for start in range(len(whole) - length + 1):
        stretch = whole[start : start + length]
        against = stretch - stretch.mean(axis=0)
        scale = weight * float(np.sqrt((against**2).sum()))
        if scale > 0:
            best = max(best, float((sought * against).sum()) / scale)
    return best


def over_the_floor(samples: Samples, rate: int, frequency: float) -> float:
    """Return by how many dB a tone stands out of what is heard beside it.

    The floor is the median of the energies of bands as wide as the tone's, from 200 to 4,000 Hz: other
    tones do not raise it, noise and clicks do. It is at least 50 dB below all that is heard: what a codec
    smears beside a lone tone is no other tone.
    """
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    half = 10.0

    def energy(middle: float) -> float:
        return float(power[np.abs(frequencies - middle) < half].sum())

    beside = float(np.median([energy(middle) for middle in np.arange(200, 4000, 2 * half)]))
    floor = max(beside, 1e-5 * float(power.sum()))
    return float(10 * np.log10((energy(frequency) + 1e-9) / (floor + 1e-9)))


def energy_correlation(said: Samples, said_rate: int, heard: Samples, heard_rate: int) -> float:
    """Return how alike the rise and fall of loudness are: 1 if nothing was lost on the way.

    The loudness of 10 ms after 10 ms, in dB down to 50 below the loudest; each two seconds of what was heard
    are put beside the two seconds of what was said (one round of a loop) that they resemble most, and
    the correlations are averaged.
    """
    whole, part = _loudness(said, said_rate), _loudness(heard, heard_rate)
    whole = np.concatenate([whole, whole[: 2 * _SECOND]])
    around = np.lib.stride_tricks.sliding_window_view(whole, 2 * _SECOND)
    around = around - around.mean(axis=1, keepdims=True)
    scale = np.sqrt((around**2).sum(axis=1)) + 1e-9
    found = []
    for start in range(0, len(part) - 2 * _SECOND + 1, _SECOND):
        piece = part[start : start + 2 * _SECOND]
        piece = piece - piece.mean()
        found.append(float(((around @ piece) / scale).max() / (np.sqrt((piece**2).sum()) + 1e-9)))
    return float(np.mean(found)) if found else 0.0


def _loudness(samples: Samples, rate: int) -> Samples:
    width = rate // _SECOND
    frames = samples[: len(samples) // width * width].reshape(-1, width)
    energy = (frames**2).mean(axis=1)
    floor = max(float(energy.max()) * 1e-5, 1e-9)
    return np.asarray(10 * np.log10(np.maximum(energy, floor) / floor), dtype=np.float64)
