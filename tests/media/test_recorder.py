"""A room is recorded by the real process: what listeners hear is in the file, whatever dies."""

import asyncio
import os
import resource
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from fedispace.errors import Conflict, Invalid, NotFound, Unavailable
from fedispace.media.live import recording_file
from fedispace.media.live.messages import RecordingEvent, RecordingStatus
from fedispace.media.live.ogg_opus import OpusStream
from fedispace.media.live.recording_file import RecordingFile
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import Samples, likeness, purity, read_wav
from tests.media.peers import Listener, Sound, Speaker
from tests.media.playing import played
from tests.media.studio import Studio
from tests.media.talking import strength


@asynccontextmanager
async def _studio(directory: Path, resume_seconds: float = 600.0) -> AsyncIterator[Studio]:
    async with Studio(directory, recordings=directory / "kept", resume_seconds=resume_seconds) as opened:
        yield opened


@asynccontextmanager
async def _told(studio: Studio) -> AsyncIterator[Callable[[str], "asyncio.Future[RecordingEvent]"]]:
    """Return a way to wait for the next event of a kind."""
    queue: asyncio.Queue[RecordingEvent] = asyncio.Queue()

    async def collect() -> None:
        async for event in studio.client.recordings():
            queue.put_nowait(event)

    async def next_of(kind: str) -> RecordingEvent:
        async with asyncio.timeout(20):
            while (event := await queue.get()).kind != kind:
                pass
            return event

    await studio.client.status()
    task = asyncio.create_task(collect())
    await asyncio.sleep(0)
    yield lambda kind: asyncio.ensure_future(next_of(kind))
    task.cancel()


async def _recorded(studio: Studio, seconds: float) -> RecordingStatus:
    """Wait until so much is on the disk."""

    async def ask() -> list[RecordingStatus]:
        return (await studio.client.status()).recordings

    return (
        await eventually("so much is recorded", ask, lambda found: found[:1] and found[0].seconds >= seconds)
    )[0]


async def _back(studio: Studio) -> None:
    """Wait until another SFU has taken the place of the one that was killed."""

    async def ask() -> bool:
        try:
            return not (await studio.client.status()).recordings
        except Unavailable:
            return False

    await eventually("there is another", ask, bool)


async def test_what_listeners_hear_is_in_the_file_and_takes_the_time_it_took(
    tmp_path: Path, speech: Path
) -> None:
    async with (
        _studio(tmp_path) as studio,
        _told(studio) as told,
        Speaker(studio) as speaker,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        await speaker.publish(Sound.file(speech))
        started, ended = told("started"), told("ended")
        await studio.client.start_recording("room", "2026/first.opus")
        await started
        began = time.monotonic()
        heard = await listener.listen(5)
        status = await _recorded(studio, 5)
        await studio.client.stop_recording("room")
        event = await ended
        took = time.monotonic() - began

    said, rate = read_wav(speech)
    for decoder in ("libopus", "opus"):
        sound = played(tmp_path / "kept/2026/first.opus", decoder)
        assert likeness(said, rate, sound[RATE // 2 :], RATE) > 0.85
        assert len(sound) / RATE == pytest.approx(took, abs=0.1)
    assert likeness(heard, RATE, sound[RATE // 2 : 4 * RATE], RATE) > 0.85
    assert status.bytes > 5000
    assert status.packets_missed == status.packets_left_out == 0
    assert event.reason == "stopped"
    assert event.seconds == pytest.approx(took, abs=0.1)
    assert list((tmp_path / "kept").rglob("*.part")) == []


async def test_two_who_speak_at_once_are_both_recorded_though_nobody_listens(tmp_path: Path) -> None:
    async with _studio(tmp_path) as studio, Speaker(studio) as anna, Speaker(studio) as bert:
        await studio.client.start_recording("room", "a.opus")
        await asyncio.gather(anna.publish(Sound.tone(440)), bert.publish(Sound.tone(880)))
        await _recorded(studio, 4)
        await studio.client.close_room("room")
        await eventually("it is over", studio.client.status, lambda status: not status.recordings)

    sound = played(tmp_path / "kept/a.opus")
    assert strength(sound[-int(1.5 * RATE) : -RATE // 2], 440) > 4000
    assert strength(sound[-int(1.5 * RATE) : -RATE // 2], 880) > 4000


@pytest.mark.reliability("L2")
async def test_a_killed_recorder_loses_less_than_a_second_and_goes_on_in_the_same_file(
    tmp_path: Path,
) -> None:
    async with _studio(tmp_path) as studio:
        async with Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(440))
            await studio.client.start_recording("room", "a.opus")
            began = time.monotonic()
            await _recorded(studio, 3)
            assert studio.process.pid is not None
            recorded = time.monotonic() - began
            os.kill(studio.process.pid, signal.SIGKILL)

        part = tmp_path / "kept/a.opus.part"
        before = played(part)
        assert _complaints(part) == ""
        assert len(before) / RATE > recorded - 1
        assert purity(before[RATE:], RATE, 440) > 0.9

        await _back(studio)
        async with _told(studio) as told, Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(880))
            resumed, ended = told("resumed"), told("ended")
            await studio.client.start_recording("room", "a.opus")
            await resumed
            await _recorded(studio, time.monotonic() - began + 2)
            await studio.client.stop_recording("room")
            await ended
            took = time.monotonic() - began

    sound = played(tmp_path / "kept/a.opus")
    assert _complaints(tmp_path / "kept/a.opus") == ""
    assert len(sound) / RATE == pytest.approx(took, abs=0.2)
    assert np.array_equal(sound[RATE : 2 * RATE], before[RATE : 2 * RATE])
    assert purity(sound[-int(1.2 * RATE) : -RATE // 5], RATE, 880) > 0.9


async def test_what_nobody_goes_on_with_is_finished_after_a_while(tmp_path: Path) -> None:
    async with _studio(tmp_path, resume_seconds=2) as studio, _told(studio) as told:
        async with Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(440))
            await studio.client.start_recording("room", "a.opus")
            await _recorded(studio, 2)
            ended = told("ended")
            assert studio.process.pid is not None
            os.kill(studio.process.pid, signal.SIGKILL)
        (tmp_path / "kept/empty.opus.part").write_bytes(b"OggS")
        event = await ended

    assert event.reason == "recovered"
    assert event.path == "a.opus"
    assert event.seconds > 1.4
    assert purity(played(tmp_path / "kept/a.opus")[RATE:], RATE, 440) > 0.9


async def test_what_another_process_left_is_finished_too_and_what_one_writes_is_left_alone(
    tmp_path: Path,
) -> None:
    pages = OpusStream(3)
    data = pages.begin(recording_file.comments(1000.0)) + pages.pass_time(3 * RATE) + pages.flush()
    async with _studio(tmp_path, resume_seconds=1) as studio, _told(studio) as told:
        await studio.client.start_recording("room", "here.opus")
        await _recorded(studio, 1)
        with RecordingFile(tmp_path / "kept/busy.opus") as busy:
            busy.append(data)
            ended = told("ended")
            (tmp_path / "kept/left.opus.part").write_bytes(data[:-1])
            event = await ended
            status = await studio.client.status()

    assert (event.path, event.reason) == ("left.opus", "recovered")
    assert 2 <= event.seconds < 3
    assert [one.path for one in status.recordings] == ["here.opus"]
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "busy.opus.part",
        "here.opus.part",
        "left.opus",
    ]


async def test_a_recording_goes_on_in_silence_while_the_room_is_empty(tmp_path: Path) -> None:
    async with _studio(tmp_path) as studio:
        await studio.client.start_recording("room", "a.opus")
        began = time.monotonic()
        async with Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(440))
            await _recorded(studio, 2)
        await eventually("they left", studio.client.status, lambda status: not status.rooms)
        left = time.monotonic() - began
        await _recorded(studio, left + 1.5)
        async with Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(880))
            spoke = time.monotonic() - began
            await _recorded(studio, spoke + 1.5)
            await studio.client.stop_recording("room")
        await eventually("it is over", studio.client.status, lambda status: not status.recordings)

    sound = played(tmp_path / "kept/a.opus")
    quiet = sound[int((left + 0.5) * RATE) : int((left + 1.3) * RATE)]
    assert strength(sound[RATE : 2 * RATE], 440) > 8000
    assert np.abs(quiet).max() < 100
    assert purity(sound[int((spoke + 0.5) * RATE) :], RATE, 880) > 0.9


@pytest.mark.attack(95)
async def test_neither_who_was_silenced_nor_a_listener_who_sends_is_recorded(tmp_path: Path) -> None:
    async with (
        _studio(tmp_path) as studio,
        Speaker(studio) as speaker,
        Listener(studio) as intruder,
    ):
        await speaker.publish(Sound.tone(440))
        intruder.connection.addTransceiver(Sound.tone(880), direction="sendrecv")
        answer = await studio.client.subscribe(studio.grant("subscribe"), await intruder.offer())
        await intruder.accept(answer.sdp.replace("a=sendonly", "a=sendrecv"))
        await intruder.connected()
        await studio.client.start_recording("room", "a.opus")
        await _recorded(studio, 2)
        await studio.client.silence(speaker.session, True)
        silenced = (await _recorded(studio, 0)).seconds + 1
        await _recorded(studio, silenced + 1.5)
        await studio.client.stop_recording("room")
        await eventually("it is over", studio.client.status, lambda status: not status.recordings)

    sound = played(tmp_path / "kept/a.opus")
    assert strength(sound[RATE : 2 * RATE], 440) > 8000
    assert strength(sound[RATE : 2 * RATE], 880) < 300
    assert np.abs(sound[int(silenced * RATE) :]).max() < 100


async def test_a_full_disk_ends_the_recording_and_nobody_hears_it(tmp_path: Path) -> None:
    async with (
        _studio(tmp_path) as studio,
        _told(studio) as told,
        Speaker(studio) as speaker,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        assert studio.process.pid is not None
        resource.prlimit(studio.process.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
        failed = told("failed")
        await studio.client.start_recording("room", "a.opus")
        heard = await listener.listen(3)
        event = await failed

    assert event.reason == "disk_full"
    assert purity(heard[RATE // 2 :], RATE, 440) > 0.95
    assert _longest_silence(heard[RATE // 2 :]) < 0.05
    assert purity(played(tmp_path / "kept/a.opus.part")[RATE // 2 :], RATE, 440) > 0.9


async def test_a_directory_that_cannot_be_written_is_told_and_nobody_hears_it(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("not a directory")
    async with (
        _studio(tmp_path) as studio,
        _told(studio) as told,
        Speaker(studio) as speaker,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        failed = told("failed")
        await studio.client.start_recording("room", "a.opus")
        assert (await failed).reason == "disk"
        heard = await listener.listen(1)

    assert purity(heard, RATE, 440) > 0.95


async def test_a_recording_is_asked_for_once_below_its_directory_and_where_there_is_one(
    tmp_path: Path, studio: Studio
) -> None:
    with pytest.raises(Unavailable):
        await studio.client.start_recording("room", "a.opus")
    with pytest.raises(NotFound):
        await studio.client.stop_recording("room")
    other = tmp_path / "other"
    other.mkdir()
    async with _studio(other) as recording, _told(recording) as told:
        with pytest.raises(Invalid):
            await recording.client.start_recording("room", "../a.opus")
        started = told("started")
        await recording.client.start_recording("room", "a.opus")
        await recording.client.start_recording("room", "a.opus")
        await started
        with pytest.raises(Conflict):
            await recording.client.start_recording("room", "b.opus")
        with pytest.raises(Conflict):
            await recording.client.start_recording("another room", "a.opus")


def _complaints(path: Path) -> str:
    """Return what FFmpeg has to say about a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def _longest_silence(sound: Samples) -> float:
    """Return for how long, in seconds, nothing was heard."""
    longest = run = 0
    for at in range(0, len(sound) - 480, 480):
        run = run + 1 if np.abs(sound[at : at + 480]).max() < 300 else 0
        longest = max(longest, run)
    return longest / 100
