"""Listening over WHEP with a stock aiortc peer connection, as any player would."""

import asyncio
from types import TracebackType
from typing import Self

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.ground.api import Api
from tests.ground.ear import Ear
from tests.media.hearing import Samples


class Listener:
    """One peer connection; leaving the block closes it."""

    def __init__(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._ear = Ear()
        self.port = 0
        """The port of the audio server."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()
        await self._ear.end()

    async def subscribe(self, api: Api, url: str, ticket: str) -> Self:
        """Offer to receive, and connect to whatever the answer names."""
        self._connection.addTransceiver("audio", direction="recvonly")
        self._connection.on("track", self._ear.begin)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        answer, _ = await api.exchange_sdp(url, ticket, self._connection.localDescription.sdp)
        self.port = int(answer.partition("m=audio ")[2].partition(" ")[0])
        await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(15):
            while self._connection.connectionState != "connected":
                assert self._connection.connectionState != "failed"
                await asyncio.sleep(0.01)
        return self

    async def listen(self, seconds: float, *, within: float = 30.0) -> Samples:
        """Return the next `seconds` of decoded sound, 48 kHz, one channel."""
        return await self._ear.listen(seconds, within=within)
