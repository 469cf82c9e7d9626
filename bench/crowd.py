"""Many listeners in a process of their own, so that their handshakes delay nobody who measures.

They are the light clients of `forwarding_peer`. The process that measures sends commands over a pipe
and waits for the answers.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.forwarding_fedispace import Door, Fedispace
from bench.forwarding_peer import Peer
from fedispace.errors import FedispaceError

_STEP = 0.1
_CONSENT_SECONDS = 5.0
_CALL_SECONDS = 120.0
_RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """How a number of people came in: seconds until the last was there, and each one's own time."""

    seconds: float
    each: list[float]
    retries: int


class Crowd:
    """The end that commands."""

    def __init__(self, host: str, server: Fedispace) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_live, args=(theirs, host, server.control, server.secret), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    async def join(self, people: int, *, at_once: int = 20, every: float = 0.0) -> Joined:
        """Let people in: `every` so many seconds one, and never more than `at_once` at it."""
        joined: Joined = await self._call("join", people, at_once, every)
        return joined

    async def leave(self, people: int) -> None:
        """Let as many, whoever they are, hang up."""
        await self._call("leave", people)

    async def received(self) -> int:
        """Return how many packets all of them received so far."""
        count: int = await self._call("received")
        return count

    async def close(self) -> None:
        with contextlib.suppress(BrokenPipeError, EOFError):
            self._pipe.send(("stop",))
        await asyncio.to_thread(self._process.join, 10)
        if self._process.is_alive():
            self._process.terminate()

    async def _call(self, *command: object) -> Any:
        self._pipe.send(command)
        if not await asyncio.to_thread(self._pipe.poll, _CALL_SECONDS):
            raise TimeoutError("the crowd does not answer")
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _live(pipe: Connection, host: str, control: Path, secret: bytes) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_People(pipe, host, Door(control, secret, f"crowd-{os.getpid()}-")).live())


class _People:
    """The end that obeys."""

    def __init__(self, pipe: Connection, host: str, door: Door) -> None:
        self._pipe = pipe
        self._host = host
        self._door = door
        self._present: list[tuple[str, Peer]] = []
        self._received = 0
        self._retries = 0

    async def live(self) -> None:
        """Obey until told to stop, drain and renew consent meanwhile."""
        commands: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._read, commands.put_nowait)
        await self._door.client.start()
        keeper = asyncio.create_task(self._keep())
        try:
            while (command := await commands.get())[0] != "stop":
                try:
                    answer = await getattr(self, command[0])(*command[1:])
                except (TimeoutError, FedispaceError, AssertionError, OSError) as error:
                    answer = RuntimeError(repr(error))
                self._pipe.send(answer)
        finally:
            keeper.cancel()
            await self._door.client.close()

    def _read(self, put: Callable[[tuple[Any, ...]], None]) -> None:
        try:
            put(self._pipe.recv())
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            put(("stop",))

    async def join(self, people: int, at_once: int, every: float) -> Joined:
        gate, self._retries = asyncio.Semaphore(at_once), 0
        began = time.monotonic()

        async def one(number: int) -> float:
            await asyncio.sleep(began + number * every - time.monotonic())
            async with gate:
                start = time.monotonic()
                await self._enter()
                return time.monotonic() - start

        each = await asyncio.gather(*(one(number) for number in range(people)))
        return Joined(seconds=time.monotonic() - began, each=each, retries=self._retries)

    async def _enter(self) -> None:
        peer = Peer(self._host)
        while True:
            try:
                name = await self._door.subscribe(peer)
                break
            except FedispaceError:
                self._retries += 1
                await asyncio.sleep(_RETRY_SECONDS)
        self._present.append((name, peer))

    async def leave(self, people: int) -> None:
        for _ in range(people):
            name, peer = self._present.pop(random.randrange(len(self._present)))
            self._received += peer.received
            await self._door.client.hang_up(name)
            peer.close()

    async def received(self) -> int:
        for _, peer in self._present:
            peer.count()
        return self._received + sum(peer.received for _, peer in self._present)

    async def _keep(self) -> None:
        """Look after a part of the crowd at a time: each drained once a second, consent every five."""
        began, turn = time.monotonic(), 0
        turns, drains = round(_CONSENT_SECONDS / _STEP), round(1 / _STEP)
        while True:
            turn += 1
            await asyncio.sleep(max(0.0, began + turn * _STEP - time.monotonic()))
            for _, peer in self._present[turn % drains :: drains]:
                peer.count()
            for _, peer in self._present[turn % turns :: turns]:
                peer.keep_alive()
