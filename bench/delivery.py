"""What one delivery costs: claimed, signed with RSA-2048, posted over HTTP or TLS, its row removed.

    python -m bench.delivery [--hosts 1000] [--posts 6] [--rounds 3] [--only http|tls|two] [--json PATH]

Every host is a loopback address of its own (127.1.x.y), so that connections, order and per-host state
are those of that many servers. Three cases:

  http   1,000 hosts, six posts: one connection each, used again
  tls    1,000 hosts, one post: a TLS handshake for each delivery, certificates verified
  two    PostgreSQL, one worker process against two: twice the work done per CPU second of both together
         by each, so that cores that are shared with the sink and the database do not count

Baseline: RSA-2048 signatures per CPU second with the same library in the same round. The fan-out is part
of the measured time; the figures are CPU time of the worker processes, the median of the rounds.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert

from bench.process import Server, cpu_seconds, free_port
from bench.sink import address
from bench.world import instance, local_person, remote_people
from fedispace.app import build
from fedispace.federation.keys import LocalKey, new_key_pair
from fedispace.federation.models import FollowerInbox
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.written import Draft
from tests.ground.postgres import Postgres, find_binaries

GOALS = {"http": 0.45, "tls": 0.28, "two": 1.7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is delivered, and by whom."""

    hosts: int
    posts: int
    tls: bool = False
    database: str = "sqlite:///bench.sqlite3"
    workers: int = 1


def signing_rate() -> float:
    """Return RSA-2048 signatures per CPU second."""
    key = LocalKey.from_pem(Uri("https://a.example/users/a#main-key"), new_key_pair().rsa_private)
    best = 0.0
    for _ in range(5):
        before = time.process_time()
        for _ in range(400):
            key.sign(b"(request-target): post /inbox\nhost: b.example\n")
        best = max(best, 400 / (time.process_time() - before))
    return best


def taken(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        return int(answer.read())


async def measure(case: Case) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        sink_port = free_port()
        counter_port = sink_port + 1 if case.tls else sink_port
        file, config = await instance(directory, free_port(), free_port(), case.database)
        scheme = "https" if case.tls else "http"
        origins = [f"{scheme}://{address(n)}:{sink_port}" for n in range(case.hosts)]
        app = build(config)
        kind = ["secure", str(sink_port), folder, str(case.hosts)] if case.tls else ["count", str(sink_port)]
        sink = Server(["-m", "bench.sink", *kind], directory / "sink.log")
        workers: list[Server] = []
        try:
            author_id = await local_person(app, "alice")
            people = await remote_people(app, origins[:1])
            assert people
            async with app.db.transaction() as tx:
                await tx.execute(
                    insert(FollowerInbox),
                    [{"actor_id": author_id, "inbox": f"{origin}/inbox", "count": 1} for origin in origins],
                )
                author = await app.people.by_id(tx, author_id)
            await sink.answers(counter_port, seconds=60)
            serve = ["-m", "fedispace", "serve", "--role", "worker", "--config", str(file)]
            trusting = {"SSL_CERT_FILE": str(directory / "ca.pem")} if case.tls else {}
            for number in range(case.workers):
                workers.append(Server(serve, directory / f"worker{number}.log", trusting))
                await workers[-1].says("serve.ready")
            await asyncio.sleep(0.5)
            before, began = sum(cpu_seconds(worker.pid) for worker in workers), time.monotonic()
            for number in range(case.posts):
                await app.publishing.publish(author, [Draft(text=f"Post {number}")], visibility="public")
            expected = case.hosts * case.posts
            for _ in range(1200):
                if taken(counter_port) >= expected:
                    break
                await asyncio.sleep(0.1)
            else:
                log = (directory / "worker0.log").read_text()
                raise RuntimeError(f"{taken(counter_port)} of {expected}\n{log[-3000:]}")
            wall = time.monotonic() - began
            await asyncio.sleep(0.5)
            used = sum(cpu_seconds(worker.pid) for worker in workers) - before
        finally:
            await app.close()
            for server in (sink, *workers):
                server.stop()
    signatures = signing_rate()
    return {
        "delivery_us": used / expected * 1e6,
        "deliveries_per_cpu_second": expected / used,
        "deliveries_per_second": expected / wall,
        "signatures_per_cpu_second": signatures,
        "ratio": expected / used / signatures,
    }


async def two_against_one(hosts: int, posts: int) -> dict[str, float]:
    """Measure one worker and then two on the same PostgreSQL server."""
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("there is no PostgreSQL server (Debian: postgresql)")
    server = Postgres(binaries)
    try:
        one, two = [
            await measure(Case(hosts=hosts, posts=posts, database=server.database(), workers=workers))
            for workers in (1, 2)
        ]
    finally:
        server.stop()
    return {
        "one_us": one["delivery_us"],
        "two_us": two["delivery_us"],
        "ratio": 2 * one["delivery_us"] / two["delivery_us"],
        "wall_ratio": two["deliveries_per_second"] / one["deliveries_per_second"],
    }


async def of_case(name: str, hosts: int, posts: int) -> dict[str, float]:
    if name == "two":
        return await two_against_one(hosts, posts)
    tls = name == "tls"
    return await measure(Case(hosts=hosts, posts=1 if tls else posts, tls=tls))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--posts", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=GOALS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for name in [arguments.only] if arguments.only else GOALS:
        rounds = [
            asyncio.run(of_case(name, arguments.hosts, arguments.posts)) for _ in range(arguments.rounds)
        ]
        figures[name] = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        print(f"{name}:")
        for key, value in figures[name].items():
            goal = f"   (goal >= {GOALS[name]})" if key == "ratio" else ""
            print(f"  {key:32}{value:10.3f}{goal}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
