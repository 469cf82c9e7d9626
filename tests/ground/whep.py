"""Listening over WHEP with a stock aiortc peer connection, as any player would."""

import asyncio
from types import TracebackType
from typing import Self

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from tests.ground.api import Api

RATE = 48_000

Samples = NDArray[np.float64]


class Listener:
    """One peer connection; leaving the block closes it."""

    def __init__(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._heard: list[Samples] = []
        self._more = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()
        if self._task is not None:
            await self._task

    async def subscribe(self, api: Api, url: str, ticket: str) -> Self:
        """Offer to receive, and connect to whatever the answer names."""
        self._connection.addTransceiver("audio", direction="recvonly")
        self._connection.on("track", self._begin)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        answer, _ = await api.exchange_sdp(url, ticket, self._connection.localDescription.sdp)
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(15):
            while self._connection.connectionState != "connected":
                assert self._connection.connectionState != "failed"
                await asyncio.sleep(0.01)
        return self

    async def listen(self, seconds: float, *, within: float = 30.0) -> Samples:
        """Return the next `seconds` of decoded sound, 48 kHz, one channel."""
        async with self._more:
            self._heard.clear()
            async with asyncio.timeout(within):
                await self._more.wait_for(lambda: sum(map(len, self._heard)) >= seconds * RATE)
            return np.concatenate(self._heard)

    def _begin(self, track: MediaStreamTrack) -> None:
        self._task = asyncio.create_task(self._decode(track))

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
