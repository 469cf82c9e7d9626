"""A small WHIP and WHEP endpoint in front of a studio, for clients that speak HTTP (RFC 9725)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

import fedispace
from fedispace.errors import Busy, FedispaceError
from fedispace.media.live.messages import Answer
from tests.media.studio import Studio

_TRIES, _PAUSE = 20, 0.5
_LINE = Path(fedispace.__file__).parent / "web" / "static" / "line.js"
_PAGE = r"""<!doctype html><meta charset="utf-8"><title>Listen</title><button>Listen</button><script>
let peer;
const name = location.pathname.split("/")[2] || "";
const recorder = `registerProcessor("recorder", class extends AudioWorkletProcessor {
  kept = [];
  process([[samples]]) {
    if (samples) this.kept.push(...samples);
    if (this.kept.length >= 9600) {
      this.port.postMessage(Int16Array.from(this.kept, (value) => 32767 * Math.max(-1, Math.min(1, value))));
      this.kept = [];
    }
    return true;
  }
})`;
// What is heard is posted, a fifth of a second at a time, in order: samples, or a recording where there
// is no sound card for Web Audio to keep time by.
const record = async (stream) => {
  let sent = Promise.resolve();
  const keep = (body) => {
    sent = sent.then(() => fetch(`/heard/${name}`, {method: "POST", body}));
  };
  if (navigator.userAgent.includes("Firefox")) {
    const recording = new MediaRecorder(stream, {mimeType: "audio/ogg", audioBitsPerSecond: 192000});
    recording.ondataavailable = ({data}) => keep(data);
    recording.start(200);
    return;
  }
  const context = new AudioContext({sampleRate: 48000});
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorder], {type: "text/javascript"})));
  const node = new AudioWorkletNode(context, "recorder", {channelCount: 1, channelCountMode: "explicit"});
  node.port.onmessage = ({data}) => keep(data);
  context.createMediaStreamSource(stream).connect(node).connect(context.destination);
};
const hear = (track) => {
  const audio = new Audio();
  audio.srcObject = new MediaStream([track]);
  audio.play();
  if (name) record(audio.srcObject);
};
const post = async (path, offer) => {
  const answer = await fetch(path, {
    method: "POST", headers: {"Content-Type": "application/sdp"}, body: offer});
  if (answer.status !== 201) throw new Error(await answer.text());
  return answer.text();
};
const without = (sdp, protocol) =>
  sdp.split("\r\n").filter((line) => !(line.startsWith("a=candidate:") && line.includes(` ${protocol} `)))
    .join("\r\n");
window.blocked = "";
window.connectedTo = async (path, stream) => {
  peer = new RTCPeerConnection();
  if (stream) peer.addTransceiver(stream.getAudioTracks()[0], {direction: "sendonly"});
  else {
    peer.addTransceiver("audio", {direction: "recvonly"});
    peer.ontrack = (event) => hear(event.track);
  }
  await peer.setLocalDescription(await peer.createOffer());
  const answer = without(await post(path, peer.localDescription.sdp), window.blocked);
  await peer.setRemoteDescription({type: "answer", sdp: answer});
};
window.hold = async (path = "/whep") => {
  const stream = path === "/whip" ? await navigator.mediaDevices.getUserMedia({audio: true}) : null;
  const { Line } = await import("/line.js");
  window.told = [];
  window.line = new Line({
    door: async () => ({url: location.origin + path, ticket: ""}),
    dress: (pc) => {
      peer = pc;
      if (stream) return pc.addTransceiver(stream.getAudioTracks()[0], {direction: "sendonly"});
      pc.addTransceiver("audio", {direction: "recvonly"});
      pc.ontrack = (event) => {
        const audio = new Audio();
        audio.srcObject = new MediaStream([event.track]);
        audio.play();
      };
    },
    tell: (state) => told.push(state),
  });
  line.start();
};
window.listen = () => window.connectedTo("/whep" + (name && `/${name}`));
window.speak = async (audio = true) =>
  window.connectedTo("/whip" + (name && `/${name}`), await navigator.mediaDevices.getUserMedia({audio}));
document.querySelector("button").onclick = window.listen;
window.state = () => peer.connectionState;
window.stats = async (type) =>
  [...(await peer.getStats()).values()].filter((entry) => entry.type === type);
</script>"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in: who came under a name, and what pages of a name heard (16 bits, 48 kHz)."""

    origin: str
    sessions: dict[str, str] = field(default_factory=dict)
    heard: defaultdict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray), repr=False)


async def _open(studio: Studio, path: str, offer: str) -> Answer:
    """Open a session; try again when there are too many at once, since not every client does."""
    for tries_left in reversed(range(_TRIES)):
        try:
            if path.startswith("/whip"):
                return await studio.client.publish(studio.grant("publish"), offer)
            return await studio.client.subscribe(studio.grant("subscribe"), offer)
        except Busy:
            if not tries_left:
                raise
            await asyncio.sleep(_PAUSE)
    raise AssertionError


@asynccontextmanager
async def open_door(studio: Studio) -> AsyncIterator[str]:
    """Serve `/` (a page that can listen and speak), `/whip` and `/whep`; yield the origin."""
    async with door_of(studio) as door:
        yield door.origin


@asynccontextmanager
async def door_of(studio: Studio) -> AsyncIterator[Door]:
    """Serve the same also as `/page/NAME`, `/whip/NAME` and `/whep/NAME`."""
    sessions: dict[str, str] = {}
    heard: defaultdict[str, bytearray] = defaultdict(bytearray)

    async def session(request: web.Request) -> web.Response:
        offer = await request.text()
        try:
            answer = await _open(studio, request.path, offer)
        except FedispaceError as error:
            return web.Response(status=422, text=error.detail)
        sessions[request.match_info.get("name", "")] = answer.session
        return web.Response(
            status=201,
            text=answer.sdp,
            content_type="application/sdp",
            headers={"Location": f"/session/{answer.session}"},
        )

    async def leave(request: web.Request) -> web.Response:
        await studio.client.hang_up(request.match_info["session"])
        return web.Response()

    async def patch(request: web.Request) -> web.Response:
        matching = [tag.strip('"') for tag in request.headers.getall("If-Match")]
        try:
            patched = await studio.client.patch(request.match_info["session"], matching, await request.text())
        except FedispaceError as error:
            return web.Response(status=404, text=error.detail)
        return web.Response(text=patched.fragment, headers={"ETag": f'"{patched.etag}"'})

    async def line(_: web.Request) -> web.Response:
        return web.Response(text=_LINE.read_text(), content_type="text/javascript")

    async def hear(request: web.Request) -> web.Response:
        heard[request.match_info["name"]] += await request.read()
        return web.Response()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/line.js", line)
    app.router.add_patch("/session/{session}", patch)
    for path in ("/", "/page/{name}"):
        app.router.add_get(path, page)
    for path in ("/whip", "/whip/{name}", "/whep", "/whep/{name}"):
        app.router.add_post(path, session)
    app.router.add_post("/heard/{name}", hear)
    app.router.add_delete("/session/{session}", leave)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield Door(f"http://127.0.0.1:{port}", sessions, heard)
    finally:
        await runner.cleanup()
