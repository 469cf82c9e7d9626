"""Browsers in Janus' rooms: VideoRoom, which forwards, and AudioBridge, which mixes."""

from typing import Any

from playwright.async_api import Page

from bench.forwarding_janus import Janus

ROOM = 1234
_EXPECTED_LOSS = 20
PORTS = "20000:29999"
_OFFER = """async (audio) => {
  peer = new RTCPeerConnection();
  if (audio) {
    const stream = await navigator.mediaDevices.getUserMedia({audio});
    peer.addTransceiver(stream.getAudioTracks()[0], {direction: "sendonly"});
  } else {
    peer.addTransceiver("audio", {direction: "recvonly"});
    peer.ontrack = (event) => hear(event.track);
  }
  await peer.setLocalDescription(await peer.createOffer());
  return peer.localDescription.sdp;
}"""
_ACCEPT = "(sdp) => peer.setRemoteDescription({type: 'answer', sdp})"
_ANSWER = """async (sdp) => {
  peer = new RTCPeerConnection();
  peer.ontrack = (event) => hear(event.track);
  await peer.setRemoteDescription({type: "offer", sdp});
  await peer.setLocalDescription(await peer.createAnswer());
  return peer.localDescription.sdp;
}"""


class VideoRoom(Janus):
    """Forwards."""

    async def connect(self, speaker: Page, listener: Page, audio: dict[str, Any]) -> None:
        """Let one page speak and another hear it."""
        handle = await self._attach()
        joined = await self._ask(handle, {"request": "join", "ptype": "publisher", "room": ROOM})
        feed = joined["plugindata"]["data"]["id"]
        offer = {"type": "offer", "sdp": await speaker.evaluate(_OFFER, audio)}
        answered = await self._ask(handle, {"request": "configure", "audio": True, "video": False}, offer)
        await speaker.evaluate(_ACCEPT, answered["jsep"]["sdp"])
        while not await self._publishers(handle):
            await speaker.wait_for_timeout(50)
        handle = await self._attach()
        body = {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}]}
        offered = await self._ask(handle, body)
        answer = {"type": "answer", "sdp": await listener.evaluate(_ANSWER, offered["jsep"]["sdp"])}
        await self._ask(handle, {"request": "start"}, answer)


class AudioBridge(Janus):
    """Mixes."""

    _PLUGIN = "audiobridge"

    def _room(self) -> dict[str, Any]:
        return {"sampling_rate": 48000}

    async def connect(self, speaker: Page, listener: Page, audio: dict[str, Any]) -> None:
        """Let one page speak and another hear it; their encoders are told to expect the worst."""
        for page, wanted in ((speaker, audio), (listener, None)):
            handle = await self._attach()
            is_muted = wanted is None
            await self._ask(
                handle, {"request": "join", "room": ROOM, "expected_loss": _EXPECTED_LOSS, "muted": is_muted}
            )
            offer = {"type": "offer", "sdp": await page.evaluate(_OFFER, wanted)}
            answered = await self._ask(handle, {"request": "configure", "muted": is_muted}, offer)
            await page.evaluate(_ACCEPT, answered["jsep"]["sdp"])
