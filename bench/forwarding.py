"""What one forwarded packet costs: our SFU against Janus VideoRoom, in one run.

    python -m bench.forwarding [--listeners 200] [--rounds 3] [--seconds 3] [--only one|three] [--json PATH]

All servers run at the same time in a network namespace of the run's own, each with the same number of
listeners that stay connected throughout. In turn, for a few seconds each, its publishers speak; the
server's CPU time (from the kernel's scheduler, in nanoseconds, all threads) is divided by the packets
that its listeners counted. Listeners renew consent and send receiver reports every five seconds.

- `one`: one publisher at 50 packets a second; ours is the programme, forwarded. Janus twice: with one event
  loop for all, its fastest form, and as it comes, with a thread for each client.
- `three`: three publishers at once; ours are the three slots that speakers receive, Janus's three streams.

Without root there is no namespace, and without Janus no ratio; then our own figures are measured alone.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import namespace
from bench.forwarding_fedispace import Fedispace
from bench.forwarding_janus import Janus
from bench.forwarding_side import Side, keep_consent
from bench.goals import Goals

_RATE = 50
_LOADED = 30_000
_TALKERS = {"one": 1, "three": 3}
_RATIOS = {"one": {"janus": 0.45, "janus_default": 0.30}, "three": {"janus": 0.70}}
_PER_CORE_SECOND = 110_000


async def _run(arguments: argparse.Namespace, host: str, case: str) -> dict[str, Any]:
    talkers = _TALKERS[case]
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("fedispace", "janus", "janus_default")]
        for place in places:
            place.mkdir()
        ours = Fedispace(host, places[0])
        ours.slots = talkers
        sides = [Side("fedispace", ours, host)]
        if namespace.has_janus(host):
            sides.append(Side("janus", Janus(places[1], loops=1), host))
            if "janus_default" in _RATIOS[case]:
                sides.append(Side("janus_default", Janus(places[2], loops=0), host))
        consent = asyncio.create_task(keep_consent(sides))
        try:
            for side in sides:
                await side.open(talkers, arguments.listeners)
                print(f"{case}: {side.name}: {arguments.listeners} listeners connected", flush=True)
            await _alternate(sides, arguments)
        finally:
            consent.cancel()
            for side in sides:
                await side.close()
    results: dict[str, Any] = {side.name: side.result() for side in sides}
    for side in sides[1:]:
        pairs = zip(sides[0].rounds, side.rounds, strict=True)
        results[f"against_{side.name}"] = [round(mine / theirs, 3) for mine, theirs in pairs]
    return results


async def _alternate(sides: list[Side], arguments: argparse.Namespace) -> None:
    """Measure each in turn, the order reversed every other round, after a second of warming up."""
    for side in sides:
        await side.measure(1, _RATE)
        side.rounds.clear()
        side.delivered.clear()
    for number in range(arguments.rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            await side.measure(arguments.seconds, _RATE)


def _judge(goals: Goals, case: str, results: dict[str, Any], listeners: int) -> None:
    rate = _TALKERS[case] * _RATE
    load = f"{listeners} x {rate}/s"
    for name in ("fedispace", "janus", "janus_default"):
        if name in results:
            goals.note(f"{load}: {name}, CPU per packet", results[name]["cpu_us_per_packet"], "us")
            goals.note(f"{load}: {name}, delivered", 100 * results[name]["delivered"], "%")
            goals.note(f"{load}: {name}, CPU per join", results[name]["join_cpu_ms"], "ms")
    for name, goal in _RATIOS[case].items():
        if f"against_{name}" in results:
            ratio = statistics.median(results[f"against_{name}"])
            goals.at_most(f"{load}: against {name}, median of rounds", ratio, goal)
    per_core = 1e6 / results["fedispace"]["cpu_us_per_packet"]
    if listeners * rate >= _LOADED:
        goals.at_least(f"{load}: packets per core-second", per_core, _PER_CORE_SECOND)
    else:
        goals.note(f"{load}: packets per core-second", per_core)


def main() -> int:
    """Measure, print, write JSON; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", choices=list(_TALKERS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    host = namespace.enter("bench.forwarding")
    goals, cases = Goals(), {}
    for case in [arguments.only] if arguments.only else _TALKERS:
        cases[case] = asyncio.run(_run(arguments, host, case))
        _judge(goals, case, cases[case], arguments.listeners)
    return goals.finish(arguments.json, cases=cases)


if __name__ == "__main__":
    sys.exit(main())
