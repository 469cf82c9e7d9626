"""The soak beside the suite: a room for ten minutes while other tests run.

    the run begins --> python -m bench.soak, in the background ...........> its figures in a file
                  `--> all other tests ...................................> test_soak reads them, last of all

It takes a fifth of a core, most of that the audio server's, which goes before everything else where the
system allows it. Whoever asks for the one test alone gets a minute of it.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_ROOT = Path(__file__).parent.parent.parent
_VARIABLE = "FEDISPACE_TEST_SOAK"
_MINUTES_ALONE = 1.0
_START_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Soak:
    """One that was begun. What is written into `directory` is all that others know of it."""

    directory: Path
    minutes: float
    process: int = 0

    @classmethod
    def begin(cls, minutes: float) -> Self:
        """Begin; `found` returns this one in every process that is started from now on."""
        directory = Path(tempfile.mkdtemp(prefix="soak-"))
        os.environ[_VARIABLE] = f"{minutes}:{directory}"
        run = (
            f'"$0" -m bench.soak --minutes {minutes} --realtime >"$1/log" 2>&1',
            'echo $? >"$1/part"',
            'mv "$1/part" "$1/code"',
        )
        process = subprocess.Popen(
            ["/bin/sh", "-c", "; ".join(run), sys.executable, directory],
            cwd=_ROOT,
            env={**os.environ, "TMPDIR": str(directory)},
            start_new_session=True,
        )
        return cls(directory, minutes, process.pid)

    @classmethod
    def found(cls) -> Self | None:
        """Return the one that the run began with, if it did."""
        minutes, _, directory = os.environ.get(_VARIABLE, "").partition(":")
        return cls(Path(directory), float(minutes)) if directory else None

    @classmethod
    def alone(cls) -> Self:
        """Begin a short one."""
        soak = cls.begin(_MINUTES_ALONE)
        del os.environ[_VARIABLE]
        return soak

    async def code(self) -> int:
        """Wait for its end; return the exit code."""
        async with asyncio.timeout(60 * self.minutes + _START_SECONDS):
            while not (self.directory / "code").exists():
                await asyncio.sleep(1)
        return int((self.directory / "code").read_text())

    def told(self) -> str:
        """Return what it printed so far."""
        return (self.directory / "log").read_text()

    def end(self) -> None:
        """End it now, if it still runs, and leave nothing of it."""
        if self.process and not (self.directory / "code").exists():
            os.killpg(self.process, signal.SIGTERM)
        shutil.rmtree(self.directory, ignore_errors=True)
