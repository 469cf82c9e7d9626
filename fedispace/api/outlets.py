"""Connections on which events go out: WebSocket (RFC 6455) and server-sent events (the HTML standard).

Events are written to the transport as they are, framed once for all connections. That is what makes a room
of a thousand cheap, and it is allowed because nothing of ours changes the bytes on the way: no compression
is agreed to, and a server's frames are not masked (RFC 6455, section 5.1).

Who reads slowly is known by what has not left: above `_UNSENT_BYTES` nothing more is written, and they are
told to look anew (`resync`) when it is gone. Whoever has not read it after `_BEHIND_SECONDS` is cut off.
The kernel's own buffer is made small, so that this much and no more is kept for anybody.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from fedispace.spaces.events.room_events import Packed, packed
from fedispace.spaces.events.welcome import Holder, Reason

_UNSENT_BYTES: Final = 256 * 1024
_KERNEL_BYTES: Final = 64 * 1024
_BEHIND_SECONDS: Final = 30.0
_HELD: Final = 256

CODES: Final = {Reason.OVER: 4410, Reason.OUT: 4403, Reason.EXPIRED: 4401}
REPLACED: Final = 4409
GOING_AWAY: Final = 1001

_RESYNC: Final = packed({"event": "resync"})


class Wire:
    """The outgoing end of one connection; until `release` it keeps back what is offered."""

    def __init__(
        self, transport: asyncio.Transport, holder: Holder, name: str, frame: Callable[[Packed], bytes]
    ) -> None:
        self.holder = holder
        self.ended = asyncio.Event()
        self.code = GOING_AWAY
        self._transport = transport
        self._name = name
        self._frame = frame
        self._held: list[Packed] | None = []
        self._behind_since: float | None = None
        self._is_behind = False
        _keep_little(transport)

    def offer(self, event: Packed) -> None:
        """Send an event, or drop it if this connection does not keep up."""
        if self._held is not None:
            if len(self._held) < _HELD:
                self._held.append(event)
            return
        if self.ended.is_set() or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _UNSENT_BYTES:
            self._is_behind = True
            return
        self._catch_up()
        self._write(event)

    def release(self, *first: Packed) -> None:
        """Say these, then what was kept back, and from now on everything at once."""
        held, self._held = self._held or [], None
        for event in (*first, *held):
            self._write(event)

    def end(self, reason: Reason | None, *, replaced: bool = False) -> None:
        """Say goodbye; whoever holds the connection closes it then."""
        if self.ended.is_set():
            return
        self.code = REPLACED if replaced else CODES[reason] if reason is not None else GOING_AWAY
        why = (
            reason.value if reason is not None else "opened elsewhere" if replaced else "this server restarts"
        )
        if self._held is None and not self._transport.is_closing():
            self._write(packed({"event": "bye", "code": self.code, "reason": why}))
        self.ended.set()

    def look(self, now: float) -> None:
        """Catch up once all is sent; cut off who never reads."""
        if not self._is_behind:
            return
        if self._transport.is_closing() or self._transport.get_write_buffer_size() == 0:
            self._behind_since = None
            self._catch_up()
        elif self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since > _BEHIND_SECONDS:
            self._transport.abort()

    def comment(self, data: bytes) -> None:
        """Write bytes that keep a connection open and say nothing."""
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() == 0:
            self._transport.write(data)

    @property
    def is_gone(self) -> bool:
        return self._transport.is_closing()

    def _catch_up(self) -> None:
        if self._is_behind:
            self._is_behind = False
            self._write(_RESYNC)

    def _write(self, event: Packed) -> None:
        if not self._transport.is_closing():
            self._transport.write(event.framed(self._name, self._frame))


def websocket_frame(event: Packed) -> bytes:
    """Return an event as one text message, in one frame (RFC 6455, section 5.2)."""
    length = len(event.body)
    if length < 126:
        return bytes((0x81, length)) + event.body
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big") + event.body
    return b"\x81\x7f" + length.to_bytes(8, "big") + event.body


def server_sent(event: Packed) -> bytes:
    """Return an event of a stream, with its name and its number."""
    number = f"id: {event.number}\n" if event.number else ""
    return f"event: {event.name}\n{number}".encode() + b"data: " + event.body + b"\n\n"


def chunk(data: bytes) -> bytes:
    """Return bytes as a chunk of an HTTP/1.1 body (RFC 9112, section 7.1)."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def server_sent_chunk(event: Packed) -> bytes:
    return chunk(server_sent(event))


def _keep_little(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
