"""The audio servers (SFUs) of this instance, as one web process sees them.

One is named by the configuration, or is our child; others are found by the bus, on which each SFU says
every two seconds where it is commanded (`Announcer`). The bus is not believed: what it names is connected to,
and counts once both sides have proved the secret (`media/live/protocol`). How full a server is, and
whether it is about to end, it says itself over that connection.

A server may take rooms while it answers. One that was killed is back in a tenth of a second, so it
stays for `GRACE_SECONDS`; after that its rooms are placed anew (`placement`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from fedispace.clock import Clock
from fedispace.errors import ConfigError, Unavailable
from fedispace.media.live import channel
from fedispace.media.live.client import SfuClient
from fedispace.media.live.messages import SessionEvent, SfuStatus
from fedispace.queue.bus import Bus

log = structlog.get_logger()

TOPIC: Final = "sfu"
ANNOUNCE_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 3.0
ASK_SECONDS: Final = 5.0
DRAIN_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 3 * ASK_SECONDS
_MOST: Final = 64
_EVENTS_KEPT: Final = 4096
_TOLD_SECONDS: Final = 0.5


@dataclass(slots=True, kw_only=True)
class Member:
    """One audio server. `name` is its control address, the same for every web process."""

    name: str
    client: SfuClient
    is_found: bool
    answered_at: float
    seen_at: float
    is_announced: bool = False
    is_draining: bool = False
    load: float = 0.0
    listening: asyncio.Task[None] | None = field(default=None, repr=False)

    def is_there(self, now: float) -> bool:
        """Whether it answers, or did until a moment ago."""
        if self.client.is_connected:
            self.seen_at = now
            return now - self.answered_at < _SILENT_SECONDS
        return now - self.seen_at < GRACE_SECONDS

    def takes_rooms(self, now: float) -> bool:
        """Whether a room may be here."""
        return not self.is_draining and self.is_there(now)


class Fleet:
    """Knows the audio servers and hears what happens on them. `start()` it in the loop that uses it."""

    def __init__(self, bus: Bus, clock: Clock, connect: Callable[[str], SfuClient]) -> None:
        self._bus = bus
        self._clock = clock
        self._connect = connect
        self._members: dict[str, Member] = {}
        self._events: asyncio.Queue[tuple[str, SessionEvent]] = asyncio.Queue(_EVENTS_KEPT)
        self._tasks: list[asyncio.Task[None]] = []
        self.started_at = 0.0

    def include(self, name: str, client: SfuClient, *, is_found: bool = False) -> None:
        """Add a server: before the start those of the configuration, later those that are found."""
        now = self._clock.monotonic()
        member = Member(name=name, client=client, is_found=is_found, answered_at=now, seen_at=now)
        self._members[name] = member
        if self._tasks:
            member.listening = asyncio.create_task(self._follow(member), name=f"sfu {name}")

    async def start(self) -> None:
        """Connect to those that are known, and look out for others."""
        self.started_at = self._clock.monotonic()
        self._tasks = [
            asyncio.create_task(self._look_out(), name="fleet: look out"),
            asyncio.create_task(self._ask_now_and_then(), name="fleet: ask"),
        ]
        for member in self._members.values():
            member.answered_at = member.seen_at = self.started_at
            await member.client.start()
            member.listening = asyncio.create_task(self._follow(member), name=f"sfu {member.name}")

    async def stop(self) -> None:
        """Let go of all of them; sessions go on without us."""
        tasks, self._tasks = self._tasks, []
        tasks += [member.listening for member in self._members.values() if member.listening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for member in self._members.values():
            await member.client.close()

    @property
    def names(self) -> list[str]:
        """All that are known, there or not."""
        return list(self._members)

    @property
    def has_looked_out(self) -> bool:
        """Whether every server that is there has had the time to be found."""
        return self._clock.monotonic() - self.started_at > _SILENT_SECONDS

    def there(self) -> list[str]:
        """The names of those that answer, or have until a moment ago."""
        now = self._clock.monotonic()
        only = self.only()
        return [only] if only else [name for name, member in self._members.items() if member.is_there(now)]

    def members(self) -> list[Member]:
        """Those that may take rooms now."""
        now = self._clock.monotonic()
        return [member for member in self._members.values() if member.takes_rooms(now)]

    def only(self) -> str | None:
        """The name of the server when there is but one, there or not: then nothing is to be chosen."""
        return next(iter(self._members)) if len(self._members) == 1 else None

    def clients(self) -> dict[str, SfuClient]:
        """Who commands each that is known, there or not."""
        return {name: member.client for name, member in self._members.items()}

    def client(self, name: str) -> SfuClient:
        """Return who commands that server; raises `Unavailable`."""
        member = self._members.get(name)
        if member is None:
            raise Unavailable("the audio server of this session is gone")
        return member.client

    async def events(self) -> AsyncIterator[tuple[str, SessionEvent]]:
        """Yield what happens to sessions, and on which server; for one reader."""
        while True:
            yield await self._events.get()

    async def _follow(self, member: Member) -> None:
        await member.client.start()
        async for event in member.client.events():
            if self._events.full():
                self._events.get_nowait()
            self._events.put_nowait((member.name, event))

    async def _look_out(self) -> None:
        async with self._bus.subscribe(TOPIC) as told:
            async for _, message in told:
                name, is_draining = message.get("control"), bool(message.get("draining"))
                if not isinstance(name, str):
                    continue
                if name not in self._members and not is_draining:
                    self._meet(name)
                if (member := self._members.get(name)) is not None:
                    member.is_announced, member.is_draining = True, is_draining

    def _meet(self, name: str) -> None:
        try:
            channel.check(name)
        except ConfigError:
            return
        if len(self._members) < _MOST:
            log.info("fleet.found", sfu=name)
            self.include(name, self._connect(name), is_found=True)

    async def _ask_now_and_then(self) -> None:
        while True:
            await asyncio.gather(*(self._ask(member) for member in list(self._members.values())))
            await self._forget_the_gone()
            await asyncio.sleep(ASK_SECONDS)

    async def _ask(self, member: Member) -> None:
        if not member.client.is_connected and member.is_found:
            return  # the connection comes back by itself, or the server is forgotten
        try:
            status = await member.client.status()
        except Unavailable:
            return
        member.answered_at = self._clock.monotonic()
        member.is_draining = status.is_draining or (member.is_announced and member.is_draining)
        member.load = _load_of(status)

    async def _forget_the_gone(self) -> None:
        """Forget who was found by the bus and has not answered for a minute."""
        now = self._clock.monotonic()
        for member in list(self._members.values()):
            if member.is_found and now - member.answered_at > 60:
                log.info("fleet.forgotten", sfu=member.name)
                del self._members[member.name]
                if member.listening is not None:
                    member.listening.cancel()
                await member.client.close()


def _load_of(status: SfuStatus) -> float:
    """Return which part of its sessions a server has."""
    return (status.publishers + status.subscribers + status.joining) / max(1, status.max_sessions)


class Announcer:
    """What an SFU's own process says on the bus, and how it takes its leave."""

    def __init__(self, bus: Bus, control: str, client: SfuClient) -> None:
        self._bus = bus
        self._control = control
        self._client = client
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._client.start()
        self._task = asyncio.create_task(self._announce(), name="sfu announcer")

    async def leave(self) -> None:
        """Say that we end, have everybody go elsewhere, and return when they have."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._say(draining=True)
        await asyncio.sleep(_TOLD_SECONDS)
        with contextlib.suppress(Unavailable, TimeoutError):
            await self._client.drain(DRAIN_SECONDS)
            async with asyncio.timeout(2 * DRAIN_SECONDS):
                while (await self._client.status()).rooms:
                    self._say(draining=True)
                    await asyncio.sleep(_TOLD_SECONDS)
        await self._client.close()

    async def _announce(self) -> None:
        while True:
            if self._client.is_connected:
                self._say(draining=False)
            await asyncio.sleep(ANNOUNCE_SECONDS)

    def _say(self, *, draining: bool) -> None:
        self._bus.publish(TOPIC, {"control": self._control, "draining": draining})
