"""The home timeline against the same rules said plainly: a filter over everything there is."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from fedispace.accounts.models import Account, Block, DomainMute, Follow, Mute
from fedispace.db.engine import Tx
from fedispace.federation.models import ActorRow
from fedispace.ids import id_at
from fedispace.threads.models import ConversationMute, Mention, Status, StatusTag, TagFollow
from tests.threads.conftest import Threads

Row = dict[str, Any]
POSTS = 1500


@dataclass
class World:
    """What was written down by chance, and who reads it."""

    viewer: int
    now: datetime
    people: list[Row] = field(default_factory=list)
    follows: list[Row] = field(default_factory=list)
    blocks: list[Row] = field(default_factory=list)
    mutes: list[Row] = field(default_factory=list)
    shunned: list[str] = field(default_factory=list)
    muted: list[int] = field(default_factory=list)
    posts: dict[int, Row] = field(default_factory=dict)
    named: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)

    def home(self) -> list[int]:
        return sorted((id_ for id_, post in self.posts.items() if self._is_shown(post)), reverse=True)

    def _is_shown(self, post: Row) -> bool:
        author, answered, passed_on = post["account_id"], post["in_reply_to_account_id"], post["boost_of_id"]
        tagged = post["visibility"] == "public" and post["id"] in self._tagged
        if author not in self._circle and not (tagged and not self._people[author]["silenced"]):
            return False
        if post["in_reply_to_uri"] is not None and not (
            post["in_reply_to_uri"] == post["subject_uri"]
            or answered in (author, self.viewer, *self._circle)
            or author == self.viewer
            or tagged
        ):
            return False
        if self._is_unwanted(post) or self._is_switched_off(post) or not self._is_seen(post):
            return False
        original = None if passed_on is None else self.posts[passed_on]
        return original is None or (self._is_seen(original) and not self._is_unwanted(original))

    def _is_unwanted(self, post: Row) -> bool:
        author = post["account_id"]
        return post["conversation_id"] in self.muted or (
            author != self.viewer
            and (
                any((b["account_id"], b["target_id"]) == (self.viewer, author) for b in self.blocks)
                or any(
                    m["target_id"] == author and (m["expires_at"] is None or m["expires_at"] > self.now)
                    for m in self.mutes
                )
                or self._people[author]["domain"] in self.shunned
            )
        )

    def _is_switched_off(self, post: Row) -> bool:
        for follow in self.follows:
            if follow["target_id"] == post["account_id"]:
                if post["boost_of_id"] is not None:
                    return not follow["show_boosts"]
                languages = follow["languages"]
                return languages is not None and post["language"] not in (None, *languages)
        return False

    def _is_seen(self, post: Row) -> bool:
        author = post["account_id"]
        own = author == self.viewer
        named = any(n["status_id"] == post["id"] and not n["silent"] for n in self.named)
        shared = post["visibility"] in ("public", "unlisted")
        followers = post["visibility"] == "private" and author in self._circle
        return (
            (own or shared or named or followers)
            and (own or not post["pending_approval"] or post["in_reply_to_account_id"] == self.viewer)
            and (own or not any(b["account_id"] == author for b in self.blocks))
            and self._people[author]["suspended_at"] is None
        )

    def settle(self) -> None:
        self._people = {person["id"]: person for person in self.people}
        self._people[self.viewer] = {"silenced": False, "domain": "", "suspended_at": None}
        self._circle = {f["target_id"] for f in self.follows if f["accepted"]} | {self.viewer}
        self._tagged = {tag["status_id"] for tag in self.tags if tag["name_key"] == "followed"}


def a_world(chance: random.Random, viewer: int, now: datetime, people: int, span: timedelta) -> World:
    world = World(viewer=viewer, now=now)
    ids = range(1, people + 1)
    for n in ids:
        host = f"s{n % 7}.example"
        world.people.append(
            {
                "id": n,
                "uri": f"https://{host}/users/{n}",
                "username": str(n),
                "name_key": str(n),
                "domain": host,
                "url": f"https://{host}/@{n}",
                "silenced": chance.random() < 0.1,
                "suspended_at": now if chance.random() < 0.05 else None,
                "created_at": now,
            }
        )
    common = {"account_id": viewer, "created_at": now}
    for n in chance.sample(ids, people * 4 // 5):
        row = {"id": n, "target_id": n, "uri": f"https://a.example/follows/{n}", "accepted": n % 9 != 0}
        languages = ["en", "de"] if chance.random() < 0.2 else None
        world.follows.append({**row, **common, "show_boosts": chance.random() < 0.8, "languages": languages})
    for n in chance.sample(ids, people // 8):
        pair = {"account_id": viewer, "target_id": n} if n % 2 else {"account_id": n, "target_id": viewer}
        world.blocks.append({"id": n, "uri": f"https://a.example/blocks/{n}", "created_at": now, **pair})
    for n in chance.sample(ids, people // 6):
        expires_at = chance.choice((None, now - timedelta(hours=1), now + timedelta(hours=1)))
        world.mutes.append({"id": n, "target_id": n, "expires_at": expires_at, **common})
    world.shunned.append("s3.example")
    _write_posts(world, chance, span)
    world.muted += chance.sample([post["conversation_id"] for post in world.posts.values()], 20)
    world.settle()
    return world


def _write_posts(world: World, chance: random.Random, span: timedelta) -> None:
    low, high = id_at(world.now - span), id_at(world.now)
    people = [person["id"] for person in world.people]
    passed_on: set[tuple[int, int]] = set()
    for id_ in sorted(chance.sample(range(low, high), POSTS)):
        author = world.viewer if chance.random() < 0.02 else chance.choice(people)
        uri = f"https://b.example/{id_}"
        post: Row = {
            "id": id_,
            "uri": uri,
            "url": uri,
            "account_id": author,
            "local": False,
            "type": "Note",
            "boost_of_id": None,
            "in_reply_to_id": None,
            "in_reply_to_uri": None,
            "in_reply_to_account_id": None,
            "thread_id": id_,
            "conversation_id": id_,
            "subject_uri": None,
            "visibility": chance.choices(("public", "unlisted", "private", "direct"), (6, 2, 2, 1))[0],
            "language": chance.choice(("en", "fr", None)),
            "pending_approval": chance.random() < 0.05,
            "created_at": world.now,
        }
        earlier = chance.choice(list(world.posts.values())) if world.posts else None
        kind = chance.random()
        if earlier and earlier["boost_of_id"] is None and kind < 0.25:
            post["in_reply_to_id"], post["in_reply_to_uri"] = earlier["id"], earlier["uri"]
            post["in_reply_to_account_id"] = earlier["account_id"]
            post["conversation_id"] = earlier["conversation_id"]
            post["subject_uri"] = earlier["uri"] if chance.random() < 0.1 else None
        elif earlier and earlier["boost_of_id"] is None and kind < 0.5:
            post |= {"type": "Announce", "boost_of_id": earlier["id"]}
            if (earlier["id"], author) in passed_on:
                continue
            passed_on.add((earlier["id"], author))
        elif kind < 0.6:
            world.tags.append({"status_id": id_, "name_key": chance.choice(("followed", "other"))})
        if chance.random() < 0.1:
            named = {"status_id": id_, "account_id": world.viewer, "silent": chance.random() < 0.3}
            world.named.append(named)
        world.posts[id_] = post


async def written(tx: Tx, world: World) -> None:
    actors = [
        {
            "id": person["id"],
            "uri": person["uri"],
            "host": person["domain"],
            "local": False,
            "type": "Person",
            "inbox": f"{person['uri']}/inbox",
            "fetched_at": world.now,
        }
        for person in world.people
    ]
    mine: Row = {"account_id": world.viewer, "created_at": world.now}
    shunned = [{"id": n, "domain": host, **mine} for n, host in enumerate(world.shunned)]
    muted = [{"conversation_id": id_, **mine} for id_ in sorted(set(world.muted))]
    for table, rows in (
        (ActorRow, actors),
        (Account, world.people),
        (Follow, world.follows),
        (Block, world.blocks),
        (Mute, world.mutes),
        (DomainMute, shunned),
        (ConversationMute, muted),
        (TagFollow, [{"id": 1, "name": "Followed", "name_key": "followed", **mine}]),
        (Status, list(world.posts.values())),
        (StatusTag, world.tags),
        (Mention, world.named),
    ):
        await tx.execute(insert(table), rows)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("people", "days"), [(40, 1), (40, 30), (300, 1), (1000, 60)])
async def test_home_is_what_a_filter_over_everything_finds(
    threads: Threads, alice: Account, people: int, days: int, seed: int
) -> None:
    """Few and many follows, in a crowd that writes much and one that writes little; every way of paging."""
    chance = random.Random(seed)
    world = a_world(chance, alice.id, threads.home.clock.now(), people, timedelta(days=days))
    async with threads.home.db.transaction() as tx:
        await written(tx, world)
    expected = world.home()
    assert len(expected) > 100
    downwards: list[int] = []
    while len(downwards) < len(expected):
        page = {"max_id": downwards[-1]} if downwards else {}
        found = await threads.home_of(alice, limit=chance.choice((1, 20, 40, 80)), **page)
        assert found
        downwards += [post.id for post in found]
    upwards: list[int] = []
    while len(upwards) < len(expected):
        limit = chance.choice((1, 20, 40, 80))
        found = await threads.home_of(alice, limit=limit, min_id=upwards[-1] if upwards else 1)
        assert found
        upwards += [post.id for post in reversed(found)]
    since = chance.choice(expected)
    newest = [post.id for post in await threads.home_of(alice, limit=20, since_id=since)]
    assert downwards == expected == upwards[::-1]
    assert newest == [id_ for id_ in expected if id_ > since][:20]
