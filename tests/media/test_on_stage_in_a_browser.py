"""Chromium on stage: three slots in, its microphone out with redundancy, and never its own voice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.ground.browser import Browser
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.names import Names
from tests.ground.speech import tone
from tests.media.door import open_door
from tests.media.hearing import main_frequency
from tests.media.peers import OnStage, Sound
from tests.media.studio import Studio

_SCRIPT = """
window.comeOnStage = async () => {
  const listening = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const context = new AudioContext();
  window.slots = [];
  for (let n = 0; n < 3; n += 1) listening.addTransceiver("audio", { direction: "recvonly" });
  listening.ontrack = ({ track }) => {
    const audio = new Audio();
    audio.srcObject = new MediaStream([track]);
    audio.play();
    const analyser = new AnalyserNode(context, { fftSize: 8192 });
    context.createMediaStreamSource(audio.srcObject).connect(analyser);
    window.slots.push(analyser);
  };
  await listening.setLocalDescription(await listening.createOffer());
  const heard = await window.answerTo("subscribe", listening.localDescription.sdp);
  await listening.setRemoteDescription({ type: "answer", sdp: heard });
  const speaking = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const stream = await navigator.mediaDevices.getUserMedia({ audio: {
    echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  speaking.addTransceiver(stream.getAudioTracks()[0], { direction: "sendonly", streams: [stream] });
  await speaking.setLocalDescription(await speaking.createOffer());
  const said = await window.answerTo("publish", speaking.localDescription.sdp);
  await speaking.setRemoteDescription({ type: "answer", sdp: said });
  window.listening = listening;
  window.speaking = speaking;
};
window.received = async () => [...(await window.listening.getStats()).values()]
  .filter((one) => one.type === "inbound-rtp");
// The loudest frequency of each slot, 0 where it is silent.
window.tones = () => window.slots.map((analyser) => {
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const at = bins.indexOf(Math.max(...bins));
  return bins[at] > -60 ? at * analyser.context.sampleRate / analyser.fftSize : 0;
});
"""


@asynccontextmanager
async def _on_stage(studio: Studio, directory: Path, frequency: float) -> AsyncIterator[Page]:
    """A browser whose microphone plays a tone, both its sessions on."""
    microphone = tone(directory / "microphone.wav", frequency=frequency)

    async def answer(role: str, offer: str) -> str:
        if role == "publish":
            return (await studio.client.publish(studio.grant("publish", participant="anna"), offer)).sdp
        grant = studio.grant("subscribe", participant="anna", stage=True)
        return (await studio.client.subscribe(grant, offer)).sdp

    async with (
        open_door(studio) as origin,
        Browser(Names(directory), directory, microphone=microphone) as browser,
    ):
        page = await browser.page(origin)
        await page.expose_function("answerTo", answer)
        await page.add_script_tag(content=_SCRIPT)
        await page.evaluate("comeOnStage()")
        yield page


async def test_own_voice_never_comes_back_and_others_do(studio: Studio, tmp_path: Path) -> None:
    async with _on_stage(studio, tmp_path, 880.0) as page, OnStage(studio) as bert:
        await bert.subscribe(participant="bert")
        heard = await bert.listen(2)
        alone = await page.evaluate("received()")
        tones_alone = await page.evaluate("tones()")

        await bert._mouth.publish(Sound.tone(440), participant="bert")
        await eventually("bert alone is heard", lambda: _tones(page), _are_only_berts)
        again = await bert.listen(2)
        received = await page.evaluate("received()")
        status = await studio.client.status()

    assert [abs(main_frequency(sound[-RATE:], RATE) - 880) < 10 for sound in heard if len(sound)] == [True]
    assert sum(entry["packetsReceived"] for entry in alone) == 0
    assert not any(tones_alone)
    assert [abs(main_frequency(sound[-RATE:], RATE) - 880) < 10 for sound in again if len(sound)] == [True]
    assert sum(entry["packetsReceived"] > 0 for entry in received) == 1
    assert sum(entry["packetsLost"] for entry in received) == 0
    assert status.packets_redundant > 50, "asked to repeat itself, it does"


def _are_only_berts(tones: list[float]) -> bool:
    return [abs(tone - 440) < 12 for tone in tones if tone] == [True]


async def _tones(page: Page) -> Any:
    return await page.evaluate("tones()")
