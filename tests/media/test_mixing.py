"""The sum of voices: exact while it fits, never over the edge, and without pumping when it does not."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fedispace.media.live import mixing
from fedispace.media.live.mixing import FRAME, FULL, crossfaded

RATE = 48_000
Samples = NDArray[np.int16]


class Limiter(mixing.Limiter):
    """The limiter, for samples of 16 bits, which its own hold exactly."""

    def of(self, *frames: Samples) -> NDArray[np.float32]:
        return self.mix(np.stack(frames).astype(np.float32) / np.float32(FULL)) * np.float32(FULL)


def _tone(frequency: float, loudness: float, frames: int = 100, phase: float = 0.0) -> Samples:
    at = np.arange(frames * FRAME) / RATE
    return (loudness * np.sin(2 * np.pi * frequency * at + phase)).astype(np.int16)


def _mixed(limiter: Limiter, *voices: Samples) -> NDArray[np.float32]:
    pieces = [
        limiter.of(*[voice[at : at + FRAME] for voice in voices]) for at in range(0, len(voices[0]), FRAME)
    ]
    return np.concatenate(pieces)


def test_one_voice_comes_out_bit_for_bit() -> None:
    voice = _tone(440, 32_767)
    assert np.array_equal(_mixed(Limiter(), voice), voice)


def test_a_sum_that_fits_is_the_sum() -> None:
    one, other = _tone(440, 16_000), _tone(660, 16_000)
    assert np.array_equal(_mixed(Limiter(), one, other), one + other)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 32_767), min_size=1, max_size=13), st.integers(0, 5))
def test_nothing_ever_wraps_or_sticks_to_the_edge(loudness: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    voices = [(level * rng.uniform(-1, 1, 20 * FRAME)).astype(np.int16) for level in loudness]
    mixed = _mixed(Limiter(), *voices)
    exact = np.sum([voice.astype(int) for voice in voices], axis=0)
    assert np.abs(mixed).max() <= 32_767
    if np.abs(exact).max() > 32_767:
        assert np.abs(mixed[FRAME:]).max() < 32_767, "bent, not cut"
    agree = np.sign(mixed) * np.sign(exact)
    assert (agree >= 0).all(), "no sample changes its sign"


def test_thirteen_at_full_loudness_keep_their_shares() -> None:
    frequencies = [200 + 110 * number for number in range(13)]
    mixed = _mixed(Limiter(), *[_tone(f, 32_000, phase=f) for f in frequencies])[RATE // 2 :]
    spectrum = np.abs(np.fft.rfft(mixed * np.hanning(len(mixed)))) * 4 / len(mixed)
    bins = [int(f * len(mixed) / RATE) for f in frequencies]
    found = [spectrum[b - 3 : b + 4].max() for b in bins]
    assert min(found) > 0.8 * max(found)
    elsewhere = np.delete(spectrum, [b + d for b in bins for d in range(-6, 7)])
    assert elsewhere.max() < 0.03 * max(found), "turned down, not distorted"


def test_the_gain_rises_slowly_and_returns_to_exactly_one() -> None:
    limiter, quiet, loud = Limiter(), _tone(440, 8000, 1), _tone(660, 32_000, 1)
    limiter.of(loud, loud, loud)
    gains = []
    for _ in range(150):
        limiter.of(quiet)
        gains.append(limiter.gain)
    steps = [after / before for before, after in itertools.pairwise(gains)]
    assert max(steps) < 10 ** (0.15 / 20), "0.15 dB in 20 ms"
    assert gains[-1] == 1.0
    assert np.array_equal(limiter.of(quiet), quiet)


def test_a_loud_syllable_does_not_make_the_others_jump() -> None:
    limiter, voice = Limiter(), _tone(440, 8000, 50)
    syllable = np.concatenate([_tone(150, 32_000, 5)] * 2)
    levels = []
    for number in range(50):
        frames = [voice[number * FRAME : (number + 1) * FRAME]]
        if 20 <= number < 30:
            frames += [syllable[(number - 20) * FRAME : (number - 19) * FRAME]] * 2
        mixed = limiter.of(*frames)
        spectrum = np.abs(np.fft.rfft(mixed * np.hanning(FRAME)))
        levels.append(20 * np.log10(spectrum[8:11].max()))
    after = levels[31:]
    assert max(b - a for a, b in itertools.pairwise(after)) < 0.5, "no pumping"


def test_a_cut_leaves_no_click() -> None:
    sound = _tone(440, 12_000, 3).astype(np.float32)
    cut = crossfaded(sound, FRAME)
    assert len(cut) == len(sound) - FRAME
    steps = np.abs(np.diff(cut))
    assert steps.max() <= 1.5 * np.abs(np.diff(sound)).max()


def test_what_is_no_sound_at_all_harms_nobody_else() -> None:
    voice = _tone(440, 8000, 1).astype(np.float32) / np.float32(FULL)
    for junk in (np.nan, np.inf, -np.inf, 1e9, -1e9):
        limiter, noise = Limiter(), np.full(FRAME, junk, dtype=np.float32)
        mixed = limiter.mix(np.stack([voice, noise]))

        assert np.isfinite(mixed).all()
        assert np.abs(mixed).max() <= 1
        assert limiter.gain > 0.4, "as loud as anybody, not louder"
        assert np.array_equal(Limiter().mix(np.stack([voice])), voice)
