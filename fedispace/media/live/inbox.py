"""DTLS records on their way to one reader: he awaits them during the handshake, and is called after it."""

import asyncio
from collections.abc import Callable

_KEPT = 256


class Inbox:
    """Keeps a bounded number of them, the oldest giving way."""

    __slots__ = ("_arrival", "_kept", "_reader")

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._arrival: asyncio.Future[None] | None = None
        self._reader: Callable[[bytes], None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, data: bytes) -> None:
        """Take in one datagram."""
        if self._reader is not None:
            self._reader(data)
            return
        if len(self._kept) == _KEPT:
            del self._kept[0]
        self._kept.append(data)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def take(self) -> list[bytes]:
        """Wait until there is something and return all of it."""
        if not self._kept:
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        kept, self._kept = self._kept, []
        return kept

    def hand_to(self, reader: Callable[[bytes], None] | None) -> None:
        """From now on call `reader` with each, with those that are here first; None for nobody."""
        self._reader = reader
        kept, self._kept = self._kept, []
        for data in kept:
            self.put(data)
