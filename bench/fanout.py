"""What it costs to enqueue one post to very many: 1,000,000 followers on 20,000 servers.

    python -m bench.fanout [--servers 20000] [--followers 1000000] [--rounds 3] [--json PATH]

Followers are counted per (shared) inbox, so a million of them are 20,000 rows here. The fan-out job runs
in this process on a SQLite database on disk, at its ordinary durability; CPU time of the process and how
much its resident memory grows. Baseline of the same round: the same 20,000 rows written by one plain
`executemany` of the driver, without ids, policy, leases or order.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import delete, insert

from bench.process import free_port, resident_mb
from bench.world import instance, local_person
from fedispace.app import App, build
from fedispace.clock import SystemClock
from fedispace.federation.fanout import FanoutPump
from fedispace.federation.models import Delivery, FollowerInbox
from fedispace.ids import TimeOrderedIds
from fedispace.threads.written import Draft

GOAL_MS, GOAL_MB = 150.0, 10.0


def plain(directory: Path, servers: int) -> float:
    """Return the CPU milliseconds of writing as many rows with nothing around them."""
    rows = [
        (n, 1, 1, f"https://server{n}.example/inbox", f"server{n}.example", "x", 0) for n in range(servers)
    ]
    with sqlite3.connect(directory / "plain.sqlite3") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("DROP TABLE IF EXISTS d")
        connection.execute("CREATE TABLE d (id INTEGER PRIMARY KEY, o, s, inbox, host, run_at, attempts)")
        connection.execute("CREATE UNIQUE INDEX d_once ON d (o, inbox)")
        connection.execute("CREATE INDEX d_lane ON d (host, s, id)")
        connection.execute("CREATE INDEX d_due ON d (run_at, id)")
        before = time.process_time()
        connection.executemany("INSERT INTO d VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        return (time.process_time() - before) * 1000


async def spread(app: App, author_id: int, servers: int) -> tuple[float, float]:
    """Publish one post and fan it out; return CPU milliseconds and megabytes."""
    clock = SystemClock()
    pump = FanoutPump(app.db, TimeOrderedIds(clock), clock, app.bus, app.policy, app.peers)
    async with app.db.reading() as tx:
        author = await app.people.by_id(tx, author_id)
    await app.publishing.publish(author, [Draft(text="To everybody")], visibility="public")
    memory, before = resident_mb(os.getpid()), time.process_time()
    while await pump.pump():
        pass
    used, grown = (time.process_time() - before) * 1000, resident_mb(os.getpid()) - memory
    async with app.db.transaction() as tx:
        written = (await tx.core(delete(Delivery.__table__), {})).rowcount  # type: ignore[arg-type]
    if written != servers:
        raise RuntimeError(f"{written} of {servers}")
    return used, grown


async def measure(servers: int, followers: int, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        _, config = await instance(directory, free_port(), free_port())
        app = build(config)
        author_id = await local_person(app, "alice")
        each = followers // servers
        async with app.db.transaction() as tx:
            await tx.execute(
                insert(FollowerInbox),
                [
                    {"actor_id": author_id, "inbox": f"https://server{n}.example/inbox", "count": each}
                    for n in range(servers)
                ],
            )
        await spread(app, author_id, servers)
        plainly, spreads = [], []
        for _ in range(rounds):
            plainly.append(plain(directory, servers))
            spreads.append(await spread(app, author_id, servers))
        await app.close()
    return {
        "servers": float(servers),
        "followers": float(followers),
        "plain_ms": statistics.median(plainly),
        "fanout_ms": statistics.median(used for used, _ in spreads),
        "ratio": statistics.median(used for used, _ in spreads) / statistics.median(plainly),
        "memory_mb": max(grown for _, grown in spreads),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", type=int, default=20_000)
    parser.add_argument("--followers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.servers, arguments.followers, arguments.rounds))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    print(f"plain rows                        {figures['plain_ms']:7.1f} ms CPU")
    print(f"fan-out                           {figures['fanout_ms']:7.1f} ms CPU   (goal <= {GOAL_MS:.0f})")
    print(f"  against plain rows              {figures['ratio']:7.2f}")
    print(f"  memory growth                   {figures['memory_mb']:7.1f} MB       (goal <= {GOAL_MB:.0f})")


if __name__ == "__main__":
    main()
