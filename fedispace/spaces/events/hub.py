"""Telling those in a room what happens there, in one web process.

    bus topic of the Space --one subscription--> Channel --bytes made once--> every outlet of the room
    SFU events (speaking) -----------------------^

Each room that somebody here listens to is a `Channel`. It reads the Space's topic once, however many
connections there are; other processes do the same with theirs. What comes often is held back and joined
(`room_events.KINDS`): reactions within half a second are one event.

An outlet takes bytes or drops them, and never waits: who reads slowly holds nobody up. Those who fell behind
are told so (`resync`) when they have caught up, and are cut off when they do not.

Messages on the bus may be lost, and so may whole seconds of them. So the state is told to whoever connects
(`hello`), everybody is told to look anew (`resync`) where the bus knows of a gap, and whoever may not stay is
found by looking (`welcome.py`), every two seconds, for all rooms at once; a message only makes it faster.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import structlog
from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Busy
from fedispace.queue.bus import GAP, Bus
from fedispace.spaces.events.replies import RoomThread
from fedispace.spaces.events.room_events import (
    OVER,
    RESYNC,
    SENT_AWAY,
    Audience,
    Kind,
    Message,
    Pace,
    Packed,
    account_of,
    added,
    packed,
    told,
)
from fedispace.spaces.events.welcome import Holder, Place, Reason, unwelcome
from fedispace.spaces.models import Member
from fedispace.spaces.presence import topic
from fedispace.threads import news

log = structlog.get_logger()

MOST_IN_A_ROOM: Final = 5000
MOST_OF_ONE: Final = 3
"""Connections of one person to one room; the oldest gives way."""
TICK_SECONDS: Final = 0.5
LOOK_EVERY: Final = 4
_RETRY_AFTER: Final = 5


After = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
"""Calls something after so many seconds."""


class Outlet(Protocol):
    """Somebody's connection. Nothing here waits for it."""

    @property
    def holder(self) -> Holder: ...

    def offer(self, event: Packed) -> None:
        """Send an event, or drop it and remember that something was missed."""
        ...

    def end(self, reason: Reason | None, *, replaced: bool = False) -> None:
        """Say goodbye and close; `replaced` by a newer one of the same person."""
        ...

    def look(self, now: float) -> None:
        """See whether who fell behind has caught up, or never will."""
        ...


class Channel:
    """One room, as it is told in this process."""

    def __init__(
        self, space_id: int, after: Callable[[float, Callable[[], None]], asyncio.TimerHandle]
    ) -> None:
        self.space_id = space_id
        self.outlets: dict[Outlet, None] = {}
        self.is_open = asyncio.Event()
        self.reader: asyncio.Task[None] | None = None
        self.hosts: frozenset[int] = frozenset()
        self._after = after
        self.number = 0
        self._waiting: dict[str, tuple[Kind, Message]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def numbered(self, message: Message) -> Packed:
        self.number += 1
        return packed(message, self.number)

    def hear(self, kind: Kind, message: Message) -> None:
        """Tell an event, now or when its time has come."""
        if kind.pace is Pace.EACH:
            self._tell(kind, message)
            return
        waiting = self._waiting.get(kind.name)
        if waiting is not None:
            both = added(waiting[1], message) if kind.pace is Pace.SUMMED else message
            self._waiting[kind.name] = (kind, both)
        elif kind.name in self._timers:
            self._waiting[kind.name] = (kind, message)
        else:
            self._tell(kind, message)
            self._timers[kind.name] = self._after(kind.seconds, lambda: self._due(kind.name))

    def _due(self, name: str) -> None:
        del self._timers[name]
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            self.hear(*waiting)

    def _tell(self, kind: Kind, message: Message) -> None:
        event = self.numbered(message)
        to = account_of(message) if kind.audience is Audience.ONE else None
        for outlet in tuple(self.outlets):
            account_id = outlet.holder.account_id
            if kind.audience is Audience.ONE and (to is None or account_id != to):
                continue
            if kind.audience is Audience.HOSTS and account_id not in self.hosts:
                continue
            outlet.offer(event)
        if kind.name == "you" and message.get("what") in SENT_AWAY:
            self.end((one for one in self.outlets if one.holder.account_id == to), Reason.OUT)
        elif kind.name == "state" and message.get("state") in OVER:
            self.end(self.outlets, Reason.OVER)

    def end(self, outlets: Iterable[Outlet], reason: Reason | None) -> None:
        for outlet in tuple(outlets):
            self.outlets.pop(outlet, None)
            outlet.end(reason)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()


class Hub:
    """All rooms of this process that somebody listens to. `start()` it in the loop that uses it."""

    def __init__(self, *, db: Database, bus: Bus, clock: Clock, thread: RoomThread) -> None:
        self._db = db
        self._bus = bus
        self._clock = clock
        self._thread = thread
        self._channels: dict[int, Channel] = {}
        self._watch: asyncio.Task[None] | None = None
        self._is_closing = False
        self._ended: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many connections there are."""
        return sum(len(channel.outlets) for channel in self._channels.values())

    @property
    def rooms(self) -> int:
        return len(self._channels)

    def hears(self, space_id: int, account_id: int) -> bool:
        """Tell whether somebody is connected to a room here."""
        channel = self._channels.get(space_id)
        return channel is not None and any(one.holder.account_id == account_id for one in channel.outlets)

    async def start(self) -> None:
        self._watch = asyncio.create_task(self._look_now_and_then(), name="room events: look")

    def send_away(self) -> None:
        """End every connection, because this process ends; they come back, to another or to the next."""
        self._is_closing = True
        for channel in list(self._channels.values()):
            channel.end(channel.outlets, None)

    async def stop(self) -> None:
        self.send_away()
        tasks = [self._watch, *(channel.reader for channel in self._channels.values()), *self._ended]
        there = [task for task in tasks if task is not None]
        for task in there:
            task.cancel()
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        await asyncio.gather(*there, return_exceptions=True)

    async def join(self, space_id: int, outlet: Outlet) -> None:
        """Begin to tell an outlet what happens in a room; from the return on it misses nothing."""
        channel = self._channels.get(space_id)
        if channel is None:
            channel = self._channels[space_id] = Channel(
                space_id, lambda seconds, then: asyncio.get_running_loop().call_later(seconds, then)
            )
            channel.reader = asyncio.create_task(self._read(channel), name=f"room events {space_id}")
        if self._is_closing or len(channel.outlets) >= MOST_IN_A_ROOM:
            raise Busy("There is no room for more just now.", retry_after=_RETRY_AFTER)
        account_id = outlet.holder.account_id
        if account_id is not None:
            own = [one for one in channel.outlets if one.holder.account_id == account_id]
            for oldest in own[: len(own) + 1 - MOST_OF_ONE]:
                channel.outlets.pop(oldest)
                oldest.end(None, replaced=True)
        channel.outlets[outlet] = None
        await channel.is_open.wait()

    def number(self, space_id: int) -> int:
        """Return how much a room was told here; as long as it is the same, nothing happened."""
        channel = self._channels.get(space_id)
        return -1 if channel is None else channel.number

    def leave(self, space_id: int, outlet: Outlet) -> None:
        """Forget an outlet; the last one of a room turns off the light at the next look."""
        channel = self._channels.get(space_id)
        if channel is not None:
            channel.outlets.pop(outlet, None)

    def tell(self, space_id: int, message: Message) -> None:
        """Tell what this process knows by itself, as every other does."""
        channel, event = self._channels.get(space_id), told(message)
        if channel is not None and event is not None:
            channel.hear(*event)

    async def _read(self, channel: Channel) -> None:
        conversation = news.topic(channel.space_id)
        async with self._bus.subscribe(topic(channel.space_id), conversation, GAP) as messages:
            channel.is_open.set()
            async for where, message in messages:
                if messages.has_missed() or where == GAP:
                    channel.hear(RESYNC, {"event": RESYNC.name})
                if where == GAP:
                    continue
                try:
                    await self._hear(channel, message, is_of_thread=where == conversation)
                except Exception:  # one message that cannot be told; the next may be
                    log.exception("room_events.not_told", space=channel.space_id)

    async def _hear(self, channel: Channel, message: Message, *, is_of_thread: bool) -> None:
        if is_of_thread:
            found = await self._thread.told(channel.space_id, message)
            event = None if found is None else told(found)
        else:
            event = told(message)
        if event is None:
            return
        if event[0].audience is Audience.HOSTS:
            await self._know_hosts(channel)
        channel.hear(*event)

    async def _know_hosts(self, channel: Channel) -> None:
        async with self._db.reading() as tx:
            channel.hosts = await _hosts(tx, channel.space_id)

    async def _look_now_and_then(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            rounds += 1
            try:
                late = self._look_at_outlets()
                await self._look_who_may_stay(late if rounds % LOOK_EVERY else self._everybody())
            except Exception:  # a database that is away comes back: this loop owns the retry
                log.exception("room_events.not_looked")

    def _look_at_outlets(self) -> list[tuple[Channel, Outlet]]:
        """Let go of rooms nobody listens to; return those whose pass has ended, as far as we know."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        late: list[tuple[Channel, Outlet]] = []
        for space_id, channel in list(self._channels.items()):
            for outlet in channel.outlets:
                outlet.look(monotonic)
                if (ends := outlet.holder.expires_at) is not None and ends <= now:
                    late.append((channel, outlet))
            if not channel.outlets:
                del self._channels[space_id]
                channel.close()
                if channel.reader is not None:
                    self._let_go(channel.reader)
        return late

    def _everybody(self) -> list[tuple[Channel, Outlet]]:
        return [(channel, outlet) for channel in self._channels.values() for outlet in channel.outlets]

    def _let_go(self, reader: asyncio.Task[None]) -> None:
        reader.cancel()
        self._ended.add(reader)
        reader.add_done_callback(self._ended.discard)

    async def _look_who_may_stay(self, there: list[tuple[Channel, Outlet]]) -> None:
        if not there:
            return
        asked = [
            (channel, outlet, Place(space_id=channel.space_id, holder=outlet.holder))
            for channel, outlet in there
        ]
        async with self._db.reading() as tx:
            out = await unwelcome(tx, {place for _, _, place in asked}, self._clock.now())
        for channel, outlet, place in asked:
            reason = out.get(place)
            if reason is not None and outlet in channel.outlets and outlet.holder == place.holder:
                channel.end([outlet], reason)


async def _hosts(tx: Tx, space_id: int) -> frozenset[int]:
    rows = await tx.scalars(
        select(Member.account_id).where(
            Member.space_id == space_id, Member.role.in_(("host", "cohost")), Member.removed_at.is_(None)
        )
    )
    return frozenset(rows)
