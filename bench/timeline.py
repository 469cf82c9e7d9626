"""What a page of the home timeline costs over a million posts, on SQLite and on PostgreSQL.

    python -m bench.timeline [--posts 1000000] [--pages 60] [--database sqlite|postgres] [--json PATH]

Readers follow 100, 2,000, and five quiet people; all of them mute, block, follow hashtags and more. Each
page is 20 posts; the newest and the next five by `max_id`, in turn. Medians of CPU time: of this process,
and for PostgreSQL also of the process that serves it.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.million import NOW, READERS, fill
from bench.process import cpu_seconds
from fedispace.accounts.paging import Page
from fedispace.db.engine import Database, open_database
from fedispace.db.migrations import migrate
from fedispace.threads import timelines
from tests.ground.postgres import Postgres, find_binaries

GOALS = {"follows_100": 2.0, "follows_2000": 10.0}
_DEPTH = 6


async def measure(url: str, posts: int, pages: int) -> dict[str, float]:
    db = open_database(url)
    try:
        await migrate(db)
        began = time.monotonic()
        await fill(url, posts)
        figures = {"fill_seconds": time.monotonic() - began}
        for name, (reader, _) in READERS.items():
            ours, theirs = await _read(db, reader, pages)
            figures[f"{name}_ms"] = statistics.median(ours) * 1e3
            if theirs:
                figures[f"{name}_backend_ms"] = statistics.median(theirs) * 1e3
        return figures
    finally:
        await db.close()


async def _read(db: Database, reader: int, pages: int) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of each page, ours and the backend's; the first pages do not count."""
    ours: list[float] = []
    theirs: list[float] = []
    below: int | None = None
    for number in range(pages + 2 * _DEPTH):
        if number % _DEPTH == 0:
            below = None
        async with db.reading() as tx:
            backend = 0
            if db.dialect == "postgresql":
                backend = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            used = cpu_seconds(backend) if backend else 0.0
            before = time.process_time()
            found = await timelines.home(tx, reader, Page(limit=20, max_id=below), NOW)
            spent = time.process_time() - before
            if number >= 2 * _DEPTH:
                ours.append(spent)
                if backend:
                    theirs.append(cpu_seconds(backend) - used)
        if len(found) != 20:
            raise RuntimeError(f"a page has {len(found)} posts")
        below = found[-1].id
    return ours, theirs


async def on_sqlite(posts: int, pages: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return await measure(f"sqlite:///{folder}/million.sqlite3", posts, pages)


async def on_postgres(posts: int, pages: int) -> dict[str, float]:
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("there is no PostgreSQL server (Debian: postgresql)")
    server = Postgres(binaries)
    try:
        return await measure(server.database(), posts, pages)
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--database", choices=("sqlite", "postgres"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for name, run in (("sqlite", on_sqlite), ("postgres", on_postgres)):
        if arguments.database in (None, name):
            figures[name] = asyncio.run(run(arguments.posts, arguments.pages))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    for database, found in figures.items():
        print(f"{database}: {arguments.posts} posts written in {found['fill_seconds']:.0f} s")
        for name in READERS:
            backend = found.get(f"{name}_backend_ms")
            line = f"  {name:13} {found[f'{name}_ms']:6.2f} ms CPU"
            if backend is not None:
                line += f", and {backend:6.2f} ms of the database"
            print(line + (f"   (goal <= {GOALS[name]:g})" if name in GOALS else ""))


if __name__ == "__main__":
    main()
