"""One fedispace server as its operator runs it: a configuration file, the commands, a process."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.ground.api import Api
from tests.ground.ca import Authority
from tests.ground.eventually import until
from tests.ground.names import Names
from tests.ground.nginx import Nginx
from tests.ground.ports import free_port, is_listening
from tests.ground.process import Process

REPOSITORY = Path(__file__).parents[2]

_CONFIGURATION = """\
[instance]
url = "https://{name}"
title = "{name}"

[server]
listen = "{listen}"

[database]
url = "{database}"

[bus]
url = "{bus}"

[media]
directory = "{home}/media"

[federation]
allow_private_addresses = ["{network}"]

[rtc]
listen = "{rtc}"
"""


@dataclass(slots=True, kw_only=True)
class Instance:
    """A server of the run, behind its own nginx, at its own address."""

    name: str
    address: str
    home: Path
    database: str
    names: Names
    authority: Authority
    bus: str = ""
    port: int = 0
    rtc_port: int = 0
    _process: Process | None = None
    _nginx: Nginx | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"https://{self.name}"

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def log(self) -> Path:
        return self.home / "serve.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def prepare(self) -> None:
        """Write the configuration and bring the database to the present schema."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.rtc_port = free_port(self.address, socket.SOCK_DGRAM)
        self.config.write_text(
            _CONFIGURATION.format(
                name=self.name,
                listen=f"127.0.0.1:{self.port}",
                database=self.database,
                bus=self.bus,
                home=self.home,
                network=self.names.network,
                rtc=f"{self.address}:{self.rtc_port}",
            )
        )
        self.command("migrate")

    def start(self) -> None:
        """Start every role in one command and wait until it answers."""
        if self._nginx is None:
            self._nginx = Nginx(
                name=self.name,
                address=self.address,
                upstream=f"127.0.0.1:{self.port}",
                certificate=self.authority.issue(self.name),
                home=self.home / "nginx",
                is_root=os.geteuid() == 0,
            )
        process = Process(
            self.names.wrap([sys.executable, "-m", "fedispace", "serve", "--config", str(self.config)]),
            log=self.log,
            environment=self._environment(),
            directory=self.home,
        )
        self._process = process

        def answers() -> bool:
            process.require_running()
            return is_listening("127.0.0.1", self.port) and _answers(self.port, self.name)

        until(f"{self.name} answers", answers, within=40)

    def stop(self) -> None:
        """Stop as a service manager does: the server first, then what stands before it."""
        if self._process is not None:
            self._process.stop()
        if self._nginx is not None:
            self._nginx.stop()

    def terminate(self) -> int:
        """Ask the server alone to end (SIGTERM) and return its exit code."""
        assert self._process is not None
        return self._process.stop(signal.SIGTERM, within=30)

    def kill_nine(self) -> None:
        assert self._process is not None
        self._process.kill_nine()

    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running()

    def tail(self) -> str:
        assert self._process is not None
        return self._process.tail(60)

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run a command of ours on this instance and return what it printed."""
        done = subprocess.run(
            self.names.wrap([sys.executable, "-m", "fedispace", *arguments, "--config", str(self.config)]),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self._environment(),
            cwd=self.home,
        )
        if done.returncode != 0:
            raise RuntimeError(f"fedispace {' '.join(arguments)} failed: {done.stderr or done.stdout}")
        return done.stdout

    def add_user(self, name: str, *, password: str = "correct horse battery") -> str:
        """Create a person and return a token of theirs."""
        if name not in self._tokens:
            email = f"{name}@{self.name}"
            arguments = ("user", "create", name, "--email", email, "--role", "user", "--password-stdin")
            self.command(*arguments, stdin=password + "\n")
            self._tokens[name] = self.command("user", "token", name, "--scopes", "read write follow").strip()
        return self._tokens[name]

    def client(self, user: str | None = None) -> Api:
        """Return a client for `user`, who is created when new, or for a stranger."""
        token = self.add_user(user) if user else None
        return Api(self.origin, token, names=self.names, trust=self.authority.client_context())

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDISPACE")}
        return {**kept, **self.authority.environment(), "PYTHONPATH": str(REPOSITORY)}


def _answers(port: int, host: str) -> bool:
    """Ask the server itself, past nginx, whether it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {"Host": host, "X-Forwarded-Proto": "https"}
        connection.request("GET", "/.well-known/nodeinfo", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
