"""What an idle instance costs: start until it answers, and resident memory of its processes.

    python -m bench.idle [--rounds 5] [--json PATH]

One `serve` with every role: web and worker in one process, the SFU as its child. The start is from
the command to the first accepted connection; memory is read after a request for a page, an actor and
an API document, and a quiet while. Medians of the rounds. CPU is what web and worker took to start, which
a busy machine changes less than the time on the clock.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from bench.process import Server, children_of, cpu_seconds, free_port, resident_mb
from bench.world import instance, local_person
from fedispace.app import build

GOALS = {"start_seconds": 2.0, "web_and_worker_mb": 120.0, "sfu_mb": 110.0}


START = "import sys; sys.modules['rich'] = None; from fedispace.cli.main import main; main()"
"""`python -m fedispace` as it is installed: structlog loads `rich` where it finds it, which only comes with
the tools of development."""


def visit(port: int, path: str, accept: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


async def measure(rounds: int) -> dict[str, float]:
    figures: dict[str, list[float]] = {name: [] for name in (*GOALS, "start_cpu_seconds")}
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        port = free_port()
        file, config = await instance(directory, port, free_port())
        app = build(config)
        await local_person(app, "alice")
        await app.close()
        for _ in range(rounds):
            server = Server(
                ["-c", START, "serve", "--log-level", "warning", "--config", str(file)],
                directory / "serve.log",
            )
            try:
                figures["start_seconds"].append(await server.answers(port))
                figures["start_cpu_seconds"].append(cpu_seconds(server.pid))
                visit(port, "/", "text/html")
                visit(port, "/users/alice", "application/activity+json")
                visit(port, "/api/v2/instance", "application/json")
                await asyncio.sleep(3)
                figures["web_and_worker_mb"].append(resident_mb(server.pid))
                figures["sfu_mb"].append(max(resident_mb(child) for child in children_of(server.pid)))
            finally:
                server.stop()
    return {name: statistics.median(values) for name, values in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.rounds))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    print(f"start until it answers            {figures['start_seconds']:7.2f} s    (goal <= 2)")
    print(f"    its CPU, web and worker       {figures['start_cpu_seconds']:7.2f} s")
    print(f"web and worker, resident          {figures['web_and_worker_mb']:7.1f} MB   (goal <= 120)")
    print(f"SFU, resident                     {figures['sfu_mb']:7.1f} MB   (goal <= 110)")


if __name__ == "__main__":
    main()
