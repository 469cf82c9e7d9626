"""A Redis server of our own: nothing on disk, a free port, no system service."""

from pathlib import Path

from tests.ground.ports import free_port
from tests.ground.process import Process


class Redis:
    """Redis or Valkey, whichever the machine has."""

    def __init__(self, program: str, home: Path) -> None:
        home.mkdir(parents=True)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(home)]
        self._process = Process([*command, "--save", "", "--appendonly", "no"], log=home / "redis.log")
        self._process.until_listening("127.0.0.1", self.port)

    def stop(self) -> None:
        self._process.stop()
