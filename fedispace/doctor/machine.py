"""What the machine gives: directories, disk, clock, open files."""

import ctypes
import os
import resource
import shutil
from pathlib import Path

from fedispace.config import Config
from fedispace.db.files import file_of
from fedispace.doctor.findings import Finding, fault, ok, warning

_UNSYNCHRONIZED = 5
_TIMEX_BYTES = 512
_LITTLE = 2 << 30
_VERY_LITTLE = 200 << 20
_FILES = 4096
_NETWORKED = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p")


def look(config: Config) -> list[Finding]:
    """Return what is found."""
    database = file_of(config.database.url)
    places = {"media.directory": Path(config.media.directory)} if config.media.directory else {}
    if config.media.recordings:
        places["media.recordings"] = Path(config.media.recordings)
    if database is not None:
        places["database.url"] = database.parent
    findings = [_writable(key, place) for key, place in places.items()]
    findings += _disks(places)
    if database is not None and (kind := _file_system(database.parent)) in _NETWORKED:
        advice = "SQLite needs a disk of this machine: other locks get lost. Move it, or use PostgreSQL"
        findings.append(fault("database.url", f"the SQLite file is on {kind}", advice))
    if config.rtc.secret_file:
        findings.append(_secret(Path(config.rtc.secret_file)))
    return [*findings, _clock(), _open_files()]


def _writable(key: str, place: Path) -> Finding:
    there = place
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return fault(key, f"{there} cannot be written", "make it a directory of the user who runs fedispace")
    return ok(key, f"{place} can be written" if place.exists() else f"{place} can be made")


def _disks(places: dict[str, Path]) -> list[Finding]:
    """Look at each disk once."""
    seen: set[int] = set()
    findings = []
    for place in places.values():
        there = next((path for path in (place, *place.parents) if path.exists()), Path("/"))
        device = there.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(there).free
        shown = f"{free / (1 << 30):.1f} GiB free at {there}"
        if free < _VERY_LITTLE:
            findings.append(fault("disk", shown, "make room now: a full disk stops every write"))
        elif free < _LITTLE:
            findings.append(warning("disk", shown, "make room"))
        else:
            findings.append(ok("disk", shown))
    return findings


def _file_system(place: Path) -> str:
    """Return the kind of file system a place is on, where the system tells."""
    try:
        mounts = [line.split(" ") for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    whole = str(place.resolve())
    under = [(len(m[1]), m[2]) for m in mounts if whole == m[1] or whole.startswith(m[1].rstrip("/") + "/")]
    return max(under, default=(0, ""))[1]


def _secret(file: Path) -> Finding:
    if not os.access(file, os.R_OK):
        return fault("rtc.secret_file", f"{file} cannot be read", "see the command in docs/operating.md")
    if file.stat().st_mode & 0o077:
        return warning("rtc.secret_file", f"others may read {file}", f"chmod 600 {file}")
    return ok("rtc.secret_file", f"{file} is readable by its owner alone")


def _clock() -> Finding:
    """Ask the kernel whether something keeps the clock right; signatures are refused when it is not."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return warning("clock", "whether it is kept right is not known", "compare it with another's")
    if state == _UNSYNCHRONIZED or state < 0:
        advice = "run chrony or systemd-timesyncd: other servers refuse signatures an hour off"
        return warning("clock", "nothing keeps it right", advice)
    return ok("clock", "it is kept right")


def _open_files() -> Finding:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < _FILES:
        return warning("open files", f"{allowed} are allowed", "LimitNOFILE=65536 in the systemd unit")
    return ok("open files", f"{allowed} are allowed")
