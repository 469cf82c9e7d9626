"""What one forwarded packet costs: our SFU against Janus VideoRoom, in one run.

    python -m bench.forwarding [--listeners 200] [--rate 50] [--rounds 5] [--json PATH]

Both servers run at the same time in a network namespace of the run's own (Janus gathers no loopback
address, so the namespace gets a veth pair), each with one publisher and the same number of
listeners that stay connected throughout. In turn, for a few seconds each, one publisher speaks; the
server's CPU time (from the kernel's scheduler, in nanoseconds, all threads) is divided by the
packets that its listeners counted. Without root there is no namespace, and without Janus no ratio;
then our own figures are measured alone.
"""

import argparse
import asyncio
import itertools
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from bench.forwarding_janus import Janus
from bench.forwarding_peer import Peer, Remote
from fedispace.clock import SystemClock
from fedispace.media.live import grants
from fedispace.media.live.client import SfuClient
from fedispace.media.live.grants import Role
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.supervisor import SfuProcess

GOAL = 0.5
_HOST = "10.77.0.1"
_DRAIN_SECONDS = 0.2
_CONSENT_SECONDS = 5.0


class Server(Protocol):
    """A server under measurement."""

    @property
    def pid(self) -> int: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, peer: Peer) -> None: ...

    async def subscribe(self, peer: Peer) -> None: ...


class Fedispace:
    """Our SFU, started as `fedispace serve` starts it."""

    def __init__(self, host: str, folder: Path) -> None:
        self._secret = secrets.token_bytes(32)
        control = str(folder / "sfu.sock")
        # Packets as they come, however many listeners: Janus packs none either.
        settings = SfuSettings(
            listen=f"{host}:0", control=control, secret=self._secret, long_packets_above=1_000_000
        )
        self._process = SfuProcess(settings)
        self._client = SfuClient(self._process.control, self._secret)
        self._numbers = itertools.count()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    async def start(self) -> None:
        await self._process.start()
        await self._client.start()
        await self._client.status()

    async def stop(self) -> None:
        await self._client.close()
        await self._process.stop()

    async def publish(self, peer: Peer) -> None:
        answer = await self._client.publish(self._grant("publish"), peer.sdp("sendonly"))
        await peer.connect(Remote(answer.sdp), as_server=False)

    async def subscribe(self, peer: Peer) -> None:
        answer = await self._client.subscribe(self._grant("subscribe"), peer.sdp("recvonly"))
        await peer.connect(Remote(answer.sdp), as_server=False)

    def _grant(self, role: Role) -> str:
        name = f"{role}-{next(self._numbers)}"
        now = SystemClock().now()
        grant = grants.issue(room="bench", session=name, participant=name, role=role, nonce=name, now=now)
        return grants.sign(grant, self._secret)


class Side:
    """One server with its clients, and what was measured of it."""

    def __init__(self, name: str, server: Server, host: str) -> None:
        self.name = name
        self.server = server
        self.start_seconds = 0.0
        self.idle_bytes = 0
        self.join_cpu = 0.0
        self.rounds: list[float] = []
        self.delivered: list[float] = []
        self.listeners: list[Peer] = []
        self._speaker = Peer(host)
        self._host = host

    async def open(self, listeners: int) -> None:
        """Start the server and connect everybody, a few at a time."""
        began = time.perf_counter()
        await self.server.start()
        self.start_seconds = time.perf_counter() - began
        await asyncio.sleep(1)
        self.idle_bytes = _resident(self.server.pid)
        await self.server.publish(self._speaker)
        before = _cpu_seconds(self.server.pid)
        for _ in range(listeners):
            peer = Peer(self._host)
            self.listeners.append(peer)
            await self.server.subscribe(peer)
        self.join_cpu = (_cpu_seconds(self.server.pid) - before) / listeners
        self.count()

    async def close(self) -> None:
        await self.server.stop()
        for peer in (self._speaker, *self.listeners):
            peer.close()

    def keep_alive(self) -> None:
        """Renew everybody's consent; whoever is still connecting does so himself."""
        for peer in (self._speaker, *self.listeners):
            if peer.connected:
                peer.keep_alive()

    def count(self) -> int:
        """Drain every client; return what the listeners received."""
        self._speaker.count()
        return sum(peer.count() for peer in self.listeners)

    async def measure(self, seconds: float, rate: int) -> None:
        """Speak for a while and note the CPU time per packet that arrived."""
        packets = int(seconds * rate)
        self.count()
        before = _cpu_seconds(self.server.pid)
        began = time.perf_counter()
        arrived, drained = 0, began
        for number in range(packets):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            self._speaker.speak()
            if time.perf_counter() - drained > _DRAIN_SECONDS:
                arrived += self.count()
                drained = time.perf_counter()
        await asyncio.sleep(_DRAIN_SECONDS)
        arrived += self.count()
        spent = _cpu_seconds(self.server.pid) - before
        self.rounds.append(spent / max(1, arrived) * 1e6)
        self.delivered.append(arrived / (packets * len(self.listeners)))

    def result(self) -> dict[str, Any]:
        return {
            "cpu_us_per_packet": statistics.median(self.rounds),
            "cpu_us_per_packet_rounds": [round(value, 2) for value in self.rounds],
            "delivered": min(self.delivered),
            "join_cpu_ms": self.join_cpu * 1e3,
            "start_seconds": self.start_seconds,
            "idle_resident_mb": self.idle_bytes / 1e6,
        }


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads, user and kernel, as the scheduler counts it."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _run(arguments: argparse.Namespace, host: str, *, with_janus: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        sides = [Side("fedispace", Fedispace(host, Path(ours)), host)]
        if with_janus:
            sides.append(Side("janus", Janus(Path(theirs)), host))
        consent = asyncio.create_task(_keep_consent(sides))
        try:
            for side in sides:
                await side.open(arguments.listeners)
                print(f"{side.name}: {arguments.listeners} listeners connected", flush=True)
            await _alternate(sides, arguments)
        finally:
            consent.cancel()
            for side in sides:
                await side.close()
    results: dict[str, Any] = {side.name: side.result() for side in sides}
    if with_janus:
        pairs = zip(sides[0].rounds, sides[1].rounds, strict=True)
        results["ratio_rounds"] = [round(ours_us / theirs_us, 3) for ours_us, theirs_us in pairs]
        results["ratio"] = statistics.median(results["ratio_rounds"])
        results["goal"] = GOAL
    results["listeners"], results["packets_per_second"] = arguments.listeners, arguments.rate
    return results


async def _alternate(sides: list[Side], arguments: argparse.Namespace) -> None:
    """Measure each in turn, the order reversed every other round, after a second of warming up."""
    for side in sides:
        await side.measure(1, arguments.rate)
        side.rounds.clear()
        side.delivered.clear()
    for number in range(arguments.rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            await side.measure(arguments.seconds, arguments.rate)


async def _keep_consent(sides: list[Side]) -> None:
    while True:
        await asyncio.sleep(_CONSENT_SECONDS)
        for side in sides:
            side.keep_alive()


def _inside_a_namespace(run: Callable[[str, bool], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    commands = (
        "ip link set lo up",
        "ip link add veth0 type veth peer name veth1",
        f"ip addr add {_HOST}/24 dev veth0",
        "ip link set veth0 up",
        "ip link set veth1 up",
    )
    for command in commands:
        subprocess.run(command.split(), check=True)
    return asyncio.run(run(_HOST, True))  # type: ignore[arg-type]


def main() -> int:
    """Measure, print, write JSON; return 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    can_compare = (
        os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip") and shutil.which("janus")
    )
    if can_compare and not arguments.inside:
        command = ["unshare", "-n", sys.executable, "-m", "bench.forwarding", "--inside", *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode

    async def run(host: str, with_janus: bool) -> dict[str, Any]:
        return await _run(arguments, host, with_janus=with_janus)

    results = _inside_a_namespace(run) if arguments.inside else asyncio.run(run("127.0.0.1", False))
    print(json.dumps(results, indent=2))
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 1 if results.get("ratio", 0.0) > GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
