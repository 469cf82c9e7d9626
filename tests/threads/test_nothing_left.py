"""A post that is deleted is gone: its text, what it said before, and all that hung from it."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.db.base import Base
from fedispace.errors import NotFound
from fedispace.federation.archive import Archive
from fedispace.federation.routes import Asker, Stored
from fedispace.federation.vocab.activities import Delete
from fedispace.federation.vocab.objects import Tombstone
from fedispace.threads.models import Bookmark, Poll, PollVote, Reaction, StatusEdit
from fedispace.threads.polls import PollDraft
from fedispace.threads.written import Draft
from tests.threads.conftest import Threads

SECRET = "marmalade"


async def saying(threads: Threads, text: str) -> dict[str, list[Any]]:
    """Return every row of every table in which the text stands."""
    found: dict[str, list[Any]] = {}
    async with threads.home.db.reading() as tx:
        for table in Base.metadata.sorted_tables:
            everything = await tx.execute(select(table))
            rows = [tuple(row) for row in everything if text in repr(tuple(row)).casefold()]
            if rows:
                found[table.name] = rows
    return found


@pytest.mark.privacy("P-13")
async def test_no_table_remembers_what_a_deleted_post_said(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    poll = PollDraft(options=(f"{SECRET} now", f"{SECRET} later"), expires_in=3600)
    (post,) = await threads.publishing.publish(alice, [Draft(text=f"First {SECRET}", poll=poll)])
    threads.home.clock.advance(minutes=1)
    await threads.editing.edit(
        alice, post.id, Draft(text=f"Then {SECRET}", spoiler=f"about {SECRET}", poll=poll)
    )
    await threads.boosting.boost(carol, post.id)
    await threads.favouriting.favourite(carol, post.id)
    assert {"statuses", "status_edits", "polls", "outbox_items"} <= set(await saying(threads, SECRET))
    await threads.deletion.delete(alice, post.id)
    assert await saying(threads, SECRET) == {}
    for table in (StatusEdit, Poll, PollVote, Bookmark, Reaction):
        async with threads.home.db.reading() as tx:
            assert (await tx.scalars(select(table))).all() == []
    path = {"name": "alice", "id": str(post.id)}
    assert isinstance(await threads.documents.note(path, Asker()), Tombstone)
    assert len(await threads.sent(Delete)) == 1


@pytest.mark.privacy("P-13")
async def test_what_was_sent_of_a_deleted_post_is_no_longer_shown(threads: Threads, alice: Account) -> None:
    (post,) = await threads.publishing.publish(alice, [Draft(text="First")])
    threads.home.clock.advance(minutes=1)
    await threads.editing.edit(alice, post.id, Draft(text="Then"))
    archive = Archive(threads.home.db, threads.home.addresses)
    (update,) = [each for each in await threads.home.sent() if type(each).__name__ == "Update"]
    number = update.id.rsplit("/", 1)[1]  # type: ignore[union-attr]
    assert isinstance(await archive.activity({"id": number}, Asker()), Stored)
    await threads.deletion.delete(alice, post.id)
    with pytest.raises(NotFound):
        await archive.activity({"id": number}, Asker())
