"""One fedispace server as its operator runs it: a configuration file, the commands, a process."""

import http.client
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.ground.api import Api
from tests.ground.ca import Authority
from tests.ground.desk import Desk
from tests.ground.eventually import until
from tests.ground.names import Names
from tests.ground.nginx import Nginx
from tests.ground.ports import free_port
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
authorized_fetch = {authorized_fetch}

[rtc]
listen = "{rtc}"
"""

_APART = """\
control = "{home}/sfu.sock"
secret_file = "{home}/sfu.secret"
"""


@dataclass(slots=True, kw_only=True)
class Instance:
    """A server of the run, behind its own nginx, at its own address.

    `roles` is what its processes do: one that does everything, or several, each with a `--role`.
    """

    name: str
    address: str
    home: Path
    database: str
    names: Names
    authority: Authority
    desk: Desk
    bus: str = ""
    authorized_fetch: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ("all",)
    rtc_port: int = 0
    ports: list[int] = field(default_factory=list)
    _processes: list[Process] = field(default_factory=list)
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

    def prepare(self) -> None:
        """Write the configuration and bring the database to the present schema."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.ports = [free_port() for role in self.roles if role in ("all", "web")]
        self.rtc_port = free_port(self.address, socket.SOCK_DGRAM)
        text = _CONFIGURATION.format(
            name=self.name,
            listen=f"127.0.0.1:{self.ports[0]}",
            database=self.database,
            bus=self.bus,
            home=self.home,
            network=self.names.network,
            authorized_fetch=str(self.authorized_fetch).lower(),
            rtc=f"{self.address}:{self.rtc_port}",
        )
        if self.roles != ("all",):
            text += _APART.format(home=self.home)
            secret = self.home / "sfu.secret"
            secret.touch(0o600)
            secret.write_text(secrets.token_hex(32))
        self.config.write_text(text)
        self.command("migrate")

    def start(self) -> None:
        """Start every process and wait until all of them answer."""
        if self._nginx is None:
            self._nginx = Nginx(
                name=self.name,
                address=self.address,
                upstreams=[f"127.0.0.1:{port}" for port in self.ports],
                certificate=self.authority.issue(self.name),
                home=self.home / "nginx",
                is_root=os.geteuid() == 0,
            )
        ports = iter(self.ports)
        self._processes = [
            self._serve(role, next(ports) if role in ("all", "web") else None) for role in self.roles
        ]

        self.until_it_answers()

    def until_it_answers(self) -> None:
        """Block until every process runs and those that listen answer."""

        def answers() -> bool:
            for process in self._processes:
                process.require_running()
            return all(_answers(port, self.name) for port in self.ports)

        until(f"{self.name} answers", answers, within=90)

    def stop(self) -> None:
        """Stop as a service manager does: the server first, then what stands before it."""
        for process in self._processes:
            process.stop()
        if self._nginx is not None:
            self._nginx.stop()

    def kill_nine(self, role: str = "all") -> None:
        """End the first process of `role` without a word."""
        self._processes[self.roles.index(role)].kill_nine()

    def restart(self, role: str) -> None:
        """Start the first process of `role` again."""
        port = self.ports[0] if role in ("all", "web") else None
        self._processes[self.roles.index(role)] = self._serve(role, port)

    def also_serve(self, role: str, settings: Mapping[str, str]) -> Process:
        """Start one more process of `role`, with `settings` in its environment; whoever asks stops it."""
        return self._serve(role, None, settings)

    def process(self, role: str) -> Process:
        """Return the first process of `role`."""
        return self._processes[self.roles.index(role)]

    def is_running(self) -> bool:
        return bool(self._processes) and all(process.is_running() for process in self._processes)

    def tail(self) -> str:
        return self._processes[0].tail(60)

    def client_of(self, port: int, user: str) -> Api:
        """Return a client that speaks with the web process at `port`, past nginx."""
        headers = {"Host": self.name, "X-Forwarded-Proto": "https"}
        trust = self.authority.client_context()
        origin = f"http://127.0.0.1:{port}"
        return Api(origin, self.add_user(user), names=self.names, trust=trust, headers=headers)

    def _serve(self, role: str, port: int | None, settings: Mapping[str, str] | None = None) -> Process:
        environment = {**self._environment(), **(settings or {})}
        if port is not None:
            environment["FEDISPACE__SERVER__LISTEN"] = f"127.0.0.1:{port}"
        command = [sys.executable, "-m", "fedispace", "serve", "--config", str(self.config), "--role", role]
        return Process(self.names.wrap(command), log=self.log, environment=environment, directory=self.home)

    def command(self, *arguments: str, stdin: str = "") -> str:
        """Run a command of ours on this instance and return what it printed."""
        done = self.desk.run(
            *arguments,
            "--config",
            str(self.config),
            stdin=stdin,
            directory=self.home,
            environment=self._environment(),
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
        return self.client_with(self.add_user(user) if user else None)

    def client_with(self, token: str | None) -> Api:
        """Return a client that shows this bearer token."""
        return Api(self.origin, token, names=self.names, trust=self.authority.client_context())

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDISPACE")}
        ours = {f"FEDISPACE__{name.replace('.', '__').upper()}": it for name, it in self.settings.items()}
        return {**kept, **ours, **self.authority.environment(), "PYTHONPATH": str(REPOSITORY)}


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
