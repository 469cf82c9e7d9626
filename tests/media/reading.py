"""Somebody who listens over HTTP, at the audio server's door: what they got, and as a player hears it."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import numpy as np

from fedispace.media.live.stream_client import Stream
from tests.ground.ear import RATE
from tests.media.hearing import Samples
from tests.media.playing import played
from tests.media.studio import Studio


class Reading:
    """`async with Reading(studio) as reading:` reads from then on."""

    def __init__(self, studio: Studio, *, room: str = "room", participant: str = "") -> None:
        self._studio = studio
        self.grant = studio.grant("subscribe", room=room, participant=participant)
        self.received = bytearray()
        self.is_over = asyncio.Event()
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._stream = await self._studio.client.stream(self.grant)
        self._task = asyncio.create_task(self._read(self._stream))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        assert self._stream is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._stream.close()

    async def _read(self, stream: Stream) -> None:
        while chunk := await stream.next():
            self.received += chunk
        self.is_over.set()

    async def hears(self, seconds: float, *, within: float = 30.0) -> Samples:
        """Return the next `seconds` as a player plays them."""
        before = len(played(bytes(self.received))) if self.received else 0
        async with asyncio.timeout(within):
            while True:
                await asyncio.sleep(0.2)
                if not self.received:
                    continue
                sound = played(bytes(self.received))
                if len(sound) - before >= seconds * RATE:
                    return sound[before:]


async def read_on(stream: Stream, seconds: float, *, within: float = 30.0) -> Samples:
    """Read from the beginning until so much can be played; return it."""
    received = b""
    async with asyncio.timeout(within):
        while True:
            received += await stream.next()
            sound = played(received) if len(received) > 1000 else np.zeros(0)
            if len(sound) >= seconds * RATE:
                return sound
