// Publishes a tone by WHIP with libwebrtc as Node has it: `node wrtc-publish.mjs URL FREQUENCY`.
import wrtc from "@roamhq/wrtc";

const [url, frequency] = process.argv.slice(2);
const RATE = 48000;
const FRAMES = RATE / 100;

const source = new wrtc.nonstandard.RTCAudioSource();
const peer = new wrtc.RTCPeerConnection();
const stream = new wrtc.MediaStream([source.createTrack()]);
peer.addTransceiver(stream.getAudioTracks()[0], { direction: "sendonly", streams: [stream] });
await peer.setLocalDescription(await peer.createOffer());
if (peer.iceGatheringState !== "complete") {
  await new Promise((resolve) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
  });
}
const response = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/sdp" },
  body: peer.localDescription.sdp,
});
if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });

// A timer is late at times: what is due is sent, so that the sound keeps its speed.
const began = performance.now();
let sent = 0;
setInterval(() => {
  for (; sent * 10 <= performance.now() - began; sent += 1) {
    const samples = new Int16Array(FRAMES);
    for (let index = 0; index < FRAMES; index += 1) {
      samples[index] = 12000 * Math.sin((2 * Math.PI * frequency * (sent * FRAMES + index)) / RATE);
    }
    source.onData({ samples, sampleRate: RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames: FRAMES });
  }
}, 10);
