"""A recording on disk: appended to, never written again, and named `.part` until it is whole.

    PATH.part --append, page by page--> PATH.part --last page, fsync, rename--> PATH

Each page is given to the kernel as it is made, so a killed process loses nothing that was written.
What a power failure may take is what came since the last `sync`, which is asked for every ten
seconds, and at the end. Either way the file is good up to its last whole page: `mend` finds it by its
checksum and cuts what follows.

A lock on the file says that somebody writes it; it goes with the process that held it. All of this
blocks, and is called from a thread.
"""

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fedispace.errors import Conflict, Invalid
from fedispace.media.live import ogg, ogg_opus
from fedispace.media.live.continuity import RATE

SUFFIX = ".part"
_STARTED = "FEDISPACE_STARTED"
_TAIL = 4 << 20
_HEADERS = 2 * ogg.LARGEST
_MODE = 0o640
_PARTS_FOUND_AT_MOST = 10_000


class Busy(Conflict):
    """Another process writes this recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an unfinished file says of itself; `started` is Unix time."""

    serial: int
    number: int
    granule: int
    size: int
    started: float
    is_finished: bool

    @property
    def samples(self) -> int:
        """How much of the recording there is."""
        return max(0, self.granule - ogg_opus.PRE_SKIP)


def place(directory: Path, path: str) -> Path:
    """Return where a recording called `path` goes; raise `Invalid` if that is not below `directory`."""
    parts = path.split("/")
    plain = all(
        part and not part.startswith(".") and part.isprintable() and "\\" not in part for part in parts
    )
    if not plain or len(path.encode()) > 200 or len(parts) > 8 or not path.endswith(".opus"):
        raise Invalid("a recording's path is relative and ends with .opus", field="path")
    whole = directory / path
    if not whole.resolve().is_relative_to(directory.resolve()):
        raise Invalid("a recording's path leads out of its directory", field="path")
    return whole


def unfinished(directory: Path) -> list[Path]:
    """Return what recordings were not finished, by the name they are to have."""
    found: list[Path] = []
    for folder, _, names in os.walk(directory):
        found += [Path(folder) / name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)]
        if len(found) >= _PARTS_FOUND_AT_MOST:
            break
    return sorted(found)


class RecordingFile:
    """An open, locked `.part`."""

    def __init__(self, path: Path) -> None:
        """Open what is there, or make it; raises OSError, and `Conflict` if `path` is taken."""
        self.path = path
        self.size = 0
        self._part = path.with_name(path.name + SUFFIX)
        if path.exists():
            raise Conflict("there is a recording of that name")
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._part, flags, _MODE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(self._descriptor).st_nlink:
                raise BlockingIOError("removed meanwhile")
        except OSError as error:
            os.close(self._descriptor)
            if isinstance(error, BlockingIOError):
                raise Busy("that recording is being written") from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def mend(self) -> Found | None:
        """Cut what is not whole; return what there is, or None (and an empty file) if that is nothing."""
        size = os.fstat(self._descriptor).st_size
        found = self._read(size)
        self.size = found.size if found is not None else 0
        if self.size != size:
            os.ftruncate(self._descriptor, self.size)
        return found

    def clear(self) -> None:
        """Begin anew: nothing in it is worth keeping."""
        os.ftruncate(self._descriptor, 0)
        self.size = 0

    def append(self, data: bytes) -> None:
        """Write pages. What could only be written in part (a full disk) is taken back."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def sync(self) -> None:
        """Return when the disk has it."""
        os.fsync(self._descriptor)

    def finish(self) -> None:
        """Give the file its name: it is whole."""
        os.fsync(self._descriptor)
        if self.path.exists():
            raise Conflict("there is a recording of that name")
        self._part.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self) -> None:
        """Forget a file in which nothing is."""
        self._part.unlink()

    def close(self) -> None:
        os.close(self._descriptor)

    def _read(self, size: int) -> Found | None:
        opening = self._headers()
        if opening is None:
            return None
        serial, started, begins = opening
        last, end = self._last_page(max(begins, size - _TAIL), size, serial)
        if last is None and begins < size - _TAIL:
            last, end = self._last_page(begins, size, serial)
        return Found(
            serial=serial,
            number=last.number + 1 if last is not None else 2,
            granule=last.granule if last is not None else 0,
            size=end if last is not None else begins,
            started=started,
            is_finished=last is not None and bool(last.flags & ogg.ENDS),
        )

    def _headers(self) -> tuple[int, float, int] | None:
        """Return the serial number, when it started, and where the sound begins."""
        data = os.pread(self._descriptor, _HEADERS, 0)
        first = ogg.read(data)
        if first is None or not first[0].flags & ogg.BEGINS or first[0].packets != (ogg_opus.head(),):
            return None
        second = ogg.read(data, first[1])
        if second is None or len(second[0].packets) != 1:
            return None
        comments = ogg_opus.read_tags(second[0].packets[0])
        try:
            return first[0].serial, float((comments or {})[_STARTED]), second[1]
        except (KeyError, ValueError):
            return None

    def _last_page(self, start: int, size: int, serial: int) -> tuple[ogg.Page | None, int]:
        """Return the last of the whole pages that follow one another, and where it ends."""
        last: ogg.Page | None = None
        data, base, at = os.pread(self._descriptor, _TAIL, start), start, 0
        while True:
            if len(data) - at < ogg.LARGEST and base + len(data) < size:
                base, at = base + at, 0
                data = os.pread(self._descriptor, _TAIL, base)
            found = ogg.read(data, at)
            if found is None and last is None and start and (first := ogg.find(data, at)) is not None:
                at = first
                continue
            if found is None or found[0].serial != serial or (last and found[0].number != last.number + 1):
                return last, base + at
            last, at = found


def comments(started: float) -> dict[str, str]:
    """Return what a recording says of itself."""
    return {_STARTED: f"{started:.3f}"}


def seconds(samples: int) -> float:
    """Return how long so many samples play."""
    return samples / RATE
