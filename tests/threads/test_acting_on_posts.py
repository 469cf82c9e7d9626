"""Boosting, favouriting and deleting, by our own people."""

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.errors import Forbidden, NotFound
from fedispace.federation.models import OutboxItem
from fedispace.federation.routes import Asker
from fedispace.federation.tombstones import tombstone
from fedispace.federation.vocab.activities import Announce, Delete, Like, Undo
from fedispace.federation.vocab.objects import Tombstone
from fedispace.federation.vocab.uri import PUBLIC
from fedispace.threads.models import Status
from tests.threads.conftest import Threads, a_note, creating


async def from_bob(threads: Threads, alice: Account, bob: Account) -> Status:
    """Return a post of bob@b.example that was delivered here."""
    await threads.follow(alice, bob)
    assert await threads.home.receive(creating(a_note())) == "done"
    status = await threads.known(a_note().id)
    assert status is not None
    return status


async def test_a_boost_tells_the_author_the_followers_and_counts_once(
    threads: Threads, alice: Account, bob: Account
) -> None:
    post = await from_bob(threads, alice, bob)
    passed_on = await threads.boosting.boost(alice, post.id)
    assert (await threads.boosting.boost(alice, post.id)).id == passed_on.id
    (announce,) = await threads.sent(Announce)
    assert (announce.object, announce.id, announce.to) == (post.uri, passed_on.uri, (PUBLIC,))
    assert bob.uri in announce.cc
    assert (await threads.again(post)).boosts_count == 1
    async with threads.home.db.reading() as tx:
        item = (await tx.scalars(select(OutboxItem))).one()
    assert item.audience == {"followers": True, "actors": [bob.id]}


async def test_a_boost_taken_back_is_gone_and_said_to_be(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    passed_on = await threads.boosting.boost(carol, post.id)
    assert await threads.notified(alice) == [("reblog", post.id)]
    returned = await threads.boosting.unboost(carol, post.id)
    await threads.boosting.unboost(carol, post.id)
    assert (returned.id, returned.boosts_count) == (post.id, 0)
    assert await threads.known(passed_on.uri) is None
    assert await threads.notified(alice) == []
    (undo,) = await threads.sent(Undo)
    assert (undo.object, undo.inner.object) == (passed_on.uri, post.uri)


async def test_only_what_everybody_may_read_is_passed_on(
    threads: Threads, alice: Account, carol: Account
) -> None:
    await threads.follow(carol, alice)
    (private,) = await threads.post(alice, "for followers", visibility="private")
    (direct,) = await threads.post(alice, "for @carol", visibility="direct")
    for post in (private, direct):
        with pytest.raises(Forbidden):
            await threads.boosting.boost(carol, post.id)
    own = await threads.boosting.boost(alice, private.id)
    (announce,) = await threads.sent(Announce)
    assert own.visibility == "private"
    assert PUBLIC not in (*announce.to, *announce.cc)


async def test_what_one_may_not_see_cannot_be_acted_on(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "secret", visibility="direct")
    for act in (
        threads.boosting.boost,
        threads.boosting.unboost,
        threads.favouriting.favourite,
        threads.favouriting.unfavourite,
        threads.deletion.delete,
        threads.deletion.delete_thread,
    ):
        with pytest.raises(NotFound):
            await act(carol, post.id)


async def test_a_favourite_tells_the_author_only_and_counts_once(
    threads: Threads, alice: Account, bob: Account
) -> None:
    post = await from_bob(threads, alice, bob)
    for _ in range(2):
        liked = await threads.favouriting.favourite(alice, post.id)
    assert liked.favourites_count == 1
    (like,) = await threads.sent(Like)
    assert (like.object, like.to, like.cc) == (post.uri, (bob.uri,), ())
    for _ in range(2):
        liked = await threads.favouriting.unfavourite(alice, post.id)
    assert liked.favourites_count == 0
    (undo,) = await threads.sent(Undo)
    assert (undo.object, undo.inner.id) == (like.id, like.id)


async def test_a_favourite_of_a_boost_is_one_of_the_post(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    passed_on = await threads.boosting.boost(carol, post.id)
    assert (await threads.favouriting.favourite(carol, passed_on.id)).id == post.id
    assert await threads.notified(alice) == [("reblog", post.id), ("favourite", post.id)]


async def test_a_deleted_post_leaves_nothing_but_its_tombstone(
    threads: Threads, alice: Account, bob: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "hello @carol")
    passed_on = await threads.boosting.boost(carol, post.id)
    await threads.favouriting.favourite(carol, post.id)
    (reply,) = await threads.post(carol, "reply", in_reply_to_id=post.id)
    deleted = await threads.deletion.delete(alice, post.id)
    assert deleted.source == "hello @carol"
    assert [status.id for status in await threads.all()] == [reply.id]
    assert await threads.known(passed_on.uri) is None
    kept = await threads.again(reply)
    assert (kept.in_reply_to_id, kept.in_reply_to_uri) == (None, post.uri)
    assert await threads.notified(carol) == []
    assert await threads.notified(alice) == [("mention", reply.id)]
    assert (await threads.home.account(alice.id)).statuses_count == 0
    assert (await threads.home.account(carol.id)).statuses_count == 1
    path = {"name": "alice", "id": str(post.id)}
    assert isinstance(await threads.documents.note(path, Asker()), Tombstone)


async def test_everyone_who_has_a_post_hears_that_it_was_deleted(
    threads: Threads, alice: Account, bob: Account
) -> None:
    """bob does not follow alice; he has her post because he answered it."""
    (post,) = await threads.post(alice, "hello")
    reply = a_note(in_reply_to=post.uri, mentions=[alice.uri])
    assert await threads.home.receive(creating(reply)) == "done"
    await threads.deletion.delete(alice, post.id)
    (delete,) = await threads.sent(Delete)
    assert delete.object == post.uri
    assert delete.former is not None
    assert delete.former.former_type == "Note"
    async with threads.home.db.reading() as tx:
        item = (await tx.scalars(select(OutboxItem).where(OutboxItem.type == "Delete"))).one()
    assert item.audience == {"followers": True, "actors": [bob.id]}


async def test_a_deleted_direct_post_is_not_proclaimed(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "for @bob@b.example", visibility="direct")
    await threads.deletion.delete(alice, post.id)
    (delete,) = await threads.sent(Delete)
    assert (delete.to, delete.cc) == ((bob.uri,), ())
    async with threads.home.db.reading() as tx:
        assert await tombstone(tx, post.uri) is None
    with pytest.raises(NotFound):
        await threads.documents.note({"name": "alice", "id": str(post.id)}, Asker())


async def test_nobody_deletes_what_is_somebody_elses(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    with pytest.raises(NotFound):
        await threads.deletion.delete(carol, post.id)
    assert await threads.known(post.uri) is not None


async def test_a_thread_closes_its_ranks_when_one_of_its_posts_is_deleted(
    threads: Threads, alice: Account
) -> None:
    first, second, third = await threads.post(alice, "one", "two", "three")
    await threads.deletion.delete(alice, first.id)
    left = [await threads.again(post) for post in (second, third)]
    assert [(post.thread_id, post.thread_position, post.thread_length) for post in left] == [
        (second.id, 1, 2),
        (second.id, 2, 2),
    ]


async def test_a_thread_is_deleted_as_one(threads: Threads, alice: Account, carol: Account) -> None:
    posts = await threads.post(alice, "one", "two", "three")
    (reply,) = await threads.post(carol, "reply", in_reply_to_id=posts[1].id)
    deleted = await threads.deletion.delete_thread(alice, posts[1].id)
    assert [post.id for post in deleted] == [post.id for post in posts]
    assert [post.id for post in await threads.all()] == [reply.id]
    assert [delete.object for delete in await threads.sent(Delete)] == [post.uri for post in reversed(posts)]


async def test_deleting_ones_boost_takes_it_back(threads: Threads, alice: Account, carol: Account) -> None:
    (post,) = await threads.post(alice, "hello")
    passed_on = await threads.boosting.boost(carol, post.id)
    await threads.deletion.delete(carol, passed_on.id)
    assert (await threads.again(post)).boosts_count == 0
    assert len(await threads.sent(Undo)) == 1
