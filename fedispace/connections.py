"""Connections to peers: a few at once, a few kept.

At most `AT_ONCE` are in use, and `PER_HOST` at one host; who comes later waits. What was used is kept for
`KEPT_SECONDS` in case there is more to say, so many altogether as the operator allows: the one that has
been idle longest makes room. Each costs some 30 kB on our side, and a place on the peer's.

aiohttp's connector would bound those in use, not those that are kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp.client_proto import ResponseHandler

from fedispace.dialing import Door

AT_ONCE: Final = 300
PER_HOST: Final = 4
KEPT_SECONDS: Final = 15.0

Dial = Callable[[Door], Awaitable[ResponseHandler]]


class Connections:
    """Lends connections, and keeps what comes back in order."""

    def __init__(self, dial: Dial, *, keep: int) -> None:
        self._dial = dial
        self._keep = keep
        self._places = asyncio.Semaphore(AT_ONCE)
        self._hosts: dict[Door, _Host] = {}
        self._idle: OrderedDict[ResponseHandler, tuple[Door, float]] = OrderedDict()
        self._alarm: asyncio.TimerHandle | None = None
        self._lent: set[ResponseHandler] = set()

    async def take(self, door: Door) -> ResponseHandler:
        """Return a connection to be given back by `give_back`, or by `drop` after a failure."""
        host = self._hosts.get(door)
        if host is None:
            host = self._hosts[door] = _Host()
        host.guests += 1
        try:
            await host.places.acquire()
            try:
                await self._places.acquire()
                try:
                    connection = self._kept(host)
                    if connection is None:
                        connection = await self._dial(door)
                    self._lent.add(connection)
                    return connection
                except BaseException:
                    self._places.release()
                    raise
            except BaseException:
                host.places.release()
                raise
        except BaseException:
            self._leave(door, host)
            raise

    def _kept(self, host: "_Host") -> ResponseHandler | None:
        """Return the connection that was used last, if one is still open."""
        while host.kept:
            found = host.kept.pop()
            del self._idle[found]
            if found.is_connected() and not found.should_close:
                return found
            found.close()
        return None

    def give_back(self, door: Door, connection: ResponseHandler) -> None:
        """Keep a connection whose answer was read to its end."""
        self._lent.discard(connection)
        host = self._hosts[door]
        if connection.should_close or not connection.is_connected():
            connection.close()
        else:
            now = asyncio.get_running_loop().time()
            host.kept.append(connection)
            self._idle[connection] = door, now
            if len(self._idle) > self._keep:
                self._discard(next(iter(self._idle)))
            elif self._alarm is None:
                self._alarm = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._sweep)
        self._free(door, host)

    def drop(self, door: Door, connection: ResponseHandler) -> None:
        """Close a connection of which nobody knows what comes next."""
        self._lent.discard(connection)
        connection.close()
        self._free(door, self._hosts[door])

    def close(self) -> None:
        """Close every connection, those in use too."""
        for connection in self._lent:
            connection.close()
        while self._idle:
            self._discard(next(iter(self._idle)))
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _free(self, door: Door, host: "_Host") -> None:
        self._places.release()
        host.places.release()
        self._leave(door, host)

    def _leave(self, door: Door, host: "_Host") -> None:
        host.guests -= 1
        self._forget(door, host)

    def _forget(self, door: Door, host: "_Host") -> None:
        if not host.guests and not host.kept:
            self._hosts.pop(door, None)

    def _discard(self, connection: ResponseHandler) -> None:
        door, _ = self._idle.pop(connection)
        host = self._hosts[door]
        host.kept.remove(connection)
        connection.close()
        self._forget(door, host)

    def _sweep(self) -> None:
        """Close what was idle for long enough; the oldest stand first."""
        loop = asyncio.get_running_loop()
        self._alarm = None
        while self._idle:
            oldest, (_, since) = next(iter(self._idle.items()))
            left = since + KEPT_SECONDS - loop.time()
            if left > 0:
                self._alarm = loop.call_later(left, self._sweep)
                return
            self._discard(oldest)


class _Host:
    """One host's places, who is at them or waits, and what is kept; the last used stands last."""

    __slots__ = ("guests", "kept", "places")

    def __init__(self) -> None:
        self.guests = 0
        self.kept: list[ResponseHandler] = []
        self.places = asyncio.Semaphore(PER_HOST)
