"""Carries what may be lost: wake-ups and live events, between tasks and between machines.

Anything that must not be lost is a row. A subscriber that cannot keep up loses its oldest messages, and can
ask whether it did; after the server was away, everybody who listens to `GAP` is told so.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec
import structlog

log = structlog.get_logger()

BACKLOG = 256
GAP = "bus.gap"
"""The topic of this process alone on which it is said that messages of any topic may have been missed."""
Message = dict[str, Any]


class Subscription:
    """A bounded queue of (topic, message); iterate it."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[tuple[str, Message]] = asyncio.Queue(BACKLOG)
        self._has_missed = False

    def offer(self, topic: str, message: Message) -> None:
        if self._messages.full():
            self._messages.get_nowait()
            self._has_missed = True
        self._messages.put_nowait((topic, message))

    def has_missed(self) -> bool:
        """Tell whether messages were lost since this was last asked."""
        missed, self._has_missed = self._has_missed, False
        return missed

    async def next(self) -> tuple[str, Message]:
        return await self._messages.get()

    async def __aiter__(self) -> AsyncIterator[tuple[str, Message]]:
        while True:
            yield await self.next()


class Bus(Protocol):
    """Publishes to topics; delivery is best effort."""

    def publish(self, topic: str, message: Message) -> None: ...

    def subscribe(self, *topics: str) -> contextlib.AbstractAsyncContextManager[Subscription]: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class MemoryBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._subscribers: defaultdict[str, set[Subscription]] = defaultdict(set)

    def publish(self, topic: str, message: Message) -> None:
        for subscription in tuple(self._subscribers.get(topic, ())):
            subscription.offer(topic, message)

    @contextlib.asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[Subscription]:
        subscription = Subscription()
        for topic in topics:
            self._subscribers[topic].add(subscription)
        try:
            yield subscription
        finally:
            for topic in topics:
                self._subscribers[topic].discard(subscription)
                if not self._subscribers[topic]:
                    del self._subscribers[topic]

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return


class RedisBus:
    """The bus of many processes, over Redis or Valkey. Local subscribers hear through it too.

    When the server goes away messages are dropped and counted in the log; the loop reconnects with
    back-off. Nothing depends on it but latency.
    """

    CHANNEL = "fedispace"

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis

        self._redis: Any = Redis.from_url(url, health_check_interval=15)
        self._local = MemoryBus()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(4096)
        self._tasks: list[asyncio.Task[None]] = []

    def publish(self, topic: str, message: Message) -> None:
        try:
            self._outgoing.put_nowait(msgspec.json.encode((topic, message)))
        except asyncio.QueueFull:
            log.warning("bus.dropped", topic=topic)

    def subscribe(self, *topics: str) -> contextlib.AbstractAsyncContextManager[Subscription]:
        return self._local.subscribe(*topics)

    async def start(self) -> None:
        ready = asyncio.Event()
        self._tasks = [asyncio.create_task(self._listen(ready)), asyncio.create_task(self._send())]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await ready.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    async def _send(self) -> None:
        from redis.exceptions import RedisError

        while True:
            payload = await self._outgoing.get()
            try:
                await self._redis.publish(self.CHANNEL, payload)
            except (RedisError, OSError) as error:
                log.warning("bus.unreachable", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _listen(self, ready: asyncio.Event) -> None:
        from redis.exceptions import RedisError

        pause = 0.2
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self.CHANNEL)
                    if ready.is_set():
                        self._local.publish(GAP, {})
                    ready.set()
                    pause = 0.2
                    async for event in channel.listen():
                        if event["type"] == "message":
                            self._told(event["data"])
            except (RedisError, OSError) as error:
                log.warning("bus.unreachable", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15)

    def _told(self, payload: bytes) -> None:
        try:
            topic, message = msgspec.json.decode(payload, type=tuple[str, Message])
        except msgspec.DecodeError:  # somebody else's words on our channel
            log.warning("bus.not_understood")
            return
        self._local.publish(topic, message)


def open_bus(url: str) -> Bus:
    """Build the bus the configuration names: empty for one process, `redis://` for many."""
    return RedisBus(url) if url else MemoryBus()
