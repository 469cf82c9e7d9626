"""A recording's file is good up to its last whole page, wherever it was cut."""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedispace.errors import Conflict, Invalid
from fedispace.media.live import recording_file
from fedispace.media.live.continuity import RATE
from fedispace.media.live.ogg_opus import OpusStream
from fedispace.media.live.recording_file import Busy, RecordingFile
from tests.media.playing import seconds
from tests.media.talking import packets_of, tone


def _recorded(length: float = 3.0) -> tuple[list[bytes], OpusStream]:
    """Return the headers and the pages of a recording that is not finished."""
    stream = OpusStream(99)
    pages = [stream.begin(recording_file.comments(1000.0))]
    for number, payload in enumerate(packets_of(tone(440, length))):
        stream.put(960 * number, payload)
        if number % 25 == 24:
            pages.append(stream.flush())
    return pages, stream


_NUMBERS = itertools.count()
_PAGES, _ = _recorded()
_WHOLE = b"".join(_PAGES)
_ENDS = [sum(map(len, _PAGES[:count])) for count in range(len(_PAGES) + 1)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(cut=st.integers(0, len(_WHOLE)), junk=st.binary(max_size=300))
def test_a_file_cut_anywhere_is_mended_to_its_last_whole_page(tmp_path: Path, cut: int, junk: bytes) -> None:
    part = tmp_path / f"{next(_NUMBERS)}.opus.part"
    part.write_bytes(_WHOLE[:cut] + junk)
    path = part.with_suffix("")

    with RecordingFile(path) as file:
        found = file.mend()
        kept = part.read_bytes()

        assert _WHOLE.startswith(kept)
        if cut < _ENDS[1]:
            # The headers are two pages: perhaps both are there, and no sound yet.
            assert found is None or not found.samples
            return
        assert found is not None
        assert len(kept) == max(end for end in _ENDS if end <= cut)
        if not found.samples:
            return
        stream = OpusStream(found.serial, number=found.number, granule=found.granule)
        file.append(stream.finish())
        file.finish()
    assert seconds(path) == pytest.approx(found.samples / RATE + 0.02, abs=0.001)


def test_a_long_file_is_mended_by_its_end(tmp_path: Path) -> None:
    stream = OpusStream(1)
    data = stream.begin(recording_file.comments(1.0)) + stream.pass_time(12 * 3600 * RATE)
    part = tmp_path / "long.opus.part"
    part.write_bytes(data + b"OggS half a page")
    assert len(data) > 5 << 20

    with RecordingFile(tmp_path / "long.opus") as file:
        found = file.mend()

    assert found is not None
    assert part.stat().st_size == len(data)
    assert found.samples > (12 * 3600 - 2) * RATE


def test_a_page_that_was_spoiled_ends_what_is_kept(tmp_path: Path) -> None:
    part = tmp_path / "a.opus.part"
    spoiled = bytearray(_WHOLE)
    spoiled[_ENDS[3] + 40] ^= 1
    part.write_bytes(spoiled)

    with RecordingFile(tmp_path / "a.opus") as file:
        file.mend()

    assert part.stat().st_size == _ENDS[3]


def test_two_cannot_write_one_recording(tmp_path: Path) -> None:
    with RecordingFile(tmp_path / "a.opus"), pytest.raises(Busy):
        RecordingFile(tmp_path / "a.opus")


def test_a_finished_recording_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.opus").write_bytes(b"precious")

    with pytest.raises(Conflict):
        RecordingFile(tmp_path / "a.opus")

    assert (tmp_path / "a.opus").read_bytes() == b"precious"


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.opus.part").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError):
        RecordingFile(tmp_path / "a.opus")

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "/etc/a.opus",
        "../a.opus",
        "a/../../b.opus",
        "a//b.opus",
        ".hidden.opus",
        "a\0.opus",
        "a\n.opus",
        "a\\b.opus",
        "a" * 300 + ".opus",
        "/".join("a" * 9) + ".opus",
        "out/a.opus",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    below = tmp_path / "recordings"
    below.mkdir()
    (below / "out").symlink_to(tmp_path)

    with pytest.raises(Invalid):
        recording_file.place(below, path)


def test_what_could_be_written_only_in_part_is_taken_back(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (_ENDS[2] + 100, _ENDS[2] + 100))
        file = RecordingFile(tmp_path / "a.opus")
        try:
            for page in _PAGES:
                file.append(page)
        except OSError:
            os._exit(0 if file.size == _ENDS[2] else 2)
        os._exit(1)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert (tmp_path / "a.opus.part").read_bytes() == _WHOLE[: _ENDS[2]]
