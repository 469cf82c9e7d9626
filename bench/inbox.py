"""What one activity costs the inbox: verified, stored, answered 202; and then applied as a post.

    python -m bench.inbox [--activities 3000] [--rounds 3] [--json PATH]

Baseline: an aiohttp server that reads the same POST and answers 202. Both are processes of their own,
driven in turn by the same client; CPU time, medians of the rounds.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
from pathlib import Path

from bench import activities
from bench.load import post, send_all
from bench.process import Server, cpu_seconds, free_port
from bench.world import Remote, follow_all, instance, local_person, remote_people
from fedispace.app import App, build
from fedispace.clock import SystemClock
from fedispace.federation.signatures import sign_cavage
from fedispace.threads.publish import Draft

GOAL = 0.15

Arrived = tuple[str, str, bytes]
"""An activity's id, its sender and its bytes."""


def requests(people: list[Remote], port: int, count: int, round_: str) -> list[bytes]:
    """Return `count` signed POSTs to the shared inbox."""
    url = f"http://127.0.0.1:{port}/inbox"
    now = SystemClock().now()
    made = []
    for number in range(count):
        remote = people[number % len(people)]
        body = activities.note(remote, f"{round_}{number}")
        headers = dict(sign_cavage(remote.key, "POST", url, body, now))
        made.append(
            post(
                "/inbox",
                f"127.0.0.1:{port}",
                {**headers, "Content-Type": "application/activity+json"},
                body,
            )
        )
    return made


async def applied(database: Path, count: int) -> None:
    """Wait until so many activities were applied; anything that was not is an error."""
    for _ in range(2400):
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as rows:
            found = dict(rows.execute("SELECT state, count(*) FROM inbox_items GROUP BY state").fetchall())
        if found.get("done") == count:
            return
        if set(found) - {"done", "pending"}:
            raise RuntimeError(f"not everything was applied: {found}")
        await asyncio.sleep(0.1)
    raise RuntimeError("the worker did not finish")


def _kinds(people: list[Remote], posts: list[str], author: str, count: int) -> dict[str, list[Arrived]]:
    """Return `count` activities of each kind, in the order in which they make sense."""
    made: dict[str, list[Arrived]] = {}
    for name, make in activities.KINDS.items():
        made[name] = []
        for number in range(count):
            remote = people[number % len(people)]
            answered = posts[number // len(people) % len(posts)]
            id_, body = make(remote, f"k{number}", answered, author)
            made[name].append((id_, remote.uri, body))
    return made


def _write(database: Path, arrived: list[Arrived], first: int) -> None:
    """Write verified activities straight into the inbox, as if the door had accepted them just now."""
    now = SystemClock().now().strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(database, timeout=30) as rows:
        rows.executemany(
            "INSERT INTO inbox_items (id, activity_id, actor, body, received_at, run_at, attempts, state)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, 'pending')",
            [(first + n, id_, actor, body, now, now) for n, (id_, actor, body) in enumerate(arrived)],
        )


async def _each_kind(
    worker: Server, database: Path, kinds: dict[str, list[Arrived]], before: int
) -> dict[str, float]:
    """Return the CPU microseconds of applying one activity of each kind."""
    figures = {}
    for name, arrived in kinds.items():
        used = cpu_seconds(worker.pid)
        _write(database, arrived, before + 1)
        before += len(arrived)
        await applied(database, before)
        figures[f"applied_{name}_us"] = (cpu_seconds(worker.pid) - used) / len(arrived) * 1e6
    return figures


def _worker(file: Path, directory: Path) -> Server:
    serve = ["-m", "fedispace", "serve", "--role", "worker", "--log-level", "warning", "--config", str(file)]
    return Server(serve, directory / "worker.log")


async def _starting(file: Path, directory: Path) -> float:
    """Return the CPU seconds a worker takes to start and find nothing to do."""
    worker = _worker(file, directory)
    try:
        await asyncio.sleep(3)
        return cpu_seconds(worker.pid)
    finally:
        worker.stop()


async def _own_posts(app: App, account_id: int, count: int) -> tuple[list[str], str]:
    """Publish posts of one of ours; return their ids and their author's."""
    async with app.db.reading() as tx:
        author = await app.people.by_id(tx, account_id)
    posts = [(await app.publishing.publish(author, [Draft(text=f"Post {n}")]))[0] for n in range(count)]
    return [post.uri for post in posts], author.uri


async def measure(activities: int, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        ours, bare, rtc = free_port(), free_port(), free_port()
        file, config = await instance(directory, ours, rtc)
        app = build(config)
        people = await remote_people(app, [f"https://peer{n}.example" for n in range(50)])
        alice = await local_person(app, "alice")
        await follow_all(app, alice)
        kinds = _kinds(people, *await _own_posts(app, alice, 20), 1000)
        await app.close()
        baseline = Server(["-m", "bench.sink", "bare", str(bare)], directory / "bare.log")
        starting = await _starting(file, directory)
        web = Server(
            ["-m", "fedispace", "serve", "--role", "web", "--log-level", "warning", "--config", str(file)],
            directory / "web.log",
        )
        worker = None
        try:
            await baseline.answers(bare)
            await web.answers(ours)
            figures: dict[str, list[float]] = {"bare": [], "accepted": []}
            total = 0
            for round_ in range(rounds + 1):
                wanted = requests(people, ours, activities, f"r{round_}x")
                total += len(wanted)
                for name, server, port in (("bare", baseline, bare), ("accepted", web, ours)):
                    before = cpu_seconds(server.pid)
                    statuses = await send_all(port, wanted)
                    used = cpu_seconds(server.pid) - before
                    if statuses != {202: len(wanted)}:
                        raise RuntimeError(f"{name}: {statuses}")
                    if round_:
                        figures[name].append(used / len(wanted) * 1e6)
            worker = _worker(file, directory)
            await asyncio.sleep(0.3)
            await applied(directory / "bench.sqlite3", total)
            applying = (cpu_seconds(worker.pid) - starting) / total * 1e6
            each = await _each_kind(worker, directory / "bench.sqlite3", kinds, total)
        finally:
            for running in (baseline, web, worker):
                if running is not None:
                    running.stop()
    bare_us, accepted_us = (statistics.median(figures[name]) for name in ("bare", "accepted"))
    return {
        "bare_us": bare_us,
        "accepted_us": accepted_us,
        "applied_us": applying,
        "ratio_accepted": bare_us / accepted_us,
        "ratio_accepted_and_applied": bare_us / (accepted_us + applying),
        "activities": float(activities),
        **each,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--activities", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.activities, arguments.rounds))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    print(f"bare aiohttp POST                 {figures['bare_us']:7.1f} us CPU")
    print(f"inbox, verified and stored        {figures['accepted_us']:7.1f} us CPU")
    print(f"  rate against bare               {figures['ratio_accepted']:7.3f}   (goal >= {GOAL})")
    print(f"worker, applied as a post         {figures['applied_us']:7.1f} us CPU")
    print(f"  rate of both against bare       {figures['ratio_accepted_and_applied']:7.3f}")
    for name in activities.KINDS:
        print(f"  applied, {name:22} {figures[f'applied_{name}_us']:7.1f} us CPU")


if __name__ == "__main__":
    main()
