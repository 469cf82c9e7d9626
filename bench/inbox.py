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

import msgspec

from bench.load import post, send_all
from bench.process import Server, cpu_seconds, free_port
from bench.world import Remote, follow_all, instance, local_person, remote_people
from fedispace.app import build
from fedispace.clock import SystemClock
from fedispace.federation.signatures import sign_cavage

GOAL = 0.12


def note(remote: Remote, number: str) -> bytes:
    """Return a Create{Note} as Mastodon sends one, about 2.5 kB."""
    uri = f"{remote.uri}/statuses/{number}"
    public = "https://www.w3.org/ns/activitystreams#Public"
    followers = f"{remote.uri}/followers"
    text = "<p>" + "Some ordinary words about an ordinary day, at some length. " * 12 + "</p>"
    return msgspec.json.encode(
        {
            "@context": [
                "https://www.w3.org/ns/activitystreams",
                {
                    "ostatus": "http://ostatus.org#",
                    "atomUri": "ostatus:atomUri",
                    "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
                    "conversation": "ostatus:conversation",
                    "sensitive": "as:sensitive",
                    "toot": "http://joinmastodon.org/ns#",
                    "votersCount": "toot:votersCount",
                },
            ],
            "id": f"{uri}/activity",
            "type": "Create",
            "actor": remote.uri,
            "published": "2026-11-12T19:00:00Z",
            "to": [public],
            "cc": [followers],
            "object": {
                "id": uri,
                "type": "Note",
                "summary": None,
                "inReplyTo": None,
                "published": "2026-11-12T19:00:00Z",
                "url": f"{uri}/page",
                "attributedTo": remote.uri,
                "to": [public],
                "cc": [followers],
                "sensitive": False,
                "atomUri": uri,
                "conversation": f"tag:peer.example,2026-11-12:objectId={number}:objectType=Conversation",
                "content": text,
                "contentMap": {"en": text},
                "attachment": [],
                "tag": [],
                "replies": {"id": f"{uri}/replies", "type": "Collection"},
            },
        }
    )


def requests(people: list[Remote], port: int, count: int, round_: str) -> list[bytes]:
    """Return `count` signed POSTs to the shared inbox."""
    url = f"http://127.0.0.1:{port}/inbox"
    now = SystemClock().now()
    made = []
    for number in range(count):
        remote = people[number % len(people)]
        body = note(remote, f"{round_}{number}")
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


async def applied(database: Path, count: int) -> int:
    """Wait until nothing is pending; return how many posts are there."""
    for _ in range(1200):
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as rows:
            pending = rows.execute("SELECT count(*) FROM inbox_items WHERE state = 'pending'").fetchone()[0]
            posts = rows.execute("SELECT count(*) FROM statuses").fetchone()[0]
        if pending == 0 and posts >= count:
            return int(posts)
        await asyncio.sleep(0.1)
    raise RuntimeError("the worker did not finish")


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


async def measure(activities: int, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        ours, bare, rtc = free_port(), free_port(), free_port()
        file, config = await instance(directory, ours, rtc)
        app = build(config)
        people = await remote_people(app, [f"https://peer{n}.example" for n in range(50)])
        await follow_all(app, await local_person(app, "alice"))
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
            posts = await applied(directory / "bench.sqlite3", total)
            applying = (cpu_seconds(worker.pid) - starting) / posts * 1e6
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


if __name__ == "__main__":
    main()
