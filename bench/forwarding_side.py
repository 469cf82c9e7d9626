"""One server under measurement with its clients, who stay connected throughout."""

import asyncio
import statistics
import time
from typing import Any, Protocol

from bench.forwarding_peer import Peer
from bench.process import cpu_seconds, resident_mb

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


class Side:
    """A server, its clients, and what was measured of it."""

    def __init__(self, name: str, server: Server, host: str) -> None:
        self.name = name
        self.server = server
        self.start_seconds = 0.0
        self.idle_mb = 0.0
        self.join_cpu = 0.0
        self.join_kb = 0.0
        self.rounds: list[float] = []
        self.delivered: list[float] = []
        self.listeners: list[Peer] = []
        self.talkers: list[Peer] = []
        self._host = host

    async def open(self, talkers: int, listeners: int) -> None:
        """Start the server and connect everybody, one after the other."""
        began = time.perf_counter()
        await self.server.start()
        self.start_seconds = time.perf_counter() - began
        await asyncio.sleep(1)
        self.idle_mb = resident_mb(self.server.pid)
        for _ in range(talkers):
            peer = Peer(self._host)
            self.talkers.append(peer)
            await self.server.publish(peer)
        cpu, resident = cpu_seconds(self.server.pid), resident_mb(self.server.pid)
        for _ in range(listeners):
            peer = Peer(self._host)
            self.listeners.append(peer)
            await self.server.subscribe(peer)
        self.join_cpu = (cpu_seconds(self.server.pid) - cpu) / max(1, listeners)
        self.join_kb = (resident_mb(self.server.pid) - resident) * 1000 / max(1, listeners)
        self.count()

    async def close(self) -> None:
        await self.server.stop()
        for peer in (*self.talkers, *self.listeners):
            peer.close()

    def keep_alive(self) -> None:
        """Renew everybody's consent; whoever is still connecting does so himself."""
        for peer in (*self.talkers, *self.listeners):
            if peer.connected:
                peer.keep_alive()

    def count(self) -> int:
        """Drain every client; return what the listeners received."""
        for peer in self.talkers:
            peer.count()
        return sum(peer.count() for peer in self.listeners)

    async def measure(self, seconds: float, rate: int) -> None:
        """Let everybody speak for a while and note the CPU time per packet that arrived."""
        turns = int(seconds * rate)
        self.count()
        before = cpu_seconds(self.server.pid)
        began = time.perf_counter()
        arrived, drained = 0, began
        for number in range(turns):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            for talker in self.talkers:
                talker.speak()
            if time.perf_counter() - drained > _DRAIN_SECONDS:
                arrived += self.count()
                drained = time.perf_counter()
        await asyncio.sleep(_DRAIN_SECONDS)
        arrived += self.count()
        spent = cpu_seconds(self.server.pid) - before
        self.rounds.append(spent / max(1, arrived) * 1e6)
        self.delivered.append(arrived / (turns * len(self.talkers) * len(self.listeners)))

    def result(self) -> dict[str, Any]:
        return {
            "cpu_us_per_packet": statistics.median(self.rounds),
            "cpu_us_per_packet_rounds": [round(value, 2) for value in self.rounds],
            "delivered": min(self.delivered),
            "join_cpu_ms": self.join_cpu * 1e3,
            "join_kb": self.join_kb,
            "start_seconds": self.start_seconds,
            "idle_resident_mb": self.idle_mb,
        }


async def keep_consent(sides: list[Side]) -> None:
    """Renew consent until cancelled."""
    while True:
        await asyncio.sleep(_CONSENT_SECONDS)
        for side in sides:
            side.keep_alive()
