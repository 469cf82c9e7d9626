"""What a process costs: CPU from the kernel's scheduler (nanoseconds, all threads), memory, start."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cpu_seconds(pid: int) -> float:
    """Return the CPU time `pid` has used in all its threads, those that ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    coarse = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    fine = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            fine += int((thread / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return max(fine / 1e9, coarse)


def resident_mb(pid: int) -> float:
    """Return the resident memory of `pid` in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


def private_mb(pid: int) -> float:
    """Return what of that is the process's own: the pages of files, which come and go, are left out."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


def go_before_all(pid: int) -> None:
    """Give a process, all its threads, what `LimitRTPRIO=1` would let it take by itself (as root)."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(1))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


_PORTS = range(20_000, 32_768)
"""Below those the kernel gives to clients, any of which could take the port before the server listens."""
_given: set[int] = set()


def free_port() -> int:
    """Return a port of this machine that is free, and that no other caller of this run is given."""
    while True:
        port = random.choice(_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server:
    """A Python module running as a process; the log goes to a file, shown when it fails."""

    def __init__(self, arguments: list[str], log: Path, environ: Mapping[str, str] | None = None) -> None:
        self._log = log
        self.started = time.monotonic()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environ or {})},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def answers(self, port: int, address: str = "127.0.0.1", seconds: float = 20) -> float:
        """Wait until the port accepts; return the seconds since the start."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                _, writer = await asyncio.open_connection(address, port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return time.monotonic() - self.started
        raise RuntimeError(f"the server did not start:\n{self._log.read_text()[-3000:]}")

    async def says(self, words: str, seconds: float = 30) -> float:
        """Wait until the log holds `words`; return the seconds since the start."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            if words in self._log.read_text():
                return time.monotonic() - self.started
            await asyncio.sleep(0.02)
        raise RuntimeError(f"the server did not start:\n{self._log.read_text()[-3000:]}")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
