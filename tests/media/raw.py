"""A publisher who writes his packets himself: what a browser would never send, over a real session."""

import asyncio
import struct
from typing import Self

from aiortc import MediaStreamTrack

from tests.media.peers import Peer

_RED = ("a=rtpmap:63 red/48000/2", "a=fmtp:63 96/96")


class _Still(MediaStreamTrack):
    """A microphone that never gives anything."""

    kind = "audio"

    async def recv(self) -> None:
        await asyncio.Event().wait()


class RawSpeaker(Peer):
    """Connects as a stock peer and sends what it is told."""

    payload_type = 96

    async def publish(self, *, room: str = "room", participant: str = "", red: bool = False) -> Self:
        self.connection.addTrack(_Still())
        offer = await self.offer()
        if red:
            offer = offer.replace(" UDP/TLS/RTP/SAVPF 96", " UDP/TLS/RTP/SAVPF 96 63", 1)
            offer = offer.replace("a=rtpmap:96", "\r\n".join([*_RED, "a=rtpmap:96"]), 1)
        grant = self._studio.grant("publish", room=room, participant=participant)
        answer = await self._studio.client.publish(grant, offer)
        self.session = answer.session
        assert ("RTP/SAVPF 63 96" in answer.sdp) == red
        plain = "\r\n".join(line for line in answer.sdp.split("\r\n") if line not in _RED)
        await self.accept(plain.replace("SAVPF 63 96", "SAVPF 96"))
        await self.connected()
        return self

    async def send(self, data: bytes) -> None:
        """Encrypt and send RTP or RTCP."""
        await self.connection.getSenders()[0].transport._send_rtp(data)

    async def send_voice(
        self,
        number: int,
        payload: bytes,
        *,
        ssrc: int = 1234,
        payload_type: int = 96,
        samples: int = 960,
        sources: tuple[int, ...] = (),
    ) -> None:
        """Send the packet of that number of a stream of equal ones."""
        head = struct.pack(
            "!BBHII",
            0x80 | len(sources),
            payload_type,
            number & 0xFFFF,
            number * samples & 0xFFFFFFFF,
            ssrc,
        )
        await self.send(head + struct.pack(f"!{len(sources)}I", *sources) + payload)
