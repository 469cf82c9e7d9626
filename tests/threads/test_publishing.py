"""Publishing posts and threads."""

import asyncio

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account, User
from fedispace.errors import Invalid, NotFound
from fedispace.federation.models import Fanout, OutboxItem
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.links import Hashtag, LinkTag, Mention
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import PUBLIC
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.idempotency import prune
from fedispace.threads.models import IdempotencyKey
from fedispace.threads.written import Draft
from tests.threads.conftest import Threads


async def test_a_thread_is_a_chain_of_posts_that_know_their_places(threads: Threads, alice: Account) -> None:
    posts = await threads.post(alice, "one", "two", "three")
    assert [(post.thread_position, post.thread_length) for post in posts] == [(1, 3), (2, 3), (3, 3)]
    assert {post.thread_id for post in posts} == {posts[0].id}
    assert {post.conversation_id for post in posts} == {posts[0].id}
    assert [post.in_reply_to_id for post in posts] == [None, posts[0].id, posts[1].id]
    assert [post.created_at for post in posts] == sorted({post.created_at for post in posts})
    assert (await threads.home.account(alice.id)).statuses_count == 3


async def test_a_thread_goes_out_in_order_as_notes_that_answer_each_other(
    threads: Threads, alice: Account
) -> None:
    posts = await threads.post(alice, "one #tag", "two")
    creates: list[Create] = await threads.sent(Create)
    notes = [create.object for create in creates if isinstance(create.object, Note)]
    assert [note.id for note in notes] == [post.uri for post in posts]
    assert [create.id for create in creates] == [f"{post.uri}/activity" for post in posts]
    assert notes[1].in_reply_to == notes[0].id
    assert notes[0].context == notes[1].context == threads.home.addresses.context(posts[0].id)
    assert notes[0].to == (PUBLIC,)
    assert Hashtag(name="tag", href=threads.home.addresses.tag("tag")) in notes[0].tags


async def test_the_posts_of_a_thread_have_dates_that_rise_as_peers_read_them(
    threads: Threads, alice: Account
) -> None:
    posts = await threads.post(alice, "one", "two", "three")
    posts += await threads.post(alice, "four", in_reply_to_id=posts[-1].id)
    creates: list[Create] = await threads.sent(Create)
    dates = [create.object.published for create in creates if isinstance(create.object, Note)]
    assert len(dates) == len(posts)
    assert dates == sorted(set(dates))


async def test_either_all_posts_of_a_thread_are_published_or_none(threads: Threads, alice: Account) -> None:
    with pytest.raises(Invalid):
        await threads.post(alice, "one", "x" * 5001, "three")
    assert await threads.all() == []
    assert await threads.sent(Create) == []
    assert (await threads.home.account(alice.id)).statuses_count == 0


async def test_nobody_ever_sees_half_a_thread(threads: Threads, alice: Account) -> None:
    seen: set[int] = set()
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            seen.add(len(await threads.all()))
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    await threads.post(alice, *(f"post {n}" for n in range(MAX_POSTS)))
    done.set()
    await watcher
    seen.add(len(await threads.all()))
    assert seen <= {0, MAX_POSTS}
    assert MAX_POSTS in seen


async def test_a_thread_has_a_greatest_length(threads: Threads, alice: Account) -> None:
    for texts in ([], ["x"] * (MAX_POSTS + 1)):
        with pytest.raises(Invalid):
            await threads.publishing.publish(alice, [Draft(text=text) for text in texts])


async def test_a_reply_is_in_the_conversation_and_addressed_to_whom_it_answers(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "question")
    (reply,) = await threads.post(carol, "answer", in_reply_to_id=post.id)
    assert reply.conversation_id == post.conversation_id
    assert reply.thread_id == reply.id
    assert (await threads.again(post)).replies_count == 1
    assert await threads.notified(alice) == [("mention", reply.id)]


async def test_a_reply_to_another_server_is_sent_there(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "hello @bob@b.example")
    async with threads.home.db.reading() as tx:
        item = (await tx.scalars(select(OutboxItem))).one()
        assert (await tx.scalars(select(Fanout.id))).one() == item.id
    assert item.audience == {"followers": True, "actors": [bob.id]}
    assert item.public
    (create,) = await threads.sent(Create)
    assert Mention(href=bob.uri, name="@bob@b.example") in create.object.tags
    assert bob.uri in create.cc
    assert f'href="{bob.url}"' in post.content


async def test_answering_the_last_post_of_ones_own_thread_continues_it(
    threads: Threads, alice: Account, carol: Account
) -> None:
    first, second = await threads.post(alice, "one", "two")
    (third,) = await threads.post(alice, "three", in_reply_to_id=second.id)
    (aside,) = await threads.post(alice, "aside", in_reply_to_id=first.id)
    (answer,) = await threads.post(carol, "answer", in_reply_to_id=third.id)
    assert (third.thread_id, third.thread_position) == (first.id, 3)
    assert {(await threads.again(post)).thread_length for post in (first, second, third)} == {3}
    assert aside.thread_id == aside.id
    assert answer.thread_id == answer.id


async def test_a_direct_thread_is_addressed_whole_to_everyone_it_names_and_to_nobody_else(
    threads: Threads, alice: Account, bob: Account, carol: Account
) -> None:
    posts = await threads.post(alice, "for @bob@b.example", "and @carol", visibility="direct")
    for create in await threads.sent(Create):
        assert set(create.to) == {bob.uri, carol.uri}
        assert create.cc == ()
    async with threads.home.db.reading() as tx:
        for item in await tx.scalars(select(OutboxItem)):
            assert not item.public
            assert item.audience["followers"] is False
    assert await threads.notified(carol) == [("mention", posts[1].id)]
    assert (await threads.home.account(alice.id)).statuses_count == 0


async def test_a_reply_without_a_visibility_is_no_wider_than_what_it_answers(
    threads: Threads, alice: Account, carol: Account
) -> None:
    await threads.follow(carol, alice)
    (post,) = await threads.post(alice, "for followers", visibility="private")
    (reply,) = await threads.post(carol, "answer", in_reply_to_id=post.id)
    assert reply.visibility == "private"
    assert (await threads.again(post)).replies_count == 0


async def test_what_one_may_not_see_cannot_be_answered(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "secret", visibility="direct")
    with pytest.raises(NotFound):
        await threads.post(carol, "answer", in_reply_to_id=post.id)


async def test_the_authors_own_defaults_hold_where_nothing_is_said(threads: Threads, alice: Account) -> None:
    async with threads.home.db.transaction() as tx:
        tx.add(
            User(
                id=alice.id,
                email="alice@a.example",
                password_hash="",
                role="user",
                created_at=threads.home.clock.now(),
                default_visibility="unlisted",
                default_language="fr",
            )
        )
    (post,) = await threads.post(alice, "bonjour")
    (other,) = await threads.post(alice, "hello", visibility="public", language="en")
    (odd,) = await threads.post(alice, "hello", language='en"><b>')
    assert (post.visibility, post.language) == ("unlisted", "fr")
    assert (other.visibility, other.language, odd.language) == ("public", "en", "fr")


async def test_a_content_warning_is_sent_as_the_summary(threads: Threads, alice: Account) -> None:
    drafts = [Draft(text="he dies", spoiler=" the  film ")]
    (post,) = await threads.publishing.publish(alice, drafts)
    (create,) = await threads.sent(Create)
    assert (post.spoiler, post.sensitive) == ("the film", True)
    assert (create.object.summary, create.object.sensitive) == ("the film", True)


async def test_a_repeated_request_publishes_nothing_and_returns_the_same_thread(
    threads: Threads, alice: Account, carol: Account
) -> None:
    first = await threads.post(alice, "one", "two", idempotency_key="k")
    again = await threads.post(alice, "one", "two", idempotency_key="k")
    others = await threads.post(carol, "one", idempotency_key="k")
    assert [post.id for post in again] == [post.id for post in first]
    assert others[0].id not in [post.id for post in first]
    threads.home.clock.advance(hours=2)
    assert (await threads.post(alice, "one", idempotency_key="k"))[0].id != first[0].id


async def test_the_keys_of_requests_nobody_repeats_any_more_are_forgotten(
    threads: Threads, alice: Account, carol: Account
) -> None:
    await threads.post(alice, "one", idempotency_key="k")
    threads.home.clock.advance(hours=2)
    first = await threads.post(carol, "one", idempotency_key="k")
    await prune(threads.home.db, threads.home.clock)
    async with threads.home.db.reading() as tx:
        assert (await tx.scalars(select(IdempotencyKey.account_id))).all() == [carol.id]
    again = await threads.post(carol, "one", idempotency_key="k")
    assert [post.id for post in again] == [post.id for post in first]


async def test_requests_repeated_at_the_same_time_publish_once(threads: Threads, alice: Account) -> None:
    results = await asyncio.gather(*(threads.post(alice, "one", idempotency_key="k") for _ in range(5)))
    assert len({posts[0].id for posts in results}) == 1
    assert len(await threads.all()) == 1


async def test_somebody_elsewhere_who_is_not_known_yet_is_looked_up_before_publishing(
    threads: Threads, alice: Account, dora: Actor
) -> None:
    (post,) = await threads.post(alice, "hello @dora@d.example and @nobody@d.example")
    (create,) = await threads.sent(Create)
    assert [tag.href for tag in create.object.tags if isinstance(tag, Mention)] == [dora.id]
    assert "@nobody@d.example" in post.content


async def test_a_post_can_announce_an_object_it_also_answers(threads: Threads, alice: Account) -> None:
    event = threads.home.addresses.space(77)
    async with threads.home.db.transaction() as tx:
        (post,) = await threads.publishing.publish_in(
            tx,
            alice,
            [Draft(text="live now")],
            visibility="public",
            subject_uri=event,
            in_reply_to_uri=event,
            conversation_id=77,
        )
    (create,) = await threads.sent(Create)
    note = create.object
    assert (note.in_reply_to, note.context) == (event, threads.home.addresses.context(77))
    assert [tag.href for tag in note.tags if isinstance(tag, LinkTag)] == [event]
    assert [status.id for status in await threads.home_of(alice)] == [post.id]


async def test_a_reply_to_a_boost_answers_the_post_it_passes_on(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    passed_on = await threads.boosting.boost(carol, post.id)
    (reply,) = await threads.post(carol, "indeed", in_reply_to_id=passed_on.id)
    assert reply.in_reply_to_id == post.id
