"""How many listeners of the programme one core serves, what it costs to let one in, and to keep him.

    python -m bench.listeners [--listeners 2000] [--seconds 4] [--only 20|60] [--json PATH]

Two thousand real DTLS-SRTP sessions, in a process of their own, that renew consent and report as
browsers do. They come in two hundred at a time while one person speaks, so that the cost of a join shows
whether it grows with the room. Then 1, 3 and 13 talkers speak at once (real speech, encoded as browsers
do); the server's CPU time over that time says how many listeners a core would serve. First with packets
of 20 ms, then, in an SFU with the limit where an operator's is, with those of 60 ms.

What a join costs Janus (VideoRoom, one event loop) is measured with 150 listeners in the same minutes.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import namespace
from bench.crowd import Crowd
from bench.forwarding_fedispace import AS_THEY_COME, Fedispace
from bench.forwarding_janus import Janus
from bench.forwarding_peer import Peer
from bench.forwarding_side import Side
from bench.goals import Goals
from bench.process import cpu_seconds, resident_mb
from bench.talking import Talking

_STEP = 200
_TALKERS = (1, 3, 13)
_PER_CORE = {20: 2200, 60: 5000}
_JANUS_LISTENERS = 150
_SETTLE_SECONDS = 1.0
_TURNS_AT_ONCE = 10.5
"""Rooms turn to long packets ten seconds after the last turn, at the earliest."""


async def _joins(server: Fedispace, crowd: Crowd, people: int) -> list[float]:
    """Let all of them in; return the CPU time of one join, in ms, for each step.

    What those who are there already cost meanwhile, by consent and reports, is measured after each step
    and taken off.
    """
    steps: list[float] = []
    standing = 0.0
    for _ in range(0, people, _STEP):
        before, began = cpu_seconds(server.pid), time.monotonic()
        await crowd.join(_STEP)
        spent, elapsed = cpu_seconds(server.pid) - before, time.monotonic() - began
        before, began = cpu_seconds(server.pid), time.monotonic()
        await asyncio.sleep(_SETTLE_SECONDS)
        after = (cpu_seconds(server.pid) - before) / (time.monotonic() - began)
        steps.append(round((spent - elapsed * (standing + after) / 2) / _STEP * 1e3, 3))
        standing = after
    return steps


async def _run(host: str, people: int, seconds: float, milliseconds: int) -> dict[str, Any]:
    """Measure one SFU. During the joins nobody speaks, so that they alone are paid for."""
    with tempfile.TemporaryDirectory() as folder:
        above = AS_THEY_COME if milliseconds == 20 else 200
        server = Fedispace(host, Path(folder), long_packets_above=above)
        await server.start()
        crowd = Crowd(host, server)
        try:
            talkers = [Peer(host) for _ in range(max(_TALKERS))]
            for talker in talkers:
                await server.publish(talker)
            async with Talking(talkers) as talking:
                await asyncio.sleep(_SETTLE_SECONDS)
                resident = resident_mb(server.pid)
                began = time.monotonic()
                joins = await _joins(server, crowd, people)
                wall = time.monotonic() - began
                grown = (resident_mb(server.pid) - resident) * 1000 / people
                shares: dict[str, dict[str, float]] = {}
                for speaking in _TALKERS:
                    if milliseconds == 60 and speaking == _TALKERS[0]:
                        await asyncio.sleep(_TURNS_AT_ONCE)
                    shares[str(speaking)] = await _share(server, crowd, talking, speaking, seconds)
                still = (await server.door.client.status()).subscribers
        finally:
            await crowd.close()
            await server.stop()
    return {
        "join_ms": joins,
        "joins_per_second": people / wall,
        "kb_each": grown,
        "still_there": still,
        "talkers": shares,
    }


async def _share(
    server: Fedispace, crowd: Crowd, talking: Talking, speaking: int, seconds: float
) -> dict[str, float]:
    """Let so many speak. What is received is counted before and after, while nobody does."""
    received = await crowd.received()
    sent = (await server.door.client.status()).packets_forwarded
    talking.speaking = speaking
    await asyncio.sleep(_SETTLE_SECONDS)
    before = await server.door.client.status()
    cpu, began = cpu_seconds(server.pid), time.monotonic()
    await asyncio.sleep(seconds)
    after = await server.door.client.status()
    cpu, elapsed = cpu_seconds(server.pid) - cpu, time.monotonic() - began
    talking.speaking = 0
    await asyncio.sleep(_SETTLE_SECONDS)
    sent = (await server.door.client.status()).packets_forwarded - sent
    received = await crowd.received() - received
    forwarded = after.packets_forwarded - before.packets_forwarded
    return {
        "percent_of_core": 100 * cpu / elapsed,
        "listeners_per_core": after.subscribers * elapsed / cpu,
        "packets_per_second": forwarded / elapsed,
        "us_per_packet": 1e6 * cpu / max(1, forwarded),
        "received": received / max(1, sent),
        "late_ticks": after.mixer.ticks_late - before.mixer.ticks_late,
        "ticks": after.mixer.ticks - before.mixer.ticks,
    }


async def _janus_join(host: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        side = Side("janus", Janus(Path(folder)), host)
        try:
            await side.open(1, _JANUS_LISTENERS)
        finally:
            await side.close()
    return side.join_cpu * 1e3


def _judge(goals: Goals, milliseconds: int, found: dict[str, Any]) -> None:
    for talkers, share in found["talkers"].items():
        name = f"{milliseconds} ms, {talkers} talking"
        goals.note(f"{name}: share of a core", share["percent_of_core"], "%")
        goals.note(f"{name}: packets per second", share["packets_per_second"])
        goals.at_least(f"{name}: received by the crowd", 100 * share["received"], 99, "%")
        goals.at_least(f"{name}: listeners per core", share["listeners_per_core"], _PER_CORE[milliseconds])


def main() -> int:
    """Measure, print, write JSON; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--listeners", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", type=int, choices=(20, 60))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    host = namespace.enter("bench.listeners")
    goals, cases = Goals(), {}
    for milliseconds in [arguments.only] if arguments.only else (20, 60):
        found = asyncio.run(_run(host, arguments.listeners, arguments.seconds, milliseconds))
        cases[str(milliseconds)] = found
        _judge(goals, milliseconds, found)
        goals.at_least(f"{milliseconds} ms: still there", found["still_there"], arguments.listeners)
    joins = next(iter(cases.values()))["join_ms"]
    goals.at_most("CPU per join, mean", statistics.mean(joins), 1.5, "ms")
    goals.at_most("the last 200 joins against the first", joins[-1] / joins[0], 1.25)
    goals.at_most("memory per listener", next(iter(cases.values()))["kb_each"], 105, "kB")
    if namespace.has_janus(host):
        janus = asyncio.run(_janus_join(host))
        goals.note("Janus: CPU per join", janus, "ms")
        goals.at_most("join against Janus", statistics.mean(joins) / janus, 0.2)
    return goals.finish(arguments.json, cases=cases)


if __name__ == "__main__":
    sys.exit(main())
