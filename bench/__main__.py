"""Runs every benchmark, one after the other: `make bench`. Figures also go to bench/results/ as JSON."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    "idle",
    "inbox",
    "delivery",
    "fanout",
    "timeline",
    "fedify",
    "forwarding",
    "listeners",
    "streams",
    "entering",
    "herd",
    "room_events",
    "room_sound",
    "mixing",
    "loss",
)


def main() -> int:
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    failed = 0
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(results / f"{name}.json")]
        failed += subprocess.run(command, cwd=results.parent.parent, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
