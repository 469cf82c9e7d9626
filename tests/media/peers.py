"""Stock aiortc peer connections that publish and listen, as any WHIP or WHEP client would."""

import asyncio
import fractions
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from tests.ground.ear import RATE, Ear
from tests.media.hearing import Samples, read_wav
from tests.media.studio import Studio

_FRAME = 960


class Sound(MediaStreamTrack):
    """Plays samples in a loop, in real time, as a microphone would deliver them."""

    kind = "audio"

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        self._samples = samples.astype(np.int16)
        self._position = 0
        self._started: float | None = None

    @classmethod
    def tone(cls, frequency: float) -> Self:
        """A second of a tone with whole periods, so that the loop has no seam."""
        return cls(12_000 * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE))

    @classmethod
    def file(cls, path: Path) -> Self:
        samples, rate = read_wav(path)
        assert rate == RATE
        return cls(samples)

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        if self._started is None:
            self._started = loop.time()
        due = self._started + self._position / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        taken = np.take(self._samples, range(self._position, self._position + _FRAME), mode="wrap")
        frame = av.AudioFrame(format="s16", layout="mono", samples=_FRAME)
        frame.planes[0].update(taken.tobytes())
        frame.pts, frame.sample_rate, frame.time_base = self._position, RATE, fractions.Fraction(1, RATE)
        self._position += _FRAME
        return frame


class Peer:
    """One peer connection; leaving the block closes it."""

    def __init__(self, studio: Studio) -> None:
        self.session = ""
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._studio = studio

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.close()

    async def offer(self) -> str:
        """Return an offer with everything gathered."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, sdp: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def connected(self, within: float = 10.0) -> None:
        """Return once DTLS is done."""
        async with asyncio.timeout(within):
            while self.connection.connectionState != "connected":
                assert self.connection.connectionState != "failed"
                await asyncio.sleep(0.01)


class Speaker(Peer):
    """Publishes a sound."""

    async def publish(self, sound: Sound, *, room: str = "room", participant: str = "") -> Self:
        self.connection.addTrack(sound)
        grant = self._studio.grant("publish", room=room, participant=participant)
        answer = await self._studio.client.publish(grant, await self.offer())
        self.session = answer.session
        await self.accept(answer.sdp)
        await self.connected()
        return self


class Listener(Peer):
    """Subscribes and remembers what it decodes."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._ear = Ear()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._ear.end()

    async def offer_to_listen(self) -> str:
        """Return the offer of one section that only receives; what comes is heard."""
        self.connection.addTransceiver("audio", direction="recvonly")
        self.connection.on("track", self._ear.begin)
        return await self.offer()

    async def subscribe(self, *, room: str = "room", participant: str = "") -> Self:
        grant = self._studio.grant("subscribe", room=room, participant=participant)
        answer = await self._studio.client.subscribe(grant, await self.offer_to_listen())
        self.session = answer.session
        await self.accept(answer.sdp)
        await self.connected()
        return self

    async def listen(self, seconds: float, *, within: float = 20.0) -> Samples:
        """Return the next `seconds` of decoded sound, 48 kHz, one channel."""
        return await self._ear.listen(seconds, within=within)

    def heard(self) -> Samples:
        """Return what was decoded since `forget`; nothing where no packets come."""
        return self._ear.heard()

    def forget(self) -> None:
        self._ear.forget()


def record_packets(listener: Listener) -> list[tuple[int, int, int]]:
    """Note every RTP packet as it reaches the stock receiver: source, sequence, timestamp."""
    packets: list[tuple[int, int, int]] = []
    receiver = listener.connection.getReceivers()[0]
    receive = receiver._handle_rtp_packet

    async def note(packet: Any, arrival_time_ms: int) -> None:
        packets.append((packet.ssrc, packet.sequence_number, packet.timestamp))
        await receive(packet, arrival_time_ms)

    receiver._handle_rtp_packet = note  # type: ignore[method-assign]
    return packets


class OnStage(Peer):
    """Speaks and hears the others on stage in slots, as a speaker's browser does."""

    def __init__(self, studio: Studio, *, slots: int = 3) -> None:
        super().__init__(studio)
        self._ears = [Ear() for _ in range(slots)]
        self._mouth = Speaker(studio)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._mouth.__aexit__(kind, error, trace)
        await super().__aexit__(kind, error, trace)
        for ear in self._ears:
            await ear.end()

    @property
    def voice(self) -> str:
        """The session he speaks in."""
        return self._mouth.session

    async def subscribe(self, *, participant: str, room: str = "room", stage: bool = True) -> Self:
        """Offer to hear as many slots as there are ears."""
        for _ in self._ears:
            self.connection.addTransceiver("audio", direction="recvonly")
        ears = iter(self._ears)
        self.connection.on("track", lambda track: next(ears).begin(track))
        grant = self._studio.grant("subscribe", room=room, participant=participant, stage=stage)
        answer = await self._studio.client.subscribe(grant, await self.offer())
        self.session = answer.session
        await self.accept(answer.sdp)
        await self.connected()
        return self

    async def come(self, sound: Sound, *, participant: str, room: str = "room") -> Self:
        """Hear first, then speak."""
        await self.subscribe(participant=participant, room=room)
        await self._mouth.publish(sound, participant=participant, room=room)
        return self

    async def listen(self, seconds: float, *, within: float = 20.0) -> list[Samples]:
        """Return what each ear heard while the busiest heard `seconds`."""
        for ear in self._ears:
            ear.forget()
        async with asyncio.timeout(within):
            while max(len(ear.heard()) for ear in self._ears) < seconds * RATE:
                await asyncio.sleep(0.05)
        return [ear.heard() for ear in self._ears]
