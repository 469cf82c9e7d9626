"""Janus asked over HTTP, as its own browser library asks it."""

import json
import secrets
from pathlib import Path
from typing import Any

import aiohttp

from bench.forwarding_janus import Janus
from bench.forwarding_peer import Peer, Remote
from bench.process import free_port

_ROOM = 1234
_CONFIG = """
general: {{ json = "plain", base_path = "/janus", http = true, port = {port}, https = false }}
admin: {{ admin_http = false }}
"""


class JanusOverHttp(Janus):
    """The room and who publishes in it are made over the Unix socket, listeners come over HTTP.

    A listener is four requests (a session, a handle, join, start) and two that wait for what happens
    because of them, on connections of his own.
    """

    _TRANSPORTS = frozenset({"libjanus_pfunix.so", "libjanus_http.so"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        port = free_port()
        self._at = f"http://127.0.0.1:{port}/janus"
        (folder / "janus.transport.http.jcfg").write_text(_CONFIG.format(port=port))

    async def subscribe(self, peer: Peer) -> None:
        """Let `peer` hear the publishers."""
        async with aiohttp.ClientSession() as http:
            session = await self._post(http, "", janus="create")
            at = f"/{session['data']['id']}"
            handle = await self._post(http, at, janus="attach", plugin="janus.plugin.videoroom")
            there = f"{at}/{handle['data']['id']}"
            streams = [{"feed": feed} for feed in self._feeds]
            body = {"request": "join", "ptype": "subscriber", "room": _ROOM, "streams": streams}
            await self._post(http, there, janus="message", body=body)
            remote = Remote((await self._event(http, at))["jsep"]["sdp"])
            answer = {"type": "answer", "sdp": peer.sdp("recvonly", setup="passive", mids=remote.mids)}
            await self._post(http, there, janus="message", body={"request": "start"}, jsep=answer)
            await self._event(http, at)
        await peer.connect(remote, as_server=True)

    async def _post(self, http: aiohttp.ClientSession, path: str, **message: Any) -> dict[str, Any]:
        whole = json.dumps({**message, "transaction": secrets.token_hex(6)})
        async with http.post(self._at + path, data=whole) as answer:
            reply: dict[str, Any] = await answer.json(content_type=None)
        if reply["janus"] not in ("success", "ack"):
            raise RuntimeError(str(reply))
        return reply

    async def _event(self, http: aiohttp.ClientSession, path: str) -> dict[str, Any]:
        while True:
            async with http.get(f"{self._at}{path}", params={"maxev": "1"}) as answer:
                event: dict[str, Any] = await answer.json(content_type=None)
            if event["janus"] == "event":
                return event
