"""A PostgreSQL server of our own: a fresh cluster, a free port, no system service."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.ground.eventually import until
from tests.ground.ports import free_port
from tests.ground.process import Process

_SUPERUSER = "fedispace"
_SPEED = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "jit=off",
    "max_wal_size=4GB",
    "shared_buffers=64MB",
    "max_connections=200",
)
"""Nothing here is to survive the machine, and tables of a few rows need neither care nor compiled plans."""


class Postgres:
    """Runs as user postgres when we are root, because the server refuses to be root."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = "postgres" if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="fedispace-postgres-", dir="/tmp"))
        self.port = free_port()
        if self._user:
            shutil.chown(self._home, self._user, self._user)
        cluster = self._home / "cluster"
        self._run(
            "initdb",
            "-D",
            str(cluster),
            "-U",
            _SUPERUSER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        )
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._home}",
            *_SPEED,
        ]
        command = [str(binaries / "postgres"), "-D", str(cluster)]
        for setting in settings:
            command += ["-c", setting]
        log = self._home / "postgres.log"
        log.touch()
        self._process = Process(command, log=log, user=self._user)
        until("PostgreSQL accepts connections", self._is_ready)

    def database(self) -> str:
        """Create an empty database and return its URL, as `database.url` takes it."""
        name = f"run_{secrets.token_hex(4)}"
        self._run("createdb", "-h", str(self._home), "-p", str(self.port), "-U", _SUPERUSER, name)
        return f"postgresql://{_SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self._process.stop(signal.SIGINT)
        shutil.rmtree(self._home)

    def _is_ready(self) -> bool:
        self._process.require_running()
        probe = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr}")


def find_binaries() -> Path | None:
    """Return the directory of the newest PostgreSQL server of this machine."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda found: float(found.parts[-3])
    )
    if versions:
        return versions[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None
