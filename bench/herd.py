"""Five hundred people come into a room where somebody speaks: does anybody hear them come?

    python -m bench.herd [--listeners 100] [--joins 500] [--within 2] [--quiet 6] [--json PATH]

A probe listens while a publisher speaks, each packet carrying its number. A packet's delay is from just
before the publisher hands it to the kernel until the kernel has it for the probe, by its own time stamp,
so that the probe's own lateness is not in it. First it is quiet; then 500 join, evenly within two
seconds, with real handshakes, from a process of their own. They take this machine's cores as well: more
CPU than the server does, which shows in how long it takes until the last is there.
"""

import argparse
import asyncio
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import namespace
from bench.crowd import Crowd
from bench.forwarding_fedispace import Fedispace
from bench.forwarding_peer import Peer
from bench.goals import Goals
from bench.process import cpu_seconds

_FRAME = 0.02
_HEADER = 12
_TWENTY_MS = bytes((15 << 3,))
_NUMBER = struct.Struct("!I")
_FILLING = bytes(75)
_HEAR_EVERY = 25
_CONSENT_EVERY = 250
_AFTER_SECONDS = 1.0


class Probe:
    """A publisher whose packets have numbers, and the listener who looks at the clock."""

    def __init__(self, host: str) -> None:
        self.publisher, self.listener = Peer(host), Peer(host)
        self.delays: list[tuple[float, float]] = []
        """When each packet was sent (monotonic), and its delay."""
        self._sent: list[tuple[float, float]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self, server: Fedispace) -> None:
        await server.publish(self.publisher)
        await server.subscribe(self.listener)
        self.listener.stamp()
        self.listener.hear()
        self._task = asyncio.create_task(self._talk())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        self._hear()
        for peer in (self.publisher, self.listener):
            peer.close()

    @property
    def lost(self) -> int:
        """Packets that never came (or are on their way)."""
        return len(self._sent) - len(self.delays)

    def within(self, began: float, ended: float) -> list[float]:
        """Return the delays of what was sent then, sorted, in ms."""
        return sorted(1e3 * delay for at, delay in self.delays if began <= at < ended)

    async def _talk(self) -> None:
        began = time.monotonic()
        while True:
            number = len(self._sent)
            await asyncio.sleep(max(0.0, began + number * _FRAME - time.monotonic()))
            payload = _TWENTY_MS + _NUMBER.pack(number) + _FILLING
            self._sent.append((time.monotonic(), time.time()))
            self.publisher.speak(payload)
            if number % _HEAR_EVERY == 0:
                self._hear()
            if number % _CONSENT_EVERY == 0:
                self.publisher.count()
                self.publisher.keep_alive()
                self.listener.keep_alive()

    def _hear(self) -> None:
        for came, packet in self.listener.hear():
            at, sent = self._sent[_NUMBER.unpack_from(packet, _HEADER + 1)[0]]
            self.delays.append((at, came - sent))


async def _run(arguments: argparse.Namespace, host: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        server = Fedispace(host, Path(folder))
        await server.start()
        crowd, probe = Crowd(host, server), Probe(host)
        try:
            await crowd.join(arguments.listeners)
            await probe.start(server)
            await asyncio.sleep(_AFTER_SECONDS)
            quiet = time.monotonic()
            await asyncio.sleep(arguments.quiet)
            came, cpu = time.monotonic(), cpu_seconds(server.pid)
            joined = await crowd.join(
                arguments.joins, at_once=arguments.joins, every=arguments.within / arguments.joins
            )
            there, cpu = time.monotonic(), cpu_seconds(server.pid) - cpu
            await asyncio.sleep(_AFTER_SECONDS)
            await probe.stop()
        finally:
            await crowd.close()
            await server.stop()
    own = sorted(joined.each)
    return {
        "quiet": _spread(probe.within(quiet, came)),
        "herd": _spread(probe.within(came, there)),
        "lost": probe.lost,
        "joined_seconds": joined.seconds,
        "join_ms_p50": 1e3 * own[len(own) // 2],
        "join_ms_p99": 1e3 * own[int(0.99 * len(own))],
        "retries": joined.retries,
        "percent_of_core": 100 * cpu / (there - came),
    }


def _spread(delays: list[float]) -> dict[str, float]:
    return {
        "packets": len(delays),
        "p50": statistics.median(delays),
        "p95": delays[int(0.95 * len(delays))],
        "p99": delays[int(0.99 * len(delays))],
        "max": delays[-1],
    }


def main() -> int:
    """Measure, print, write JSON; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--joins", type=int, default=500)
    parser.add_argument("--within", type=float, default=2.0)
    parser.add_argument("--quiet", type=float, default=6.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(_run(arguments, namespace.enter("bench.herd")))
    goals = Goals()
    goals.at_most("quiet: delay p50", found["quiet"]["p50"], 1, "ms")
    goals.at_most("quiet: delay p99", found["quiet"]["p99"], 5, "ms")
    for name in ("p50", "p95", "max"):
        goals.note(f"herd: delay {name}", found["herd"][name], "ms")
    goals.at_most("herd: delay p99", found["herd"]["p99"], 20, "ms")
    goals.note("herd: the last was there after", found["joined_seconds"], "s")
    goals.note("herd: one join took, p50", found["join_ms_p50"], "ms")
    goals.note("herd: one join took, p99", found["join_ms_p99"], "ms")
    goals.note("herd: share of a core", found["percent_of_core"], "%")
    goals.at_most("packets that the probe missed", found["lost"], 0)
    return goals.finish(arguments.json, **found)


if __name__ == "__main__":
    sys.exit(main())
