"""What people wrote survives every step of the history, forward and back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from fedispace.db import history, migrations
from fedispace.db.engine import Database, open_database
from fedispace.threads.models import Status
from fedispace.threads.policies import EVERYBODY, NOBODY
from fedispace.threads.policy_wire import policy_of
from tests.ground.ground import Ground

ROWS = (
    "INSERT INTO actors (id, uri, host, local, type, inbox, fetched_at) VALUES"
    " (1, 'https://a.example/users/alice', 'a.example', true, 'Person', 'https://a.example/i', '2026-01-01')",
    "INSERT INTO accounts (id, uri, username, name_key, domain, display_name, note, url, fields, bot,"
    ' "group", locked, discoverable, indexable, followers_count, following_count, statuses_count, created_at)'
    " VALUES (1, 'https://a.example/users/alice', 'alice', 'alice', '', 'Alice', '', 'https://a.example/@alice',"
    " '[]', false, false, false, true, false, 0, 0, 1, '2026-01-01')",
    "INSERT INTO statuses (id, uri, url, account_id, local, type, thread_id, thread_position,"
    " thread_length, conversation_id, visibility, content, spoiler, sensitive, tags, attachments,"
    " replies_count, boosts_count, favourites_count, created_at) VALUES"
    " (2, 'https://a.example/2', 'https://a.example/2', 1, true, 'Note', 2, 1, 1, 2, 'public',"
    " '<p>Kept.</p>', '', false, '[]', '[]', 0, 0, 1, '2026-01-01')",
    "INSERT INTO favourites (id, account_id, status_id, uri, created_at) VALUES"
    " (3, 1, 2, 'https://a.example/3', '2026-01-01')",
    "INSERT INTO mentions (status_id, account_id, silent) VALUES (2, 1, false)",
    "INSERT INTO status_tags (status_id, name_key) VALUES (2, 'tag')",
)
COUNTED = ("actors", "accounts", "statuses", "favourites", "mentions", "status_tags")


@pytest.fixture(params=["sqlite", "postgresql"])
async def first(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database at the first schema, with one row of each kind that hangs from another."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/first.sqlite3"
    else:
        ground: Ground = request.getfixturevalue("ground")
        url = ground.postgres.database()
    db = open_database(url)
    await migrations.migrate(db, "0001")
    async with db.connection() as connection:
        for row in ROWS:
            await connection.execute(text(row))
        await connection.commit()
    yield db
    await db.close()


async def counts(db: Database) -> dict[str, int]:
    async with db.connection() as connection:
        return {
            name: (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()
            for name in COUNTED
        }


@pytest.mark.reliability("R19")
async def test_nothing_is_lost_on_the_way_up_down_and_up_again(first: Database) -> None:
    before = await counts(first)
    assert set(before.values()) == {1}
    revisions = [
        revision.revision for revision in ScriptDirectory.from_config(migrations._alembic()).walk_revisions()
    ]
    for revision in [*revisions[::-1], *revisions, *revisions[::-1]]:
        await migrations.migrate(first, revision)
        assert await counts(first) == before, revision
    await history.require_current(first)


async def test_rows_of_the_first_schema_are_read_by_this_one(first: Database) -> None:
    await migrations.migrate(first)
    async with first.connection() as connection:
        row = (await connection.execute(text("SELECT content, pending_approval, emojis FROM statuses"))).one()
    assert (row.content, bool(row.pending_approval), row.emojis in ("[]", [])) == (
        "<p>Kept.</p>",
        False,
        True,
    )


async def test_deleting_still_cascades_after_a_migration(first: Database) -> None:
    await migrations.migrate(first)
    async with first.connection() as connection:
        await connection.execute(text("DELETE FROM statuses"))
        await connection.commit()
    assert (await counts(first))["favourites"] == 0


async def test_nobody_may_quote_what_was_written_before_one_could_choose(first: Database) -> None:
    await migrations.migrate(first)
    async with first.connection() as connection, AsyncSession(bind=connection) as session:
        post = (await session.scalars(select(Status))).one()
    policy = policy_of(post)
    assert policy.quote == NOBODY
    assert policy.reply == policy.favourite == policy.boost == EVERYBODY


async def test_direct_posts_from_before_are_in_the_list_of_conversations_as_read(first: Database) -> None:
    await migrations.migrate(first, "0002")
    async with first.connection() as connection:
        await connection.execute(text("UPDATE statuses SET visibility = 'direct'"))
        await connection.commit()
    for revision in ("0003", "0002", "0003"):
        await migrations.migrate(first, revision)
    async with first.connection() as connection:
        rows = (await connection.execute(text("SELECT * FROM direct_conversations"))).all()
    assert [tuple(row) for row in rows] == [(1, 2, 2, 2, 0)]
