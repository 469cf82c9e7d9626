"""What one delivery costs: claimed, signed with RSA-2048, posted over HTTP, its row removed.

    python -m bench.delivery [--hosts 1000] [--posts 6] [--rounds 3] [--json PATH]

Every host is a loopback address of its own (127.1.x.y), so that connections, order and per-host state
are those of that many servers. Baseline: RSA-2048 signatures per CPU second with the same library in
the same round. The fan-out is part of the measured time; the figure is CPU time of the worker process,
the median of the rounds.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from sqlalchemy import insert

from bench.process import Server, cpu_seconds, free_port
from bench.world import instance, local_person, remote_people
from fedispace.app import build
from fedispace.federation.keys import LocalKey, new_key_pair
from fedispace.federation.models import FollowerInbox
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.publish import Draft

GOAL = 0.40


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


async def measure(hosts: int, posts: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        sink_port = free_port()
        file, config = await instance(directory, free_port(), free_port())
        origins = [f"http://127.1.{n // 250}.{n % 250 + 1}:{sink_port}" for n in range(hosts)]
        app = build(config)
        sink = Server(["-m", "bench.sink", "count", str(sink_port)], directory / "sink.log")
        worker = None
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
            await sink.answers(sink_port)
            worker = Server(
                [
                    "-m",
                    "fedispace",
                    "serve",
                    "--role",
                    "worker",
                    "--config",
                    str(file),
                ],
                directory / "worker.log",
            )
            await worker.says("serve.ready")
            await asyncio.sleep(0.5)
            before, began = cpu_seconds(worker.pid), time.monotonic()
            for number in range(posts):
                await app.publishing.publish(author, [Draft(text=f"Post {number}")], visibility="public")
            expected = hosts * posts
            for _ in range(1200):
                if taken(sink_port) >= expected:
                    break
                await asyncio.sleep(0.1)
            else:
                raise RuntimeError(
                    f"{taken(sink_port)} of {expected}\n{(directory / 'worker.log').read_text()}"
                )
            await asyncio.sleep(0.5)
            used = cpu_seconds(worker.pid) - before
            wall = time.monotonic() - began
        finally:
            await app.close()
            for server in (sink, worker):
                if server is not None:
                    server.stop()
    signatures = signing_rate()
    return {
        "hosts": float(hosts),
        "deliveries": float(expected),
        "delivery_us": used / expected * 1e6,
        "deliveries_per_cpu_second": expected / used,
        "deliveries_per_second": expected / wall,
        "signatures_per_cpu_second": signatures,
        "ratio": expected / used / signatures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--posts", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rounds = [asyncio.run(measure(arguments.hosts, arguments.posts)) for _ in range(arguments.rounds)]
    figures = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    print(f"RSA-2048 signatures               {figures['signatures_per_cpu_second']:7.0f} per CPU second")
    print(f"deliveries                        {figures['deliveries_per_cpu_second']:7.0f} per CPU second")
    print(f"  one delivery                    {figures['delivery_us']:7.1f} us CPU")
    print(f"  rate against signing            {figures['ratio']:7.3f}   (goal >= {GOAL})")


if __name__ == "__main__":
    main()
