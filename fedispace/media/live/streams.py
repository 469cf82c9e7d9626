"""Those who listen over plain HTTP: the audio server's side of `GET /spaces/{id}/stream/{address}`.

    room --Tap--> Station: a cut every 200 ms --> Reader: his own numbers --> a connection of the web's

A reader is a session like any other: a grant opens it, it is counted, and what ends sessions ends it. Only
the way is another: his bytes go by a connection of the control door that carries nothing else (`control`),
and the web process passes them on as they come (`stream_client`).

Nothing waits for a reader. While more than `_UNREAD_BYTES` have not gone out his pages are left out and
counted, and when for `idle_seconds` nothing at all went out his session ends, as every idle one does. The
kernel's buffer for the connection is kept small as well, or it would hold minutes.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from fedispace.clock import Clock
from fedispace.media.live.broadcast import PAGE_SECONDS, Broadcast, Copy, Cut
from fedispace.media.live.feedback import Told
from fedispace.media.live.grants import Grant
from fedispace.media.live.room import Room
from fedispace.media.live.tap import Taps

_UNREAD_BYTES: Final = 16 << 10
_KERNEL_BYTES: Final = 16 << 10
_READERS_AT_ONCE: Final = 32


class Reader:
    """One reader's session; it has the face of `session.Session` as far as the audio server looks at it."""

    publisher: None = None
    slots: Final = 0
    uplink: None = None

    def __init__(
        self,
        *,
        grant: Grant,
        room: Room,
        transport: asyncio.WriteTransport,
        clock: Clock,
        on_end: Callable[["Reader"], None],
    ) -> None:
        self.grant = grant
        self.room = room
        self.connected = True
        self.heard_at = self.opened_at = clock.monotonic()
        self.reason = ""
        self.left_out = 0
        self.over = asyncio.Event()
        self._transport = transport
        self._clock = clock
        self._on_end = on_end
        self._copy = Copy()
        self._has_begun = False
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)

    def told(self, now: float) -> Told | None:
        """Nobody tells how an HTTP answer is received."""
        return None

    def silence(self, silent: bool) -> None:
        """Who reads says nothing."""

    def report(self, now: float) -> None:
        """There is no RTCP over HTTP."""

    def put(self, cut: Cut) -> None:
        """Send what was cut, or leave it out when he does not keep up."""
        if self.reason or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _UNREAD_BYTES:
            self.left_out += 1
            return
        begun, self._has_begun = self._has_begun, True
        self._transport.write((b"" if begun else self._copy.begin()) + self._copy.next(cut))
        if not self._transport.get_write_buffer_size():
            self.heard_at = self._clock.monotonic()

    def end(self, reason: str) -> None:
        """Send no more, and have the connection closed."""
        if self.reason:
            return
        self.reason = reason
        self.connected = False
        if self._has_begun and not self._transport.is_closing():
            if self._transport.get_write_buffer_size():
                self._transport.abort()  # what he has not read yet is not for him any more
            else:
                self._transport.write(self._copy.finish())
        self.over.set()
        self._on_end(self)


class _Station:
    """One room's cuts, as long as somebody reads them."""

    def __init__(self, room: str, taps: Taps, clock: Clock) -> None:
        self.readers: list[Reader] = []
        self._clock = clock
        self._taps = taps
        self._tap = taps.open(room)
        self._broadcast = Broadcast(clock.monotonic())
        self._work = asyncio.create_task(self._run(), name=f"stream of room {room}")

    async def _run(self) -> None:
        due = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            due = max(due + PAGE_SECONDS, now)
            await asyncio.sleep(due - now)
            cut = self._broadcast.cut(self._tap.take(), self._clock.monotonic())
            if not cut.pages:
                continue
            for number, reader in enumerate(tuple(self.readers), 1):
                reader.put(cut)
                if number % _READERS_AT_ONCE == 0:
                    await asyncio.sleep(0)  # the sound of others does not wait for a crowd of readers

    async def close(self) -> None:
        self._taps.close(self._tap)
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)


class Streams:
    """All readers of the process."""

    def __init__(self, taps: Taps, clock: Clock) -> None:
        self._taps = taps
        self._clock = clock
        self._stations: dict[str, _Station] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._left_out_before = 0

    def __len__(self) -> int:
        return sum(len(station.readers) for station in self._stations.values())

    @property
    def left_out(self) -> int:
        """How many cuts readers were too slow for."""
        readers = (reader for station in self._stations.values() for reader in station.readers)
        return self._left_out_before + sum(reader.left_out for reader in readers)

    def tune(self, room: str) -> None:
        """Have a room's stream ready; raises `Unavailable` when too many rooms are tapped."""
        if room not in self._stations:
            self._stations[room] = _Station(room, self._taps, self._clock)

    def add(self, reader: Reader) -> None:
        """Begin to send to a reader of a room that was tuned in to."""
        self._stations[reader.grant.room].readers.append(reader)

    def remove(self, reader: Reader) -> None:
        """Send no more to a reader; the last one turns his room off."""
        station = self._stations[reader.grant.room]
        station.readers.remove(reader)
        self._left_out_before += reader.left_out
        if not station.readers:
            del self._stations[reader.grant.room]
            task = asyncio.create_task(station.close(), name="stream turned off")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Wait for what is being turned off; the readers have ended."""
        if self._closing:
            await asyncio.wait(self._closing, timeout=1)
