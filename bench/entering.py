"""What it costs to let a listener in, asked as browsers ask: over HTTP.

    python -m bench.entering [--listeners 150] [--rounds 2] [--json PATH]

Ours is a whole `fedispace serve` with a public Space and its audio server as a child: one POST of an offer to
the Space's WHEP address, then the handshake. The CPU time is that of all its processes: the web process also
looks up whether he may, writes down that he is there, and serves whatever else it serves. Janus (VideoRoom,
one event loop), which asks nobody who he is, is asked over its HTTP transport, four requests and two that
wait, then the handshake. Everybody comes on a connection of his own, one after the other, while nobody
speaks. In `bench.listeners` both are asked over their Unix sockets instead: the audio server without the web.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

import aiohttp

from bench import namespace
from bench.entering_janus import JanusOverHttp
from bench.forwarding_peer import Peer, Remote
from bench.goals import Goals
from bench.process import Server, children_of, cpu_seconds, free_port
from bench.world import instance, local_person
from fedispace.accounts.scopes import parse
from fedispace.app import build

_SETTLE_SECONDS = 1.0
_START_SECONDS = 60.0
_COME_AGAIN = 503
_SPACES = "/api/fedispace/v1/spaces"


class Instance:
    """One `serve`, a Space that is open to all, and its door."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._server: Server | None = None
        self._space = ""

    @property
    def _origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pids(self) -> tuple[int, list[int]]:
        """The web process, and those of the audio server."""
        assert self._server is not None
        audio = children_of(self._server.pid)
        return self._server.pid, audio + [grandchild for child in audio for grandchild in children_of(child)]

    async def start(self) -> None:
        file, config = await instance(self._folder, self._port, free_port())
        app = build(config)
        alice = await local_person(app, "alice")
        token = await app.oauth.issue(alice, parse("read write"))
        await app.close()
        arguments = ["-m", "fedispace", "serve", "--log-level", "warning", "--config", str(file)]
        self._server = Server(arguments, self._folder / "serve.log")
        await self._server.answers(self._port, seconds=_START_SECONDS)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
            async with http.post(self._origin + _SPACES, json={"title": "An open floor"}) as answer:
                answer.raise_for_status()
                self._space = (await answer.json())["id"]
            async with http.post(f"{self._origin}{_SPACES}/{self._space}/open") as answer:
                answer.raise_for_status()

    async def read(self, http: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        """Let somebody listen over HTTP; the answer goes on until it is closed."""
        async with http.post(f"{self._origin}/spaces/{self._space}/stream") as answer:
            answer.raise_for_status()
            url = (await answer.json())["url"]
        answer = await http.get(url)
        answer.raise_for_status()
        return answer

    async def subscribe(self, peer: Peer) -> None:
        address = f"{self._origin}/spaces/{self._space}/whep"
        async with aiohttp.ClientSession(headers={"Content-Type": "application/sdp"}) as http:
            while True:
                async with http.post(address, data=peer.sdp("recvonly")) as answer:
                    if answer.status != _COME_AGAIN:
                        answer.raise_for_status()
                        remote = Remote(await answer.text())
                        break
                # On a machine that is too busy newcomers are told to come back.
                await asyncio.sleep(_SETTLE_SECONDS)
        await peer.connect(remote, as_server=False, insists=False)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()


async def _ours(listeners: int) -> tuple[float, float]:
    """Return the CPU time of a join, in ms: in the web process, and in the audio server."""
    with tempfile.TemporaryDirectory() as folder:
        place = Instance(Path(folder))
        peers = [Peer("127.0.0.1") for _ in range(listeners + 1)]
        try:
            await place.start()
            await place.subscribe(peers.pop())
            await asyncio.sleep(_SETTLE_SECONDS)
            web, audio = place.pids
            before = cpu_seconds(web), sum(map(cpu_seconds, audio))
            for peer in peers:
                await place.subscribe(peer)
            after = cpu_seconds(web), sum(map(cpu_seconds, audio))
        finally:
            place.stop()
            for peer in peers:
                peer.close()
    return tuple(1e3 * (b - a) / listeners for a, b in zip(before, after, strict=True))  # type: ignore[return-value]


async def _theirs(host: str, listeners: int, publishers: int) -> float:
    """Return the same of Janus, where a listener hears so many publishers."""
    with tempfile.TemporaryDirectory() as folder:
        janus = JanusOverHttp(Path(folder))
        peers = [Peer(host) for _ in range(publishers + listeners + 1)]
        try:
            await janus.start()
            for _ in range(publishers):
                await janus.publish(peers.pop())
            await janus.subscribe(peers.pop())
            await asyncio.sleep(_SETTLE_SECONDS)
            before = cpu_seconds(janus.pid)
            for peer in peers:
                await janus.subscribe(peer)
            return 1e3 * (cpu_seconds(janus.pid) - before) / listeners
        finally:
            await janus.stop()
            for peer in peers:
                peer.close()


def main() -> int:
    """Measure, print, write JSON; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--listeners", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    host = namespace.enter("bench.entering")
    goals, ours, theirs = Goals(), [], []
    for _ in range(arguments.rounds):
        ours.append(asyncio.run(_ours(arguments.listeners)))
        if namespace.has_janus(host):
            theirs.append(asyncio.run(_theirs(host, arguments.listeners, 1)))
    web, audio = (statistics.median(one) for one in zip(*ours, strict=True))
    goals.note("join over HTTP: the web process", web, "ms")
    goals.note("join over HTTP: the audio server", audio, "ms")
    goals.note("join over HTTP: both", web + audio, "ms")
    if theirs:
        janus = statistics.median(theirs)
        goals.note("Janus, join over HTTP", janus, "ms")
        goals.note("both of ours against Janus, HTTP against HTTP", (web + audio) / janus)
        goals.note("the audio server alone against Janus over HTTP", audio / janus)
    return goals.finish(arguments.json, ours=ours, janus=theirs)


if __name__ == "__main__":
    sys.exit(main())
