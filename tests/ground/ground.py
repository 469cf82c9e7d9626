"""Everything of one run in one place: the network, the authority, and whatever was started on it."""

import itertools
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.ground.browser import Browser
from tests.ground.ca import Authority
from tests.ground.desk import Desk
from tests.ground.instance import Instance
from tests.ground.names import Names
from tests.ground.peers import BOVINE_PYTHON, NODE, BovinePeer, FedifyBot, FirstKnock
from tests.ground.postgres import Postgres, find_binaries
from tests.ground.recorder import Recorder
from tests.ground.redis import Redis


class Missing(Exception):
    """The machine lacks something that a test needs; says what, and what installs it."""


class Ground:
    """Starts servers and peers on demand and, at the end, stops them in reverse order."""

    def __init__(self, directory: Path) -> None:
        _require_root()
        self.directory = directory
        self.names = Names(directory)
        self.authority = Authority(directory)
        self.instances: list[Instance] = []
        self._stops: list[Callable[[], None]] = []
        self._postgres: Postgres | None = None
        self._redis: Redis | None = None
        self._desk: Desk | None = None
        self._count = itertools.count(1)

    def instance(
        self,
        name: str,
        *,
        database: str = "sqlite",
        redis: bool = False,
        roles: tuple[str, ...] = ("all",),
        authorized_fetch: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> Instance:
        """Start a server called `name`; `database` is sqlite or postgres.

        `settings` are an operator's, as `{"spaces.host_absence_seconds": "10"}`. A name is one server's until
        that is retired: a second would be asked in place of the first by whoever still means that.
        """
        if any(each.name == name for each in self.instances):
            raise ValueError(f"there is a server called {name} already")
        _require_program("nginx", "nginx-light")
        home = self.directory / f"{next(self._count)}-{name}"
        home.mkdir()
        url = self.postgres.database() if database == "postgres" else f"sqlite:///{home}/fedispace.sqlite3"
        instance = Instance(
            name=name,
            address=self.names.address_of(name),
            home=home,
            database=url,
            bus=self.redis.url if redis else "",
            roles=roles,
            authorized_fetch=authorized_fetch,
            settings=dict(settings or {}),
            names=self.names,
            authority=self.authority,
            desk=self.desk,
        )
        instance.prepare()
        self._stops.append(instance.stop)
        instance.start()
        self.instances.append(instance)
        return instance

    def retire(self, instance: Instance) -> None:
        """Stop a server that a test started for itself."""
        self.instances.remove(instance)
        self._stops.remove(instance.stop)
        instance.stop()

    def fedify(self, name: str, first_knock: FirstKnock, *, takes: str = "") -> FedifyBot:
        """Start a Fedify bot that signs its first attempt in the given way, and `takes` only one kind."""
        if not NODE.exists():
            raise Missing("tests/peers is not installed (tools/install-test-tools does it)")
        bot = FedifyBot(
            name,
            first_knock,
            takes=takes,
            names=self.names,
            authority=self.authority,
            directory=self.directory,
        )
        self._stops.append(bot.stop)
        return bot

    def bovine(self, name: str) -> BovinePeer:
        """Start a bovine peer."""
        if not BOVINE_PYTHON.exists():
            raise Missing("there is no .venv-peers (tools/install-test-tools makes it)")
        peer = BovinePeer(name, names=self.names, authority=self.authority, directory=self.directory)
        self._stops.append(peer.stop)
        return peer

    def recorder(self, *hosts: str, delay: float = 0.0) -> Recorder:
        """Return a small fediverse at `hosts`, to be entered with `async with`."""
        return Recorder(self.names, self.authority, *hosts, delay=delay)

    def browser(self, *, microphone: Path | None = None) -> Browser:
        """Return a Chromium, to be entered with `async with`."""
        _require_program("chromium", "chromium")
        return Browser(self.names, self.directory, microphone=microphone)

    @property
    def desk(self) -> Desk:
        """Where our commands are run, opened when first asked for."""
        if self._desk is None:
            self._desk = Desk(self.names)
            self._stops.insert(0, self._desk.close)
        return self._desk

    @property
    def postgres(self) -> Postgres:
        """The run's PostgreSQL, started when first asked for."""
        if self._postgres is None:
            binaries = find_binaries()
            if binaries is None:
                raise Missing("there is no PostgreSQL server (Debian: postgresql)")
            self._postgres = Postgres(binaries)
            self._stops.insert(0, self._postgres.stop)
        return self._postgres

    @property
    def redis(self) -> Redis:
        """The run's Redis or Valkey, started when first asked for."""
        if self._redis is None:
            program = shutil.which("valkey-server") or _require_program("redis-server", "redis-server")
            self._redis = Redis(program, self.directory / "redis")
            self._stops.insert(0, self._redis.stop)
        return self._redis

    def close(self) -> None:
        """Stop everything, last started first; tell of the first failure after trying them all."""
        failures: list[Exception] = []
        for stop in reversed(self._stops):
            try:
                stop()
            except (OSError, RuntimeError) as error:
                failures.append(error)
        self._stops.clear()
        self.names.close()
        if failures:
            raise failures[0]


def _require_program(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Missing(f"there is no {program} (Debian: {package})")
    return found


def _require_root() -> None:
    if os.geteuid() != 0:
        raise Missing("port 443 and names of our own need root (a container will do)")
