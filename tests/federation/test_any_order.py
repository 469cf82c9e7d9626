"""In whatever order activities come, the same state is reached in the end.

Thirty activities of three servers, about posts of theirs and of ours, are received in two hundred
shuffled orders, with the jobs they ask for run here and there in between. What is left is compared with
what the order they were sent in leaves: posts with their last text, their places, counts, favourites,
boosts, mentions, tombstones and notifications.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select
from sqlalchemy import update as update_rows

from fedispace.accounts.models import Account, Notification
from fedispace.clock import ManualClock
from fedispace.db.base import Base
from fedispace.errors import FedispaceError
from fedispace.federation import codec
from fedispace.federation.models import Tombstone
from fedispace.federation.routes import Verified
from fedispace.federation.vocab.activities import Activity, Announce, Create, Delete, Like, Undo, Update
from fedispace.federation.vocab.links import Hashtag
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.net import Net
from fedispace.threads.models import Favourite, Mention, Status
from tests.factories import open_home, remote_actor
from tests.threads.conftest import Threads, a_note

ORDERS = 40 if os.environ.get("FEDISPACE_TEST_DATABASE") == "postgres" else 200
THROUGH_THE_INBOX = 10
TOWNS = 8
PEOPLE = {"actors", "actor_keys", "actor_secrets", "accounts", "users", "follows", "follower_inboxes"}
START = ManualClock().now()
ACTORS = {name: remote_actor(name, f"{name}.example", scheme="http") for name in ("bob", "dora", "fay")}
BOB, DORA, FAY = (actor.id for actor in ACTORS.values())
OURS = "https://a.example/users"


def note(by: str, number: int, minute: int, **fields: Any) -> Note:
    return a_note(by, number, published=START + timedelta(minutes=minute), **fields)


def edited(of: Note, minute: int, **fields: Any) -> Note:
    return replace(of, updated=START + timedelta(minutes=minute), **fields)


def create(of: Note, number: int = 1) -> Create:
    return Create(id=Uri(f"{of.id}/create/{number}"), actor=of.attributed_to, object=of, to=of.to, cc=of.cc)


def update(of: Note, number: int = 1) -> Update:
    return Update(
        id=Uri(f"{of.id}/update/{of.updated:%H%M}/{number}"),
        actor=of.attributed_to,
        object=of,
        to=of.to,
        cc=of.cc,
    )


def delete(of: Note) -> Delete:
    return Delete(id=Uri(f"{of.id}/delete"), actor=of.attributed_to, object=of.id, to=(PUBLIC,))


def like(by: Uri, object_: str, number: int = 1) -> Like:
    return Like(id=Uri(f"{by}/likes/{number}"), actor=by, object=Uri(object_))


def announce(by: Uri, object_: str, number: int = 1) -> Announce:
    return Announce(
        id=Uri(f"{by}/boosts/{number}"),
        actor=by,
        object=Uri(object_),
        to=(PUBLIC,),
        cc=(Uri(f"{by}/followers"),),
        published=START + timedelta(minutes=30),
    )


def undo(of: Like | Announce, *, bare: bool = False) -> Undo:
    return Undo(id=Uri(f"{of.id}/undo"), actor=of.actor, object=of.id, inner=None if bare else of)


def story(alices: str, carols: str) -> tuple[list[Activity], list[Note]]:
    """Return the thirty activities in the order they were sent, and what the servers show in the end."""
    alice, carol = f"{OURS}/alice", f"{OURS}/carol"
    p1 = note(BOB, 1, 1, mentions=[alice])
    p1_b = edited(p1, 5, content="<p>second thoughts</p>", tags=(*p1.tags, Hashtag(name="late")))
    p1_c = edited(note(BOB, 1, 1, mentions=[carol], content="<p>last words</p>"), 9, summary="careful")
    p2 = note(BOB, 2, 2, in_reply_to=p1.id)
    p3 = note(BOB, 3, 3, mentions=[alice])
    q1 = note(DORA, 1, 4, mentions=[FAY])
    q1_b = edited(q1, 8, content="<p>corrected</p>")
    q2 = note(DORA, 2, 6, in_reply_to=p1.id, mentions=[alice])
    q3 = note(DORA, 3, 7, in_reply_to=Uri(alices), mentions=[alice])
    f1 = note(FAY, 1, 10, in_reply_to=q1.id)
    f1_b = edited(f1, 11, content="<p>nearly</p>")
    f2 = note(FAY, 2, 12, in_reply_to=p2.id, mentions=[alice, BOB])
    liked = like(FAY, carols)
    bobs, doras = like(BOB, alices), announce(DORA, p1.id)
    second = announce(DORA, carols, 2)
    activities: list[Activity] = [
        create(p1), create(p2), create(p3), create(q1),
        update(p1_b), create(q2), create(q3), update(q1_b), update(p1_c),
        bobs, announce(BOB, alices), undo(bobs), announce(BOB, q1.id, 2),
        doras, like(DORA, alices), undo(doras), second, undo(second, bare=True),
        create(f1), update(f1_b), create(f2), liked, undo(liked), announce(FAY, q1.id, 3),
        announce(FAY, p3.id), delete(p3), delete(q2), delete(f1),
        create(p1, 2), update(p1_b, 2),
    ]  # fmt: skip
    return activities, [p1_c, p2, q1_b, f2]


class Others:
    """The three servers: each shows its actors, and its posts as they are in the end."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {
            actor.id: codec.write(actor) for actor in ACTORS.values()
        }
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        found = self.documents.get(f"http://{request.host}{request.path}")
        if found is None:
            raise web.HTTPNotFound
        return web.json_response(found, content_type="application/activity+json")

    def net(self) -> Net:
        hosts = {f"{name}.example": ("127.0.0.1", self.port) for name in ACTORS}
        loopback = ["127.0.0.0/8"]
        return Net(allow_private=loopback, allow_http=True, user_agent="fedispace tests", resolver=hosts)


@pytest.fixture
async def others() -> AsyncIterator[Others]:
    server = Others()
    application = web.Application()
    application.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


async def applied(threads: Threads, activity: Activity) -> None:
    """Have an activity applied as the inbox does it, without the inbox's own rows: in a third of the time."""
    table = threads.home.inbox_table
    entry, sender = table.find(activity), activity.actor
    assert entry is not None
    assert sender is not None
    found = await threads.home.resolver.documents(tuple(entry.wanted(activity)))
    with contextlib.suppress(FedispaceError):
        async with threads.home.db.transaction() as tx:
            for handle in entry.handlers:
                await handle(tx, Verified(activity, sender), found)


class Town:
    """An instance with alice, who follows the three, and carol; each order begins with it empty of posts."""

    def __init__(self, threads: Threads, others: Others, alice: Account, carol: Account) -> None:
        self._threads = threads
        self._others = others
        self._alice = alice
        self._carol = carol

    async def ended(self, seed: int | None) -> dict[str, Any]:
        """Receive everything in the order of the seed (None: as it was sent); return the state at the end."""
        threads, home = self._threads, self._threads.home
        (alices,), (carols,) = (
            await threads.post(self._alice, "ours"),
            await threads.post(self._carol, "and mine"),
        )
        home.clock.advance(hours=1)
        activities, shown = story(alices.uri, carols.uri)
        self._others.documents |= {last.id: codec.write(last) for last in shown}
        order = random.Random(seed)
        if seed is not None:
            order.shuffle(activities)
        for activity in activities:
            if seed is None or seed < THROUGH_THE_INBOX:
                await home.receive(activity)
            else:
                await applied(threads, activity)
            if seed is not None and order.random() < 0.2:
                await threads.settle()
        for _ in range(3):
            await threads.settle()
            home.clock.advance(minutes=20)
        found = await dumped(threads, {alices.uri: "alice's post", carols.uri: "carol's post"})
        await self._begin_again()
        return found

    async def _begin_again(self) -> None:
        """Leave the people and nothing else: a new instance for each order would take most of the time."""
        home = self._threads.home
        async with home.db.transaction() as tx:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name not in PEOPLE:
                    await tx.execute(table.delete())
            await tx.execute(update_rows(Account).values(statuses_count=0, last_status_at=None))
        home.clock.advance(hours=-2)


@contextlib.asynccontextmanager
async def opened_town(directory: Path, others: Others) -> AsyncIterator[Town]:
    directory.mkdir()
    async with open_home(directory, net=others.net()) as home:
        threads = Threads(home)
        alice, carol = await home.person("alice"), await home.person("carol")
        for actor in ACTORS.values():
            await threads.follow(alice, await home.stranger(actor))
        yield Town(threads, others, alice, carol)


async def dumped(threads: Threads, names: dict[str, str]) -> dict[str, Any]:
    """Return the state of the domain without what differs in every run: row ids and when it was written."""
    async with threads.home.db.reading() as tx:
        accounts = {row.id: row for row in await tx.scalars(select(Account))}
        statuses = {row.id: row for row in await tx.scalars(select(Status))}
        mentions = (await tx.scalars(select(Mention))).all()
        favourites = (await tx.scalars(select(Favourite))).all()
        graves = set(await tx.scalars(select(Tombstone.uri)))
        notices = (await tx.scalars(select(Notification))).all()

    def name(status_id: int | None) -> str | None:
        if status_id is None:
            return None
        status = statuses[status_id]
        if status.boost_of_id is not None:
            return f"{accounts[status.account_id].username} boosts {name(status.boost_of_id)}"
        return names.get(status.uri, status.uri)

    def person(account_id: int) -> str:
        return accounts[account_id].username

    posts = {
        name(row.id): {
            "author": person(row.account_id),
            "text": row.content,
            "warning": row.spoiler,
            "edited": row.edited_at,
            "written": row.created_at if row.boost_of_id is None and not row.local else None,
            "answers": names.get(row.in_reply_to_uri or "", row.in_reply_to_uri),
            "below": name(row.in_reply_to_id),
            "place": (name(row.thread_id), row.thread_position, row.thread_length),
            "conversation": name(row.conversation_id) if row.conversation_id in statuses else "gone",
            "visibility": row.visibility,
            "tags": [tag["name"] for tag in row.tags],
            "counts": (row.replies_count, row.boosts_count, row.favourites_count),
        }
        for row in statuses.values()
    }
    return {
        "posts": posts,
        "counted": {row.username: row.statuses_count for row in accounts.values()},
        "mentions": {(name(row.status_id), person(row.account_id), row.silent) for row in mentions},
        "favourites": {(person(row.account_id), name(row.status_id)) for row in favourites},
        "graves": {uri for uri in graves if "/notes/" in uri},
        "notices": {
            (person(row.account_id), row.type, person(row.from_id), name(row.subject)) for row in notices
        },
    }


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return what differs, in lines short enough to read."""
    lines: list[str] = []
    for part in expected:
        if isinstance(expected[part], set):
            lines += [f"{part}: lacks {one}" for one in expected[part] - found[part]]
            lines += [f"{part}: also {one}" for one in found[part] - expected[part]]
            continue
        for key in expected[part].keys() | found[part].keys():
            was, now = expected[part].get(key), found[part].get(key)
            if was == now:
                continue
            if isinstance(was, dict) and isinstance(now, dict):
                changed = [field for field in was if was[field] != now[field]]
                lines += [f"{key}: {field} {was[field]!r} is {now[field]!r}" for field in changed]
            else:
                lines.append(f"{part}: {key}: {was!r:.80} is {now!r:.80}")
    return lines


@pytest.mark.reliability("R4")
async def test_thirty_activities_in_two_hundred_orders_end_in_one_state(
    tmp_path: Path, others: Others
) -> None:
    assert len(story("http://x.example/1", "http://x.example/2")[0]) == 30
    async with opened_town(tmp_path / "sent", others) as town:
        expected = await town.ended(None)
    assert expected["posts"][f"{BOB}/notes/1"]["text"] == "<p>last words</p>"
    assert expected["favourites"] == {("dora", "alice's post")}
    seeds = iter(range(ORDERS))
    found: list[str] = []

    async def try_orders(number: int) -> None:
        async with opened_town(tmp_path / str(number), others) as town:
            for seed in seeds:
                state = await town.ended(seed)
                found.extend(f"seed {seed}: {line}" for line in differences(expected, state))

    await asyncio.gather(*(try_orders(number) for number in range(TOWNS)))
    assert not found, "\n".join(found)
