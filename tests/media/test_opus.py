"""libopus as we call it: where it is found, and that it does what the mixer stands on."""

import subprocess
import sys

import numpy as np
import pytest

from fedispace.errors import Unavailable
from fedispace.media.live import opus, opus_packets
from fedispace.media.live.opus import FRAME, Decoder, Encoder, Undecodable
from tests.media.hearing import main_frequency, purity
from tests.media.talking import packets_of, tone


def test_the_copy_in_pyavs_wheel_is_found_without_loading_pyav() -> None:
    code = (
        "import sys; from fedispace.media.live import opus; print(opus.version());"
        "assert not {'av', 'numpy', 'aiortc'} & set(sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("libopus 1.")


def test_without_any_copy_the_refusal_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_candidates", lambda: ["/nonexistent/libopus.so"])
    with pytest.raises(Unavailable, match="libopus was not found"):
        opus.library.__wrapped__()


def test_a_tone_survives_encoding_and_decoding() -> None:
    decoder = Decoder()
    heard = np.frombuffer(b"".join(decoder.decode(p) for p in packets_of(tone(440, 1))), dtype=np.int16)
    assert abs(main_frequency(heard.astype(float), 48_000) - 440) < 2
    assert purity(heard.astype(float), 48_000, 440) > 0.95


def test_a_lost_packet_is_restored_from_the_copy_in_the_next() -> None:
    packets = packets_of(tone(300, 1), loss_percent=20)
    assert opus_packets.has_repair(packets[21])
    whole, holed = Decoder(), Decoder()
    expected = [np.frombuffer(whole.decode(p), dtype=np.int16).astype(float) for p in packets]
    for packet in packets[:20]:
        holed.decode(packet)
    repaired = np.frombuffer(holed.repair(packets[21]), dtype=np.int16).astype(float)
    assert np.corrcoef(repaired, expected[20])[0, 1] > 0.9


def test_what_is_invented_follows_from_what_was_heard() -> None:
    packets, decoder = packets_of(tone(440, 1)), Decoder()
    for packet in packets[:20]:
        decoder.decode(packet)
    invented = np.frombuffer(decoder.conceal(), dtype=np.int16)
    assert len(invented) == FRAME
    assert np.abs(invented).max() > 4000


def test_two_channels_are_mixed_down_for_a_decoder_of_one() -> None:
    left = np.zeros((48_000, 2), dtype=np.int16)
    left[:, 0] = np.frombuffer(tone(440, 1), dtype=np.int16)
    encoder = Encoder(channels=2, bitrate=64_000)
    packets = [encoder.encode(left[at : at + FRAME].tobytes()) for at in range(0, 48_000, FRAME)]
    assert opus_packets.is_stereo(packets[10])
    decoder = Decoder()
    heard = np.frombuffer(b"".join(map(decoder.decode, packets)), dtype=np.int16).astype(float)
    assert 4000 < np.abs(heard[24_000:]).max() < 8000
    assert purity(heard, 48_000, 440) > 0.95


@pytest.mark.attack(102)
def test_an_invalid_packet_is_refused_and_the_decoder_lives_on() -> None:
    decoder = Decoder()
    with pytest.raises(Undecodable):
        decoder.decode(b"\xff\xff\xff")
    assert len(decoder.decode(packets_of(tone(440, 0.1))[0])) == 2 * FRAME


def test_silence_is_told_in_tiny_packets_when_dtx_is_on() -> None:
    encoder = Encoder(dtx=True)
    packets = [encoder.encode(bytes(2 * FRAME)) for _ in range(50)]
    assert sum(opus_packets.is_dtx(packet) for packet in packets) > 15


def test_a_frame_of_another_length_is_not_encoded() -> None:
    with pytest.raises(ValueError):
        Encoder().encode(bytes(100))
