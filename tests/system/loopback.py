"""An instance of which only single roles run, as processes that are killed; and where its deliveries go."""

import asyncio
import json
import secrets
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from fedispace.cli.setup import bring_to_head
from fedispace.config import Config, load
from fedispace.config_text import config_text
from tests.ground.instance import REPOSITORY
from tests.ground.ports import free_port
from tests.ground.process import Process


class Loopback:
    """The configuration of an instance, and its processes, which come and go."""

    def __init__(self, directory: Path, database: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.file = directory / "config.toml"
        (directory / "sfu.secret").write_text(secrets.token_hex(32))
        self.file.write_text(
            config_text(
                {
                    "instance.url": f"http://127.0.0.1:{self.port}",
                    "server.listen": f"127.0.0.1:{self.port}",
                    "database.url": database,
                    "federation.allow_private_addresses": ["127.0.0.0/8"],
                    "federation.allow_http": True,
                    "rtc.listen": f"127.0.0.1:{free_port()}",
                    "rtc.control": "sfu.sock",
                    "rtc.secret_file": "sfu.secret",
                }
            )
        )
        self._processes: list[Process] = []

    async def prepare(self) -> Config:
        config = load(self.file)
        await bring_to_head(config)
        return config

    def serve(self, *roles: str) -> Process:
        """Start a process with these roles."""
        options = [word for role in roles for word in ("--role", role)]
        command = [sys.executable, "-m", "fedispace", "serve", *options, "--config", str(self.file)]
        log = self.directory / f"process{len(self._processes)}.log"
        log.touch()
        started = Process(command, log=log, environment={"PYTHONPATH": str(REPOSITORY)})
        self._processes.append(started)
        return started

    def end(self) -> None:
        for process in self._processes:
            process.kill_nine()


class Sink:
    """So many servers of one port, each a loopback address of its own, that take everything."""

    DELAY = 0.005

    def __init__(self, hosts: int) -> None:
        self.port = free_port()
        self.origins = [
            f"http://127.2.{number // 250}.{number % 250 + 1}:{self.port}" for number in range(hosts)
        ]
        self.order: dict[str, list[str]] = {origin: [] for origin in self.origins}
        self.copies: Counter[tuple[str, str]] = Counter()
        self._grown = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "0.0.0.0", self.port, backlog=4096)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def has(self, deliveries: int, *, within: float) -> None:
        """Return when so many different deliveries have arrived."""
        async with asyncio.timeout(within), self._grown:
            await self._grown.wait_for(lambda: len(self.copies) >= deliveries)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                fields = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
                activity: dict[str, Any] = json.loads(await reader.readexactly(int(fields["content-length"])))
                await asyncio.sleep(self.DELAY)
                async with self._grown:
                    self._note(f"http://{fields['host']}", activity["id"])
                    self._grown.notify_all()
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _note(self, origin: str, activity: str) -> None:
        if not self.copies[origin, activity]:
            self.order[origin].append(activity)
        self.copies[origin, activity] += 1
