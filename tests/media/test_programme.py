"""The one stream of a room: forwarded while one speaks, mixed while several do, and never broken."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from fedispace.media.live import opus_packets
from fedispace.media.live.opus import FRAME
from fedispace.media.live.programme import Programme
from tests.media.talking import (
    LOUD,
    SILENT,
    MixersAtHand,
    Show,
    arrivals,
    joined,
    packets_of,
    strength,
    tone,
)

RATE = 48_000


def _during(start: float, end: float) -> Callable[[int], int]:
    """Return the level of one who speaks from `start` to `end`, packet by packet."""
    return lambda number: LOUD if start <= number * 0.02 < end else SILENT


def _turn(frequency: float, start: float, end: float, seconds: float) -> bytes:
    """A tone from `start` to `end`, silence before and after."""
    return (
        bytes(int(start * RATE) * 2)
        + tone(frequency, end - start)
        + bytes(int(seconds * RATE) * 2 - int(end * RATE) * 2)
    )


def _interruption(show: Show) -> None:
    """Anna speaks for ten seconds, Bert from the third to the fifth; then both are quiet for four."""
    anna = arrivals("anna", packets_of(_turn(440, 0, 10, 14)), level=_during(0, 10))
    bert = arrivals("bert", packets_of(_turn(880, 3, 5, 14)), level=_during(3, 5), start=0.007)
    show.play(anna, bert, until=14)


def test_one_voice_is_forwarded_untouched() -> None:
    show = Show()
    payloads = packets_of(tone(440, 3))
    show.play(arrivals("anna", payloads), until=3)
    assert [sound.payload for _, sound in show.sent] == payloads
    assert show.modes == []
    assert not show.mixers.wished, "nothing is loaded for one publisher"


def test_silent_publishers_cost_no_mixing() -> None:
    show = Show()
    others = [arrivals(f"silent {n}", packets_of(bytes(2 * 3 * RATE)), level=SILENT) for n in range(5)]
    show.play(arrivals("anna", packets_of(tone(440, 3))), *others, until=3)
    assert show.modes == []
    assert len(show.sent) == 150


def test_two_who_speak_at_once_are_both_heard() -> None:
    show = Show()
    _interruption(show)
    together = show.heard(3.5, 5)
    assert strength(together, 440) > 8000
    assert strength(together, 880) > 8000
    alone = show.heard(6, 8)
    assert strength(alone, 440) > 8000
    assert strength(alone, 880) < 300


def test_the_mixer_gives_back_when_one_voice_is_left_and_quiet() -> None:
    show = Show()
    _interruption(show)
    (begun, on), (ended, off) = show.modes
    assert on
    assert not off
    assert 3 < begun < 3.2
    assert 10 < ended < 10.5, "at the first quiet moment"


def test_the_mixer_gives_back_in_the_end_when_it_is_never_quiet() -> None:
    show = Show()
    anna = arrivals("anna", packets_of(tone(440, 24)))
    bert = arrivals("bert", packets_of(_turn(880, 2, 4, 24)), level=_during(2, 4))
    show.play(anna, bert, until=24)
    assert [on for _, on in show.modes] == [True, False]
    assert show.modes[1][0] < 18


def test_the_stream_goes_on_through_both_changes() -> None:
    show = Show()
    _interruption(show)
    sounds = [sound for _, sound in show.sent]
    assert {b.sequence - a.sequence for a, b in itertools.pairwise(sounds)} == {1}
    steps = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(sounds)]
    assert min(steps) >= FRAME
    (begun, _), (ended, _) = show.modes
    around = {at: step for (at, _), step in zip(show.sent[1:], steps, strict=True) if abs(at - begun) < 0.2}
    assert set(around.values()) == {FRAME}, "into the mix: nothing is left out"
    gap = max(step for (at, _), step in zip(show.sent[1:], steps, strict=True) if abs(at - ended) < 0.2)
    assert gap <= FRAME + 120 * 48, "out of it: at most what the jitter buffer held, and it was quiet"


def test_timestamps_do_not_drift_from_the_time_however_often_it_changes() -> None:
    show = Show()
    bursts = b"".join(_turn(880, 0, 1, 8) for _ in range(8))
    anna = arrivals(
        "anna",
        packets_of(b"".join(_turn(440, 0, 4, 8) for _ in range(8))),
        level=lambda n: LOUD if n % 400 < 200 else SILENT,
    )
    bert = arrivals("bert", packets_of(bursts), level=lambda n: LOUD if n % 400 < 50 else SILENT, start=0.5)
    show.play(anna, bert, until=64)
    assert len(show.modes) == 16
    first, last = show.sent[0], show.sent[-1]
    passed = ((last[1].timestamp - first[1].timestamp) & 0xFFFFFFFF) / RATE
    assert abs(passed - (last[0] - first[0])) < 0.1


def test_nothing_is_heard_twice_or_left_out_when_the_mix_begins() -> None:
    """A sweep of 1 kHz a second tells, to a few milliseconds, where in the sound we are."""
    show, seconds = Show(), 6
    at = np.arange(seconds * RATE) / RATE
    sweep = (12_000 * np.sin(2 * np.pi * (600 * at + 500 * at**2))).astype(np.int16).tobytes()
    anna = arrivals("anna", packets_of(sweep))
    bert = arrivals("bert", packets_of(_turn(120, 3, 3.5, seconds)), level=_during(3, 3.5), start=0.007)
    show.play(anna, bert, until=5)
    assert [on for _, on in show.modes] == [True]
    heard, window = show.heard(), RATE // 20
    ahead: dict[float, float] = {}
    for start in range(RATE, len(heard) - window, window):
        spectrum = np.abs(np.fft.rfft(heard[start : start + window] * np.hanning(window), 16 * window))
        frequencies = np.fft.rfftfreq(16 * window, 1 / RATE)
        spectrum[frequencies < 400] = 0
        found = float(frequencies[np.argmax(spectrum)])
        ahead[start / RATE] = (found - 600) / 1000 - (start + window / 2) / RATE
    before = [shift for at, shift in ahead.items() if at < 2.9]
    after = [shift for at, shift in ahead.items() if at > 3.8]
    assert max(before) - min(before) < 0.003
    assert max(after) - min(after) < 0.003
    assert abs(np.median(after) - np.median(before)) < 0.008, "6.5 ms are the codec's own delay"


def test_the_change_into_the_mix_does_not_click() -> None:
    show = Show()
    _interruption(show)
    begun = show.modes[0][0]
    heard = show.heard(begun - 1, begun + 0.5)
    steps = np.abs(np.diff(heard))
    tone_alone = np.abs(np.diff(show.heard(1, 2)))
    bert_too = 2 * np.pi * 880 / RATE * 13_000
    assert steps.max() < tone_alone.max() + bert_too + 1500


def test_what_somebody_says_first_is_not_lost() -> None:
    show = Show()
    _interruption(show)
    heard = show.heard(2, 5)
    windows = heard[: len(heard) // 480 * 480].reshape(-1, 480)
    spectra = np.abs(np.fft.rfft(windows * np.hanning(480), axis=1))[:, 8:10].max(axis=1)
    onset = int(np.argmax(spectra > 0.3 * spectra.max())) * 0.01 + 2
    assert 3.0 <= onset <= 3.16, "heard from his first syllable, a little later"


_MANY_TONES = {f"talker {number}": 400 + 150 * number for number in range(9)}


def test_nine_who_begin_in_the_same_moment_are_all_heard_and_from_their_first_words() -> None:
    show = Show()
    show.play(
        *[arrivals(name, packets_of(tone(f, 3, loudness=3000))) for name, f in _MANY_TONES.items()], until=3
    )
    begun = show.modes[0][0]
    first, later = show.heard(begun, begun + 0.5), show.heard(1, 3)
    for frequency in _MANY_TONES.values():
        assert strength(later, frequency) > 1800
        assert strength(first[len(first) // 2 :], frequency) > 1500
    assert show.mixers.counts.concealed == 0


def test_where_many_talk_two_packets_are_made_at_a_time_and_the_stream_is_whole() -> None:
    show = Show()
    streams = [
        arrivals(
            name,
            packets_of(tone(f, 8, loudness=3000)),
            start=0.001 * f % 0.02,
            level=_during(0, 8 if f < 600 else 4),
        )
        for name, f in _MANY_TONES.items()
    ]
    show.play(*streams, until=8)
    assert {b.sequence - a.sequence for (_, a), (_, b) in itertools.pairwise(show.sent)} == {1}
    many = [at for at, _ in show.sent if 1 < at < 4]
    assert len(set(many)) == pytest.approx(len(many) / 2, abs=1)
    few = [at for at, _ in show.sent if 7 < at < 8]
    assert len(set(few)) == len(few), "two voices are not worth the wait"
    timestamps = [sound.timestamp for at, sound in show.sent if 1 < at < 8]
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(timestamps)} == {FRAME}


def test_what_waited_of_somebody_who_is_silenced_does_not_bring_him_back() -> None:
    show = Show()
    streams = [arrivals(name, packets_of(tone(f, 4, loudness=3000))) for name, f in _MANY_TONES.items()]
    streams[4], his_last = streams[4][:100], streams[4][100:103]
    silenced, programme = "talker 4", show.programme

    def silence() -> None:
        for late in his_last:
            programme.hear(silenced, late.packet, 2.0)
        programme.leave(silenced)

    show.play(*streams, until=3, actions={2.0: silence})
    assert strength(show.heard(1, 2), 1000) > 1800
    assert strength(show.heard(2.0, 2.3)[FRAME:], 1000) < 500
    assert strength(show.heard(2.5, 3), 850) > 1800


def test_who_is_silenced_is_out_of_the_mix_at_once() -> None:
    show = Show()
    anna = arrivals("anna", packets_of(tone(440, 6)))
    bert = arrivals("bert", packets_of(tone(880, 6)), start=0.007)
    bert = [arrival for arrival in bert if arrival.at < 3]
    show.play(anna, bert, until=6, actions={3.0: lambda: show.programme.leave("bert")})
    assert strength(show.heard(2, 2.95), 880) > 8000
    after = show.heard(3.0, 4)
    assert strength(after[2 * FRAME :], 880) < 300
    assert strength(after, 440) > 8000


def test_when_all_have_left_nothing_is_mixed() -> None:
    show = Show()
    streams = [arrivals(name, packets_of(tone(f, 2))) for name, f in (("anna", 440), ("bert", 880))]
    show.play(*streams, until=2)
    assert show.programme.is_mixing
    show.programme.leave("anna")
    show.programme.leave("bert")
    assert not show.programme.is_mixing
    assert show.programme.next_tick is None


def test_a_publisher_who_vanishes_mid_word_disturbs_nobody() -> None:
    show = Show()
    anna = arrivals("anna", packets_of(tone(440, 6)))
    bert = [a for a in arrivals("bert", packets_of(tone(880, 6)), start=0.007) if a.at < 2]
    show.play(anna, bert, until=6)
    heard = show.heard(2.5, 5)
    assert strength(heard, 440) > 8000
    assert strength(heard, 880) < 300


def test_publishers_who_come_back_under_another_source_are_heard() -> None:
    show = Show()
    anna = arrivals("anna", packets_of(tone(440, 4)))
    bert = arrivals("bert", packets_of(tone(880, 2)), start=0.007)
    again = arrivals("bert", packets_of(tone(880, 2)), start=2.007, first=9000)
    for arrival in again:
        arrival.packet.ssrc += 1
    show.play(anna, bert, again, until=4)
    assert strength(show.heard(2.5, 4), 880) > 8000


@pytest.mark.attack(102)
def test_malformed_packets_go_nowhere() -> None:
    show = Show()
    junk = arrivals("eve", [bytes((31 << 3 | 3, 0)), bytes((31 << 3 | 2, 250)), bytes((31 << 3 | 3, 8))] * 50)
    show.play(junk, until=3)
    assert show.sent == []
    assert show.programme.malformed == 150


@pytest.mark.attack(102)
def test_junk_from_one_while_another_speaks_leaves_the_other_whole() -> None:
    show = Show()
    junk = [bytes((31 << 3,)) + bytes([number % 251] * 80) for number in range(200)]
    show.play(arrivals("anna", packets_of(tone(440, 4))), arrivals("eve", junk, start=0.003), until=4)
    assert strength(show.heard(1, 4), 440) > 5000
    assert {b.sequence - a.sequence for (_, a), (_, b) in itertools.pairwise(show.sent)} == {1}


def test_without_a_mixer_the_floor_decides() -> None:
    class None_(MixersAtHand):
        def make(self) -> None:  # type: ignore[override]
            return None

    show = Show(mixers=None_())
    _interruption(show)
    assert show.modes == []
    assert strength(show.heard(1, 2.5), 440) > 8000


def test_a_room_without_an_audience_is_not_mixed() -> None:
    show = Show()
    show.programme = Programme(show.mixers, is_heard=lambda: False)
    _interruption(show)
    assert show.modes == []


def test_a_stall_of_the_process_is_counted_and_leaves_no_delay() -> None:
    show = Show(stall=(2.0, 2.5))
    anna = arrivals("anna", packets_of(tone(440, 8)))
    bert = arrivals("bert", packets_of(tone(880, 8)), start=0.007)
    show.play(anna, bert, until=8)
    counts = show.mixers.counts.ticks
    assert 0.45 < counts.worst < 0.55
    assert 20 <= counts.left_out <= 25
    late = show.heard(4, 8)
    assert strength(late, 440) > 8000
    assert strength(late, 880) > 8000
    burst = [at for at, _ in show.sent if 2.4 < at < 2.51]
    assert len(burst) <= 4
    passed = (show.sent[-1][1].timestamp - show.sent[0][1].timestamp) & 0xFFFFFFFF
    assert abs(passed / RATE - (show.sent[-1][0] - show.sent[0][0])) < 0.1


def test_packets_of_sixty_milliseconds_are_forwarded_as_they_are() -> None:
    singles = packets_of(tone(440, 3), bitrate=24_000)
    long = [joined(singles[at : at + 3]) for at in range(0, 150, 3)]
    show = Show()
    show.play(arrivals("anna", long), until=3)
    assert [sound.payload for _, sound in show.sent] == long
    assert {opus_packets.duration(sound.payload) for _, sound in show.sent} == {3 * FRAME}
