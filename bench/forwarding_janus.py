"""Janus: ICE-lite, one plugin, nothing else loaded.

`Janus` is VideoRoom, in its fastest form, which has one event loop for all, or as it comes, with a
thread for each client; `AudioBridge` is the plugin that mixes.
"""

import asyncio
import json
import secrets
import socket
from pathlib import Path
from typing import Any

from bench.forwarding_peer import Peer, Remote

_GENERAL = """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "/usr/lib/x86_64-linux-gnu/janus/plugins"
    transports_folder = "/usr/lib/x86_64-linux-gnu/janus/transports"
    debug_level = 2
    session_timeout = 0
    event_loops = {loops}
}}
media: {{ rtp_port_range = "20000-29999" }}
nat: {{ ice_lite = true }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
_UNIX = """
general: {{ enabled = true, json = "compact", path = "{path}", type = "SOCK_SEQPACKET" }}
admin: {{ admin_enabled = false }}
"""
_ROOM = 1234
_STARTS = 5


class Janus:
    """A Janus process with one room of a VideoRoom, and the signalling to enter it."""

    _PLUGIN = "videoroom"
    _TRANSPORTS = frozenset({"libjanus_pfunix.so"})

    def __init__(self, folder: Path, *, loops: int = 1) -> None:
        self._folder = folder
        self._loops = loops
        self._path = folder / "api.sock"
        self._process: asyncio.subprocess.Process | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._session = 0
        self._waiting: dict[str, tuple[str, asyncio.Future[dict[str, Any]]]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._feeds: list[int] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start Janus and open a session on it."""
        libraries = Path("/usr/lib/x86_64-linux-gnu/janus")
        plugins = {path.name for path in (libraries / "plugins").glob("*.so")}
        transports = {path.name for path in (libraries / "transports").glob("*.so")}
        config = _GENERAL.format(
            folder=self._folder,
            loops=self._loops,
            plugins=",".join(plugins - {f"libjanus_{self._PLUGIN}.so"}),
            transports=",".join(transports - self._TRANSPORTS),
        )
        (self._folder / "janus.jcfg").write_text(config)
        (self._folder / "janus.transport.pfunix.jcfg").write_text(_UNIX.format(path=self._path))
        (self._folder / f"janus.plugin.{self._PLUGIN}.jcfg").write_text("general: { }\n")
        for _ in range(_STARTS):
            self._path.unlink(missing_ok=True)  # of one that ended: Janus has no transport while it is there
            await self._spawn()
            if await self._connect():
                break
        else:
            raise RuntimeError((self._folder / "janus.log").read_text()[-1000:])
        self._reader = asyncio.create_task(self._listen())
        created = await self._send("success", janus="create")
        self._session = created["data"]["id"]
        handle = await self._attach()
        body = {"request": "create", "room": _ROOM, **self._room()}
        await self._send("success", handle_id=handle, janus="message", body=body)

    async def _spawn(self) -> None:
        log = (self._folder / "janus.log").open("wb")
        self._process = await asyncio.create_subprocess_exec(
            "janus", "-F", str(self._folder), "-o", stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
        )
        log.close()

    async def _connect(self) -> bool:
        """Connect once it listens; False when it ended instead, which it does now and then."""
        assert self._process is not None
        self._socket.setblocking(False)
        while self._process.returncode is None:
            try:
                self._socket.connect(str(self._path))
                return True
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(0.02)
        return False

    def _room(self) -> dict[str, Any]:
        """Return what the room is to be like."""
        return {"publishers": 13, "audiocodec": "opus", "audiolevel_ext": True}

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self._socket.close()
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    async def publish(self, peer: Peer) -> None:
        """Let `peer` publish in the room."""
        handle = await self._attach()
        joined = await self._ask(handle, {"request": "join", "ptype": "publisher", "room": _ROOM})
        self._feeds.append(joined["plugindata"]["data"]["id"])
        offer = {"type": "offer", "sdp": peer.sdp("sendonly")}
        answer = await self._ask(handle, {"request": "configure", "audio": True, "video": False}, offer)
        remote = Remote(answer["jsep"]["sdp"])
        await peer.connect(remote, as_server=remote.setup == "active")
        while await self._publishers(handle) < len(self._feeds):
            await asyncio.sleep(0.05)

    async def subscribe(self, peer: Peer) -> None:
        """Let `peer` hear the publishers, each in a section of its own; here the server offers."""
        handle = await self._attach()
        streams = [{"feed": feed} for feed in self._feeds]
        body = {"request": "join", "ptype": "subscriber", "room": _ROOM, "streams": streams}
        offered = await self._ask(handle, body)
        remote = Remote(offered["jsep"]["sdp"])
        answer = {"type": "answer", "sdp": peer.sdp("recvonly", setup="passive", mids=remote.mids)}
        await self._ask(handle, {"request": "start"}, answer)
        await peer.connect(remote, as_server=True)

    async def _publishers(self, handle: int) -> int:
        body = {"request": "listparticipants", "room": _ROOM}
        reply = await self._send("success", janus="message", handle_id=handle, body=body)
        return sum(entry["publisher"] for entry in reply["plugindata"]["data"]["participants"])

    async def _attach(self) -> int:
        reply = await self._send("success", janus="attach", plugin=f"janus.plugin.{self._PLUGIN}")
        handle: int = reply["data"]["id"]
        return handle

    async def _ask(
        self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Send a message whose answer comes as an event."""
        extra: dict[str, Any] = {"jsep": jsep} if jsep else {}
        return await self._send("event", janus="message", handle_id=handle, body=body, **extra)

    async def _send(self, expected: str, **message: Any) -> dict[str, Any]:
        """Send one message and return the reply of the `expected` kind; acknowledgements are passed over."""
        transaction = secrets.token_hex(6)
        if self._session:
            message["session_id"] = self._session
        loop = asyncio.get_running_loop()
        self._waiting[transaction] = expected, loop.create_future()
        await loop.sock_sendall(self._socket, json.dumps({**message, "transaction": transaction}).encode())
        async with asyncio.timeout(20):
            reply = await self._waiting[transaction][1]
        del self._waiting[transaction]
        if reply["janus"] == "error":
            raise RuntimeError(reply["error"]["reason"])
        return reply

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._socket, 1 << 16):
            message = json.loads(data)
            expected, waiting = self._waiting.get(message.get("transaction", ""), ("", None))
            if waiting is not None and not waiting.done() and message["janus"] in (expected, "error"):
                waiting.set_result(message)


class AudioBridge(Janus):
    """The plugin that decodes everybody and encodes a mix for each, without his own voice."""

    _PLUGIN = "audiobridge"

    def _room(self) -> dict[str, Any]:
        return {"sampling_rate": 48_000, "audiolevel_ext": True}

    async def publish(self, peer: Peer) -> None:
        """Let `peer` speak, and hear the others."""
        await self._enter(peer, muted=False)

    async def subscribe(self, peer: Peer) -> None:
        """Let `peer` hear."""
        await self._enter(peer, muted=True)

    async def _enter(self, peer: Peer, *, muted: bool) -> None:
        handle = await self._attach()
        await self._ask(handle, {"request": "join", "room": _ROOM, "muted": muted})
        offer = {"type": "offer", "sdp": peer.sdp("sendrecv")}
        answer = await self._ask(handle, {"request": "configure", "muted": muted}, offer)
        remote = Remote(answer["jsep"]["sdp"])
        await peer.connect(remote, as_server=remote.setup == "active")
