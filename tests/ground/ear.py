"""What a listener hears: the decoded sound of one track."""

import asyncio
import contextlib

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from tests.media.hearing import Samples

RATE = 48_000


class Ear:
    """Decodes a track from when it is there until its connection closes."""

    def __init__(self) -> None:
        self._heard: list[Samples] = []
        self._more = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    def begin(self, track: MediaStreamTrack) -> None:
        self._task = asyncio.create_task(self._decode(track))

    async def end(self) -> None:
        """Stop listening: the connection is closed already.

        A track that never began, because the connection failed, does not end with it.
        """
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def listen(self, seconds: float, *, within: float) -> Samples:
        """Return the next `seconds` of decoded sound, 48 kHz, one channel."""
        async with self._more:
            self._heard.clear()
            async with asyncio.timeout(within):
                await self._more.wait_for(lambda: sum(map(len, self._heard)) >= seconds * RATE)
            return np.concatenate(self._heard)

    def heard(self) -> Samples:
        """Return what was decoded since `forget`, which is nothing where no packets come."""
        return np.concatenate(self._heard) if self._heard else np.zeros(0)

    def forget(self) -> None:
        """Begin anew."""
        self._heard.clear()

    async def _decode(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            samples = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)]
            async with self._more:
                self._heard.append(samples.astype(np.float64))
                self._more.notify_all()
