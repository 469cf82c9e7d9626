"""Records rooms: what their listeners hear, as Ogg/Opus files that survive whatever happens.

    Tap --every half second--> OpusStream (time becomes wall time) --pages--> RecordingFile

A recording is started and stopped by command, and belongs to a room's name: it goes on, in silence,
while the room is empty, and when the SFU itself was gone, if it is started again under the same path.
The file then has the silence that there was. What nobody goes on with for `resume_seconds` is given
its last page and its name.

All that touches the disk happens in two threads of our own. A disk that hangs makes taps overflow,
which are counted; one that is full, or a directory that cannot be written, ends the recording with an
event. The room does not notice: nothing here is ever waited for by it.
"""

import asyncio
import errno
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from fedispace.clock import Clock
from fedispace.errors import Conflict, FedispaceError, NotFound, Unavailable
from fedispace.media.live import recording_file
from fedispace.media.live.continuity import RATE
from fedispace.media.live.messages import RecordingEvent, RecordingStatus
from fedispace.media.live.ogg_opus import OpusStream
from fedispace.media.live.recording_file import Busy, RecordingFile
from fedispace.media.live.tap import Tap, Tapped, Taps
from fedispace.media.live.timeline import Timeline

log = structlog.get_logger()

T = TypeVar("T")

RESUME_SECONDS = 600.0
_WRITE_SECONDS = 0.5
_SYNC_SECONDS = 10.0
_QUIET_SECONDS = 1.0
_SILENCE_AT_ONCE = 60 * RATE
_SILENCE_AT_MOST = 3600.0
_LONGEST = 24 * 3600 * RATE
_RECORDINGS = 64
_REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EACCES: "not_writable",
    errno.EPERM: "not_writable",
    errno.EROFS: "not_writable",
}


class Recording:
    """One room's, from its file's opening to its end. `_write` and what it calls run in a thread."""

    def __init__(self, tap: Tap, path: str, clock: Clock) -> None:
        self.path = path
        self.tap = tap
        self.is_over = asyncio.Event()
        self.status = RecordingStatus(room=tap.room, path=path)
        self.kept = False
        self._clock = clock
        self._file: RecordingFile | None = None
        self._stream = OpusStream(0)
        self._timeline = Timeline(0.0)
        self._turn = 0
        self._sequence = -1
        self._synced_at = clock.monotonic()

    def open(self, place: Path) -> bool:
        """Make the file or go on with it; tell whether it was there."""
        file = self._file = RecordingFile(place)
        now, at = self._clock.now().timestamp(), self._clock.monotonic()
        found = file.mend()
        if found is not None and found.is_finished:
            file.finish()
            raise Conflict("there is a recording of that name")
        if found is None or not found.granule:
            file.clear()
            self._stream = OpusStream(secrets.randbits(32))
            self._timeline = Timeline(at)
            file.append(self._stream.begin(recording_file.comments(now)))
            return False
        self._stream = OpusStream(found.serial, number=found.number, granule=found.granule)
        written = recording_file.seconds(found.samples)
        away = min(max(0.0, now - found.started - written), _SILENCE_AT_MOST)
        self._timeline = Timeline(at - written - away)
        return True

    def write(self, packets: list[Tapped], now: float) -> bool:
        """Write what came, and silence for what did not; tell whether to be called again at once."""
        file, stream = self._file, self._stream
        assert file is not None
        pages: list[bytes] = []
        behind = False
        for packet in sorted(packets, key=lambda packet: (packet.turn, packet.sequence)):
            if packet.turn == self._turn and packet.sequence <= self._sequence:
                continue
            position = self._timeline.place(packet.turn, packet.timestamp, packet.at)
            self._turn, self._sequence = packet.turn, packet.sequence
            pages.append(stream.put(position, packet.payload))
        quiet = self._timeline.position(now - _QUIET_SECONDS)
        if quiet > stream.end:
            behind = quiet - stream.end > _SILENCE_AT_ONCE
            pages.append(stream.pass_time(min(quiet, stream.end + _SILENCE_AT_ONCE)))
        pages.append(stream.flush())
        file.append(b"".join(pages))
        if now - self._synced_at > _SYNC_SECONDS:
            self._synced_at = now
            file.sync()
        return behind

    def end(self, now: float) -> None:
        """Be silent up to now, and give the file its last page and its name."""
        assert self._file is not None
        missing = self._timeline.position(now)
        self._file.append(self._stream.pass_time(missing) + self._stream.finish())
        self._file.finish()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def note(self, state: str) -> RecordingStatus:
        """Return how far it has come."""
        self.status = RecordingStatus(
            room=self.tap.room,
            path=self.path,
            state=state,
            seconds=round(recording_file.seconds(max(0, self._stream.end)), 3),
            bytes=self._file.size if self._file is not None else self.status.bytes,
            packets_missed=self.tap.lost,
            packets_left_out=self._stream.left_out,
        )
        return self.status

    @property
    def is_too_long(self) -> bool:
        return self._stream.end > _LONGEST


class Recorder:
    """All recordings of the process; without a `directory` there are none."""

    def __init__(
        self,
        *,
        directory: Path | None,
        taps: Taps,
        clock: Clock,
        tell: Callable[[RecordingEvent], None],
        resume_seconds: float = RESUME_SECONDS,
    ) -> None:
        self._directory = directory
        self._taps = taps
        self._clock = clock
        self._tell = tell
        self._resume_seconds = resume_seconds
        self._recordings: dict[str, Recording] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="recorder")
        self.unfinished = 0

    def start(self, room: str, path: str) -> None:
        """Begin to record a room, or go on; what comes of it is told by events.

        Starting it once more under the same path changes nothing.
        """
        if self._directory is None:
            raise Unavailable("there is no directory for recordings")
        place = recording_file.place(self._directory, path)
        known = self._recordings.get(room)
        if known is not None and known.path == path and not known.is_over.is_set():
            return
        if known is not None:
            raise Conflict("that room is being recorded")
        if any(recording.path == path for recording in self._recordings.values()):
            raise Conflict("that recording is being written")
        if len(self._recordings) >= _RECORDINGS:
            raise Unavailable("too many rooms are being recorded")
        recording = self._recordings[room] = Recording(self._taps.open(room), path, self._clock)
        self._begin(self._record(recording, place), f"recording {room}")

    def stop(self, room: str) -> None:
        """End a room's recording; raises `NotFound` if there is none."""
        recording = self._recordings.get(room)
        if recording is None:
            raise NotFound("that room is not being recorded")
        recording.is_over.set()

    def status(self) -> list[RecordingStatus]:
        """Return how far each recording has come."""
        return [recording.status for recording in self._recordings.values()]

    def recover(self) -> None:
        """Begin to mend what others left, and to finish what nobody goes on with."""
        if self._directory is not None:
            self._begin(self._recover(self._directory), "recorder recovery")

    async def close(self) -> None:
        """Leave the files as they are, written to the last packet, for the next process to go on with."""
        for recording in self._recordings.values():
            recording.kept = True
            recording.is_over.set()
        for task in self._tasks:
            if task.get_name() == "recorder recovery":
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _record(self, recording: Recording, place: Path) -> None:
        kind, reason = "ended", "stopped"
        try:
            resumed = await self._in_thread(lambda: recording.open(place))
            self._say(recording, "resumed" if resumed else "started")
            reason = await self._write_until_over(recording)
            if recording.kept:
                kind, reason = "interrupted", "shutdown"
            else:
                await self._in_thread(lambda: recording.end(self._clock.monotonic()))
        except OSError as error:
            kind, reason = "failed", _REASONS.get(error.errno or 0, "disk")
            log.error("recording.failed", room=recording.tap.room, path=recording.path, error=error.strerror)
        except FedispaceError as error:
            kind, reason = "failed", error.detail
        finally:
            self._taps.close(recording.tap)
            self._recordings.pop(recording.tap.room, None)
            self._say(recording, kind, reason)
            recording.close()

    async def _write_until_over(self, recording: Recording) -> str:
        behind = is_over = False
        while not is_over:
            if not behind:
                await _passed(recording.is_over, _WRITE_SECONDS)
            is_over = recording.is_over.is_set()
            write = partial(recording.write, recording.tap.take(), self._clock.monotonic())
            behind = await self._in_thread(write)
            recording.note("recording")
            if recording.is_too_long:
                return "too_long"
        return "stopped"

    async def _recover(self, directory: Path) -> None:
        """Mend what is unfinished and nobody writes; finish what is so for long. Again and again: a recording
        that failed, or whose process died beside us, waits in the same way."""
        while True:
            found = await self._in_thread(lambda: recording_file.unfinished(directory))
            waiting = [path for path in found if await self._mend(path, finish=False)]
            self.unfinished = len(waiting)
            await asyncio.sleep(self._resume_seconds)
            for path in waiting:
                await self._mend(path, finish=True)
                self.unfinished -= 1

    async def _mend(self, path: Path, *, finish: bool) -> bool:
        """Cut a file after its last whole page, or finish it; tell whether nobody writes it."""
        try:
            seconds = await self._in_thread(lambda: _mended(path, finish=finish))
        except Busy:
            return False
        except (OSError, Conflict) as error:
            log.error("recording.not_recovered", path=path.name, error=str(error))
            return False
        if finish and seconds is not None:
            assert self._directory is not None
            name = str(path.relative_to(self._directory))
            log.info("recording.recovered", path=name, seconds=seconds)
            self._tell(RecordingEvent(kind="ended", room="", path=name, seconds=seconds, reason="recovered"))
        return seconds is not None

    def _say(self, recording: Recording, kind: str, reason: str = "") -> None:
        status = recording.note(kind)
        log.info("recording.told", kind=kind, room=status.room, path=status.path, reason=reason)
        self._tell(
            RecordingEvent(
                kind=kind,
                room=status.room,
                path=status.path,
                seconds=status.seconds,
                bytes=status.bytes,
                reason=reason,
            )
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _mended(path: Path, *, finish: bool) -> float | None:
    """Return how long the recording is; None if nothing of it was worth keeping, or it is gone."""
    if not path.with_name(path.name + recording_file.SUFFIX).exists():
        return None
    with RecordingFile(path) as file:
        found = file.mend()
        if found is None or not found.samples:
            file.remove()
            return None
        if finish:
            if not found.is_finished:
                stream = OpusStream(found.serial, number=found.number, granule=found.granule)
                file.append(stream.finish())
            file.finish()
        return recording_file.seconds(found.samples)


async def _passed(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
