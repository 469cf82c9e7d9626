"""A million posts of five thousand people, and two readers, written straight into either database.

Who posts how often is unequal (Zipf), a third are replies and boosts, and every table that the home
timeline asks holds rows of the readers: mutes, blocks, domains, muted conversations, hashtags, languages.
"""

import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]
import msgspec
from sqlalchemy import JSON, Table

from fedispace.accounts.models import Account, Block, DomainMute, Follow, Mute
from fedispace.db.base import Base, table_of
from fedispace.federation.models import ActorRow
from fedispace.ids import id_at
from fedispace.moderation.models import DomainRule
from fedispace.threads.models import ConversationMute, Status, StatusTag, TagFollow

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
PEOPLE: Final = 5_000
READERS: Final = {"follows_100": (10_001, 100), "follows_2000": (10_002, 2_000), "quiet": (10_003, 5)}
_BEGAN: Final = NOW - timedelta(days=90)
_HOSTS: Final = 400
_TAGS: Final = 200

Row = dict[str, Any]


async def fill(url: str, posts: int) -> None:
    """Write everything; the indexes are dropped before and made again after."""
    async with _writer(url) as write:
        chance = random.Random(7)
        await write(ActorRow, _actors())
        await write(Account, _accounts())
        await write(Follow, _follows(chance))
        await write(Block, _pairs(chance, 1, 50, 20_000))
        await write(Mute, _mutes(chance))
        await write(DomainMute, _domains(chance))
        await write(DomainRule, _rules())
        await write(TagFollow, _tag_follows())
        await write(ConversationMute, _muted_conversations(chance, posts))
        await write(Status, _statuses(chance, posts))
        await write(StatusTag, _status_tags(posts))


def post_id(number: int, posts: int) -> int:
    """Return the id of a post, spread evenly over ninety days."""
    span = id_at(NOW) - id_at(_BEGAN)
    return id_at(_BEGAN) + span * number // posts


def _actors() -> Iterator[Row]:
    for id_, host in _people():
        uri = f"https://{host}/users/{id_}"
        yield {
            "id": id_,
            "uri": uri,
            "host": host,
            "local": id_ > PEOPLE,
            "type": "Person",
            "inbox": f"{uri}/inbox",
            "fetched_at": NOW,
        }


def _accounts() -> Iterator[Row]:
    for id_, host in _people():
        yield {
            "id": id_,
            "uri": f"https://{host}/users/{id_}",
            "username": f"p{id_}",
            "name_key": f"p{id_}",
            "domain": "" if id_ > PEOPLE else host,
            "url": f"https://{host}/@p{id_}",
            "created_at": _BEGAN,
        }


def _people() -> Iterator[tuple[int, str]]:
    for id_ in range(1, PEOPLE + 1):
        yield id_, f"s{id_ % _HOSTS}.example"
    for id_, _ in READERS.values():
        yield id_, "here.example"


def _followed(chance: random.Random, count: int) -> list[int]:
    """Choose whom a reader follows; a reader of few follows the quiet."""
    if count < 10:
        return list(range(PEOPLE - count, PEOPLE))
    return chance.sample(range(1, PEOPLE + 1), count)


def _follows(chance: random.Random) -> Iterator[Row]:
    id_ = 0
    for reader, count in READERS.values():
        for number, target in enumerate(_followed(chance, count)):
            id_ += 1
            yield {
                "id": id_,
                "account_id": reader,
                "target_id": target,
                "uri": f"https://here.example/follows/{id_}",
                "accepted": True,
                "show_boosts": number % 10 != 0,
                "languages": ["en", "de"] if number % 20 == 0 else None,
                "created_at": _BEGAN,
            }


def _pairs(chance: random.Random, first: int, each: int, id_: int) -> Iterator[Row]:
    for reader, _ in READERS.values():
        for target in chance.sample(range(first, PEOPLE), each):
            id_ += 1
            yield {
                "id": id_,
                "account_id": reader,
                "target_id": target,
                "uri": f"https://here.example/blocks/{id_}",
                "created_at": _BEGAN,
            }


def _mutes(chance: random.Random) -> Iterator[Row]:
    for number, pair in enumerate(_pairs(chance, 1, 50, 30_000)):
        del pair["uri"]
        yield {**pair, "expires_at": NOW + timedelta(days=1) if number % 2 else None}


def _domains(chance: random.Random) -> Iterator[Row]:
    id_ = 40_000
    for reader, _ in READERS.values():
        for host in chance.sample(range(_HOSTS), 10):
            id_ += 1
            yield {
                "id": id_,
                "account_id": reader,
                "domain": f"s{host}.example",
                "created_at": _BEGAN,
            }


def _rules() -> Iterator[Row]:
    for number in range(1000):
        severity = "silence" if number % 20 == 0 else "suspend"
        yield {"domain": f"bad{number}.example", "severity": severity, "created_at": _BEGAN}


def _tag_follows() -> Iterator[Row]:
    id_ = 50_000
    for reader, _ in READERS.values():
        for number in range(5):
            id_ += 1
            name = f"tag{number}"
            yield {"id": id_, "account_id": reader, "name": name, "name_key": name, "created_at": _BEGAN}


def _muted_conversations(chance: random.Random, posts: int) -> Iterator[Row]:
    for reader, _ in READERS.values():
        for number in chance.sample(range(posts), 100):
            yield {
                "account_id": reader,
                "conversation_id": post_id(number, posts),
                "created_at": _BEGAN,
            }


def _statuses(chance: random.Random, posts: int) -> Iterator[Row]:
    weights = [1 / (rank + 10) ** 0.8 for rank in range(PEOPLE)]
    authors = chance.choices(range(1, PEOPLE + 1), weights, k=posts)
    boosted: set[tuple[int, int]] = set()
    for number, author in enumerate(authors):
        id_ = post_id(number, posts)
        uri = f"https://s{author % _HOSTS}.example/notes/{number}"
        row: Row = {
            "id": id_,
            "uri": uri,
            "url": uri,
            "account_id": author,
            "local": False,
            "thread_id": id_,
            "conversation_id": id_,
            "visibility": chance.choices(("public", "unlisted", "private"), (85, 8, 7))[0],
            "content": "<p>Some ordinary words about an ordinary day, at some length.</p>" * 2,
            "language": chance.choice(("en", "de", "fr", None)),
            "created_at": _BEGAN + timedelta(days=90) * number / posts,
        }
        earlier = chance.randrange(max(0, number - 50_000), number) if number else 0
        kind = chance.random()
        if number and kind < 0.2:
            row |= {
                "in_reply_to_id": post_id(earlier, posts),
                "in_reply_to_uri": f"https://s{authors[earlier] % _HOSTS}.example/notes/{earlier}",
                "in_reply_to_account_id": authors[earlier],
                "conversation_id": post_id(earlier, posts),
            }
        elif number and kind < 0.33 and (earlier, author) not in boosted:
            boosted.add((earlier, author))
            row |= {"type": "Announce", "boost_of_id": post_id(earlier, posts), "content": ""}
        yield row


def _status_tags(posts: int) -> Iterator[Row]:
    for number in range(0, posts, 20):
        yield {"status_id": post_id(number, posts), "name_key": f"tag{number // 20 % _TAGS}"}


def _completed(table: Table, rows: Iterable[Row]) -> Iterator[list[Any]]:
    """Return rows as lists, in the order of the columns, with what the model would fill in."""
    defaults: Row = {}
    for column in table.columns:
        default = getattr(column.default, "arg", None)
        defaults[column.name] = [] if callable(default) else default
    jsons = {column.name for column in table.columns if isinstance(column.type, JSON)}
    for row in rows:
        full = defaults | row
        yield [
            msgspec.json.encode(value).decode() if name in jsons and value is not None else value
            for name, value in full.items()
        ]


@contextlib.asynccontextmanager
async def _writer(url: str) -> AsyncIterator[Any]:
    if urlsplit(url).scheme == "sqlite":
        rows = sqlite3.connect(Path(url.removeprefix("sqlite:///")))
        made = rows.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        indexes = made.fetchall()
        rows.execute("PRAGMA synchronous=OFF")
        for name, _ in indexes:
            rows.execute(f'DROP INDEX "{name}"')

        async def write(mapped: type[Base], given: Iterable[Row]) -> None:
            table = table_of(mapped)
            marks = ", ".join("?" * len(table.columns))
            plain = (
                [f"{v:%Y-%m-%d %H:%M:%S.%f}" if isinstance(v, datetime) else v for v in row]
                for row in _completed(table, given)
            )
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            rows.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", plain)

        yield write
        for _, sql in indexes:
            rows.execute(sql)
        rows.commit()
        rows.execute("ANALYZE")
        rows.close()
        return
    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'statuses'"
        " AND indexdef NOT LIKE '%UNIQUE%'"
    )
    for index in found:
        await connection.execute(f'DROP INDEX "{index["indexname"]}"')
    await connection.execute("SET session_replication_role = replica")

    async def copy(mapped: type[Base], given: Iterable[Row]) -> None:
        table = table_of(mapped)
        await connection.copy_records_to_table(
            table.name,
            records=_completed(table, given),
            columns=[column.name for column in table.columns],
        )

    yield copy
    for index in found:
        await connection.execute(index["indexdef"])
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
