"""A small WHIP and WHEP endpoint in front of a studio, for clients that speak HTTP (RFC 9725)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

import fedispace
from fedispace.errors import FedispaceError
from tests.media.studio import Studio

_LINE = Path(fedispace.__file__).parent / "web" / "static" / "line.js"
_PAGE = r"""<!doctype html><meta charset="utf-8"><title>Listen</title><button>Listen</button><script>
let peer;
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
    peer.ontrack = (event) => {
      const audio = new Audio();
      audio.srcObject = new MediaStream([event.track]);
      audio.play();
    };
  }
  await peer.setLocalDescription(await peer.createOffer());
  const answer = without(await post(path, peer.localDescription.sdp), window.blocked);
  await peer.setRemoteDescription({type: "answer", sdp: answer});
};
window.listen = () => window.connectedTo("/whep");
window.speak = async () =>
  window.connectedTo("/whip", await navigator.mediaDevices.getUserMedia({audio: true}));
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
window.state = () => peer.connectionState;
window.stats = async (type) =>
  [...(await peer.getStats()).values()].filter((entry) => entry.type === type);
</script>"""


@asynccontextmanager
async def open_door(studio: Studio) -> AsyncIterator[str]:
    """Serve `/` (a page that can listen and speak), `/whip` and `/whep`; yield the origin."""

    async def session(request: web.Request) -> web.Response:
        offer = await request.text()
        try:
            if request.path == "/whip":
                answer = await studio.client.publish(studio.grant("publish"), offer)
            else:
                answer = await studio.client.subscribe(studio.grant("subscribe"), offer)
        except FedispaceError as error:
            return web.Response(status=422, text=error.detail)
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

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_post("/whip", session)
    app.router.add_post("/whep", session)
    app.router.add_get("/line.js", line)
    app.router.add_patch("/session/{session}", patch)
    app.router.add_delete("/session/{session}", leave)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
