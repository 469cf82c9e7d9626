"""Our inbox and our deliveries against Fedify's, in one run: CPU time of the server processes.

    python -m bench.fedify [--activities 1000] [--hosts 300] [--rounds 3] [--json PATH]

Fedify is given its fastest form: no database and no queue, its inbox listener keeps the object in a Map.
Ours verifies and stores on disk, and delivers from its queue. Both inboxes get the same activities with
the same signatures from the same client, after a first round that does not count (keys are fetched from
the benchmark, code is compiled); both deliver one activity of the same text to the same sink. Needs node
and tests/peers/node_modules (tools/install-test-tools).
"""

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from aiohttp import web

from bench.delivery import Case, taken
from bench.delivery import measure as deliver_ours
from bench.inbox import requests
from bench.load import send_all
from bench.process import ROOT, Server, cpu_seconds, free_port
from bench.sink import address
from bench.world import Remote, follow_all, instance, local_person, remote_people
from fedispace.app import build

GOAL_INBOX, GOAL_DELIVERY = 15.0, 4.0
PEERS = 20
HERE = Path(__file__).parent / "fedify_peer.mjs"


class Node:
    """A node process that says when it is ready."""

    def __init__(self, log: IO[bytes], *arguments: str) -> None:
        node = shutil.which("node")
        folder = ROOT / "tests" / "peers"
        if node is None or not (folder / "node_modules").exists():
            raise RuntimeError("node or tests/peers/node_modules is missing: run tools/install-test-tools")
        self._process = subprocess.Popen(
            [node, str(HERE), *arguments],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self.pid = self._process.pid

    async def says(self, word: str) -> None:
        assert self._process.stdout is not None
        while (line := await asyncio.to_thread(self._process.stdout.readline)).strip() != word:
            if not line:
                raise RuntimeError("the Fedify peer ended; see its log")

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


async def show(people: dict[str, str], port: int) -> web.AppRunner:
    """Serve the actors, with their keys, for Fedify to fetch; ours has them in its database."""

    async def actor(request: web.Request) -> web.Response:
        uri = f"http://127.0.0.1:{port}{request.path}"
        key = {"id": f"{uri}#main-key", "type": "CryptographicKey", "owner": uri, "publicKeyPem": people[uri]}
        document = {
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": uri,
            "type": "Person",
            "preferredUsername": "mallory",
            "inbox": f"{uri}/inbox",
            "publicKey": key,
        }
        return web.Response(text=json.dumps(document), content_type="application/activity+json")

    application = web.Application()
    application.router.add_get("/{rest:.*}", actor)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def inboxes(directory: Path, activities: int, rounds: int) -> tuple[float, float]:
    """Return the CPU microseconds of one activity, ours and Fedify's."""
    ours, theirs, shown = free_port(), free_port(), free_port()
    file, config = await instance(directory, ours, free_port())
    app = build(config)
    origins = [f"http://127.0.0.1:{shown}/{number}" for number in range(PEERS)]
    people: list[Remote] = await remote_people(app, origins)
    await follow_all(app, await local_person(app, "alice"))
    pems: dict[str, str] = {person.uri: person.public for person in people}
    await app.close()
    runner = await show(pems, shown)
    serve = ["-m", "fedispace", "serve", "--role", "web", "--log-level", "warning", "--config", str(file)]
    server = Server(serve, directory / "web.log")
    used: dict[int, list[float]] = {ours: [], theirs: []}
    with (directory / "fedify.log").open("wb") as log:
        node = Node(log, "inbox", str(theirs))
        try:
            await node.says("ready")
            await server.answers(ours)
            for round_ in range(rounds + 1):
                for port, pid in ((ours, server.pid), (theirs, node.pid)):
                    wanted = requests(people, port, activities, f"r{round_}p{port}x")
                    before = cpu_seconds(pid)
                    statuses = await send_all(port, wanted)
                    if statuses != {202: len(wanted)}:
                        raise RuntimeError(f"{port}: {statuses}\n{_tail(directory)}")
                    if round_:
                        used[port].append((cpu_seconds(pid) - before) / len(wanted) * 1e6)
        finally:
            node.stop()
            server.stop()
            await runner.cleanup()
    return statistics.median(used[ours]), statistics.median(used[theirs])


def _tail(directory: Path) -> str:
    return (directory / "fedify.log").read_text()[-2000:]


async def deliver_theirs(directory: Path, hosts: int) -> float:
    """Return the CPU microseconds of one delivery of Fedify's."""
    port = free_port()
    listed = directory / "inboxes.json"
    listed.write_text(json.dumps([f"http://{address(number)}:{port}/inbox" for number in range(hosts)]))
    sink = Server(["-m", "bench.sink", "count", str(port)], directory / "sink.log")
    with (directory / "fedify.log").open("wb") as log:
        node = Node(log, "deliver", str(listed))
        try:
            await sink.answers(port)
            await node.says("ready")
            before = cpu_seconds(node.pid)
            node.go()
            await node.says("done")
            end = time.monotonic() + 30
            while taken(port) < hosts and time.monotonic() < end:
                await asyncio.sleep(0.05)
            if taken(port) < hosts:
                raise RuntimeError(f"{taken(port)} of {hosts}\n{_tail(directory)}")
            return (cpu_seconds(node.pid) - before) / hosts * 1e6
        finally:
            node.stop()
            sink.stop()


async def measure(activities: int, hosts: int, rounds: int) -> dict[str, float]:
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        inbox_ours, inbox_theirs = await inboxes(Path(folder), activities, rounds)
        for _ in range(rounds):
            ours.append((await deliver_ours(Case(hosts=hosts, posts=1)))["delivery_us"])
            theirs.append(await deliver_theirs(Path(folder), hosts))
    return {
        "inbox_us": inbox_ours,
        "inbox_fedify_us": inbox_theirs,
        "inbox_ratio": inbox_theirs / inbox_ours,
        "delivery_us": statistics.median(ours),
        "delivery_fedify_us": statistics.median(theirs),
        "delivery_ratio": statistics.median(theirs) / statistics.median(ours),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activities", type=int, default=1000)
    parser.add_argument("--hosts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.activities, arguments.hosts, arguments.rounds))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    print(f"inbox                             {figures['inbox_us']:7.1f} us CPU")
    print(f"  Fedify's                        {figures['inbox_fedify_us']:7.1f} us CPU")
    print(f"  ratio                           {figures['inbox_ratio']:7.1f}   (goal >= {GOAL_INBOX:.0f})")
    print(f"delivery                          {figures['delivery_us']:7.1f} us CPU")
    print(f"  Fedify's                        {figures['delivery_fedify_us']:7.1f} us CPU")
    print(
        f"  ratio                           {figures['delivery_ratio']:7.1f}   (goal >= {GOAL_DELIVERY:.0f})"
    )


if __name__ == "__main__":
    main()
