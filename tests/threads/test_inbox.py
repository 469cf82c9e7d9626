"""Posts, boosts and favourites that other servers send. Refusals first."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from fedispace.accounts.models import Account, Notification
from fedispace.federation.models import Tombstone as Grave
from fedispace.federation.vocab.activities import Announce, Create, Delete, Like, Undo, Update
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.links import Attachment, Emoji, Hashtag, LinkTag, Mention
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.threads.models import Favourite, Status
from fedispace.threads.models import Mention as MentionRow
from tests.factories import remote_actor
from tests.threads.conftest import Elsewhere, Threads, a_note, creating

BOB = Uri("https://b.example/users/bob")
EVE = Uri("https://evil.example/users/eve")


@pytest.fixture
async def followed(threads: Threads, alice: Account, bob: Account) -> Account:
    """bob@b.example, whom alice follows."""
    await threads.follow(alice, bob)
    return bob


@pytest.fixture
async def eve(threads: Threads, alice: Account) -> Account:
    """eve@evil.example, whom alice follows to her own harm."""
    eve = await threads.home.stranger(remote_actor("eve", "evil.example"))
    await threads.follow(alice, eve)
    return eve


async def rows(threads: Threads) -> tuple[int, ...]:
    """Count what a refused activity must not leave behind."""
    async with threads.home.db.reading() as tx:
        return tuple(
            [
                await tx.scalar(select(func.count()).select_from(table)) or 0
                for table in (Status, Favourite, MentionRow, Notification, Grave)
            ]
        )


def announcing(object_: str, *, by: str = BOB, number: int = 1, **fields: object) -> Announce:
    given: dict[str, object] = {
        "id": f"{by}/boosts/{number}",
        "actor": by,
        "object": object_,
        "to": (PUBLIC,),
        "cc": (f"{by}/followers",),
    }
    return Announce(**{**given, **fields})  # type: ignore[arg-type]


def liking(object_: str, *, by: str = BOB, number: int = 1) -> Like:
    return Like(id=Uri(f"{by}/likes/{number}"), actor=Uri(by), object=Uri(object_))


def undoing(inner: Like | Announce, *, by: str = "", bare: bool = False, number: int = 1) -> Undo:
    actor = Uri(by or inner.actor)
    return Undo(id=Uri(f"{actor}/undo/{number}"), actor=actor, object=inner.id, inner=None if bare else inner)


# What is not the sender's word


@pytest.mark.attack(4)
@pytest.mark.row(28)
async def test_a_note_of_another_server_in_a_strangers_create_is_never_taken_as_it_stands(
    threads: Threads, eve: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    forged = a_note(dora.id, content="<p>forged</p>")
    before = await rows(threads)
    outcome = await threads.home.receive(creating(forged, id=f"{EVE}/c/1", actor=EVE))
    assert outcome.startswith("dropped origin_mismatch")
    assert await rows(threads) == before
    assert elsewhere.asked.count("/users/dora/notes/1") == 1


@pytest.mark.attack(4)
async def test_a_note_that_its_own_server_confirms_is_kept_in_that_servers_words(
    threads: Threads, alice: Account, eve: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    elsewhere.show(a_note(dora.id, content="<p>true</p>", mentions=[alice.uri]))
    forged = a_note(dora.id, content="<p>forged</p>")
    assert await threads.home.receive(creating(forged, id=f"{EVE}/c/1", actor=EVE)) == "done"
    stored = await threads.known(forged.id)
    assert stored is not None
    assert stored.content == "<p>true</p>"


@pytest.mark.attack(5)
async def test_a_note_said_to_be_somebody_elses_on_the_senders_server_is_refused(
    threads: Threads, eve: Account, bob: Account
) -> None:
    note = a_note(EVE, attributed_to=BOB)
    before = await rows(threads)
    outcome = await threads.home.receive(creating(note, actor=EVE))
    assert outcome.startswith("dropped attribution_mismatch")
    assert await rows(threads) == before


@pytest.mark.attack(6, 7)
async def test_a_neighbour_on_the_same_server_cannot_edit_or_delete_a_post(
    threads: Threads, followed: Account
) -> None:
    note = a_note()
    await threads.home.receive(creating(note))
    mallory = await threads.home.stranger(remote_actor("mallory", "b.example"))
    edited = a_note(content="<p>edited</p>", updated=threads.home.clock.now() + timedelta(minutes=1))
    claimed = replace(edited, attributed_to=Uri(mallory.uri))
    delete = Delete(id=Uri(f"{mallory.uri}/d/1"), actor=Uri(mallory.uri), object=note.id)
    for number, embedded in enumerate((edited, claimed)):
        update = Update(id=Uri(f"{mallory.uri}/u/{number}"), actor=Uri(mallory.uri), object=embedded)
        assert (await threads.home.receive(update)).startswith("dropped not_owner")
    assert (await threads.home.receive(delete)).startswith("dropped not_owner")
    stored = await threads.known(note.id)
    assert stored is not None
    assert stored.content == note.content


@pytest.mark.attack(7)
async def test_another_server_cannot_delete_a_post_nor_keep_one_from_coming(
    threads: Threads, followed: Account, eve: Account
) -> None:
    note = a_note()
    delete = Delete(id=Uri(f"{EVE}/d/1"), actor=EVE, object=note.id)
    assert (await threads.home.receive(delete)).startswith("dropped not_owner")
    assert await threads.home.receive(creating(note)) == "done"
    again = Delete(id=Uri(f"{EVE}/d/2"), actor=EVE, object=note.id)
    assert (await threads.home.receive(again)).startswith("dropped not_owner")
    assert await threads.known(note.id) is not None


@pytest.mark.attack(18)
async def test_nobody_undoes_what_somebody_else_did(
    threads: Threads, alice: Account, followed: Account, eve: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    like, boost = liking(post.uri), announcing(post.uri)
    await threads.home.receive(like)
    await threads.home.receive(boost)
    for number, inner in enumerate((like, boost)):
        for bare in (False, True):
            undo = undoing(inner, by=EVE, bare=bare, number=2 * number + bare)
            assert (await threads.home.receive(undo)).startswith("dropped not_owner")
    stored = await threads.again(post)
    assert (stored.favourites_count, stored.boosts_count) == (1, 1)


@pytest.mark.attack(18)
async def test_an_undo_of_what_another_is_said_to_have_done_undoes_nothing_of_the_senders(
    threads: Threads, alice: Account, eve: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    await threads.home.receive(liking(post.uri, by=EVE))
    await threads.home.receive(announcing(post.uri, by=EVE))
    for number, inner in enumerate((liking(post.uri, number=7), announcing(post.uri, number=7))):
        undo = undoing(inner, by=EVE, number=number)
        assert (await threads.home.receive(undo)).startswith("dropped not_owner")
    stored = await threads.again(post)
    assert (stored.favourites_count, stored.boosts_count) == (1, 1)


async def test_a_note_that_is_said_to_be_ours_is_refused(
    threads: Threads, alice: Account, eve: Account
) -> None:
    note = a_note(EVE, id=Uri("https://a.example/users/alice/statuses/99"), attributed_to=Uri(alice.uri))
    outcome = await threads.home.receive(creating(note, id=f"{EVE}/c/1", actor=EVE))
    assert outcome.startswith("dropped origin_mismatch")


# What the sender may not see


@pytest.mark.parametrize("visibility", ["private", "direct"])
@pytest.mark.attack(19)
async def test_acting_on_a_post_one_may_not_see_is_answered_like_acting_on_none(
    threads: Threads, alice: Account, followed: Account, visibility: str
) -> None:
    (post,) = await threads.post(alice, "secret", visibility=visibility)
    before = await rows(threads)
    missing = "https://a.example/users/alice/statuses/12345"
    outcomes = [
        await threads.home.receive(activity)
        for activity in (
            liking(post.uri, number=1),
            announcing(post.uri, number=1),
            liking(missing, number=2),
            announcing(missing, number=2),
        )
    ]
    assert set(outcomes) == {"dropped not_visible: There is no such post."}
    assert await rows(threads) == before


@pytest.mark.attack(19)
async def test_a_follower_cannot_pass_on_a_post_for_followers(
    threads: Threads, alice: Account, followed: Account
) -> None:
    await threads.follow(followed, alice)
    (post,) = await threads.post(alice, "for followers", visibility="private")
    assert (await threads.home.receive(announcing(post.uri))).startswith("dropped not_visible")
    assert await threads.home.receive(liking(post.uri)) == "done"


async def test_whom_the_author_blocks_cannot_act_on_their_posts(
    threads: Threads, alice: Account, followed: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    await threads.block(alice, followed)
    assert (await threads.home.receive(liking(post.uri))).startswith("dropped not_visible")
    assert (await threads.home.receive(announcing(post.uri))).startswith("dropped not_visible")


# What is no business of ours


async def test_what_concerns_nobody_here_is_not_kept_and_not_fetched(
    threads: Threads, bob: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    before = await rows(threads)
    assert (await threads.home.receive(creating(a_note()))).startswith("dropped unrelated")
    boost = announcing(f"{dora.id}/notes/1")
    assert (await threads.home.receive(boost)).startswith("dropped unrelated")
    delete = Delete(id=Uri(f"{BOB}/d/1"), actor=BOB, object=a_note().id)
    assert await threads.home.receive(delete) == "done"
    await threads.settle()
    assert await rows(threads) == before
    assert elsewhere.asked == []


async def test_a_vote_in_a_poll_is_not_kept_as_a_post(threads: Threads, alice: Account, bob: Account) -> None:
    (post,) = await threads.post(alice, "which?")
    vote = a_note(name="yes", content="", in_reply_to=post.uri, mentions=[alice.uri])
    assert (await threads.home.receive(creating(vote))).startswith("dropped vote")


# Posts


async def test_a_post_of_somebody_followed_here_comes_in_clean(threads: Threads, followed: Account) -> None:
    note = a_note(
        content="<p>hi<script>alert(1)</script></p>",
        summary="<b>film</b> &amp; book",
        content_language="de",
        url=Uri("https://b.example/@bob/1"),
        tags=(
            Hashtag(name="Rust"),
            Hashtag(name="rust"),
            Emoji(name="blob", icon=Uri("https://b.example/blob.png")),
            Emoji(name='"><img', icon=Uri("https://b.example/x.png")),
        ),
        attachments=(
            Attachment(
                type="Image",
                url=Uri("https://b.example/cat.png"),
                media_type="image/png",
                name="<i>a cat</i>",
                width=10,
                height=20,
            ),
        ),
    )
    assert await threads.home.receive(creating(note)) == "done"
    status = await threads.known(note.id)
    assert status is not None
    assert status.content == "<p>hi</p>"
    assert (status.spoiler, status.sensitive, status.language) == ("film & book", True, "de")
    assert status.tags == [{"type": "Hashtag", "name": "Rust"}]
    assert status.emojis == [{"shortcode": "blob", "url": "https://b.example/blob.png"}]
    assert [(file["name"], file["width"]) for file in status.attachments] == [("a cat", 10)]
    assert (await threads.home.account(followed.id)).statuses_count == 1


async def test_the_same_post_twice_is_one(threads: Threads, followed: Account) -> None:
    for number in (1, 2):
        activity = creating(a_note(), id=f"{BOB}/create/{number}")
        assert await threads.home.receive(activity) == "done"
    assert len(await threads.all()) == 1
    assert (await threads.home.account(followed.id)).statuses_count == 1


async def test_somebody_of_ours_who_is_named_is_notified_and_one_only_tagged_is_shown(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    note = a_note(
        visibility="direct",
        to=(Uri(alice.uri),),
        tags=(Mention(href=Uri(alice.uri)), Mention(href=Uri(carol.uri))),
    )
    assert await threads.home.receive(creating(note)) == "done"
    status = await threads.known(note.id)
    assert status is not None
    assert await threads.notified(alice) == [("mention", status.id)]
    assert await threads.notified(carol) == []
    assert len(await threads.home_of(carol)) == 0
    async with threads.home.db.reading() as tx:
        mentions = (await tx.scalars(select(MentionRow).order_by(MentionRow.account_id))).all()
    assert [(one.account_id, one.silent) for one in mentions] == [(alice.id, False), (carol.id, True)]


async def test_somebody_of_ours_who_is_named_by_their_profile_page_is_meant(
    threads: Threads, alice: Account, bob: Account
) -> None:
    note = a_note(mentions=[alice.url])
    assert await threads.home.receive(creating(note)) == "done"
    async with threads.home.db.reading() as tx:
        assert (await tx.scalars(select(MentionRow.account_id))).one() == alice.id


async def test_a_date_that_cannot_be_is_kept_between_then_and_now(
    threads: Threads, followed: Account
) -> None:
    now = threads.home.clock.now()
    for number, published in ((1, now + timedelta(days=900)), (2, None), (3, now - timedelta(days=1))):
        await threads.home.receive(creating(a_note(number=number, published=published)))
    assert [status.created_at for status in await threads.all()] == [now, now, now - timedelta(days=1)]


async def test_a_thread_delivered_in_order_is_a_thread_here(
    threads: Threads, alice: Account, followed: Account
) -> None:
    notes = [a_note(number=1)]
    for number in (2, 3):
        notes.append(a_note(number=number, in_reply_to=notes[-1].id))
    for note in notes:
        assert await threads.home.receive(creating(note)) == "done"
    posts = await threads.all()
    assert [(post.thread_id, post.thread_position, post.thread_length) for post in posts] == [
        (posts[0].id, 1, 3),
        (posts[0].id, 2, 3),
        (posts[0].id, 3, 3),
    ]
    assert [post.id for post in await threads.home_of(alice)] == [post.id for post in reversed(posts)]


async def test_replies_that_come_before_what_they_answer_are_hung_below_it(
    threads: Threads, followed: Account
) -> None:
    first = a_note(number=1)
    second = a_note(number=2, in_reply_to=first.id)
    third = a_note(number=3, in_reply_to=second.id)
    for note in (third, second, first):
        assert await threads.home.receive(creating(note)) == "done"
    posts = {post.uri: post for post in await threads.all()}
    assert [posts[note.id].thread_position for note in (first, second, third)] == [1, 2, 3]
    assert {post.thread_length for post in posts.values()} == {3}
    assert {post.conversation_id for post in posts.values()} == {posts[first.id].id}
    assert posts[second.id].in_reply_to_id == posts[first.id].id
    assert posts[first.id].replies_count == posts[second.id].replies_count == 1


async def test_a_reply_that_was_stored_at_the_same_time_as_what_it_answers_is_hung_below_it_later(
    threads: Threads, followed: Account
) -> None:
    parent = a_note(number=1)
    reply = a_note(number=2, in_reply_to=parent.id)
    for note in (parent, reply):
        await threads.home.receive(creating(note))
    async with threads.home.db.transaction() as tx:
        await tx.execute(update(Status).where(Status.uri == reply.id).values(in_reply_to_id=None))
    async with threads.home.db.transaction() as tx:
        await threads.ingest.store_note(tx, parent, delivered=False)
    stored, child = await threads.all()
    assert (stored.uri, child.in_reply_to_id) == (parent.id, stored.id)


async def test_a_reply_to_a_post_of_ours_is_kept_counted_and_notified(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    reply = a_note(in_reply_to=post.uri, mentions=[alice.uri])
    assert await threads.home.receive(creating(reply)) == "done"
    stored = await threads.known(reply.id)
    assert stored is not None
    assert (stored.in_reply_to_id, stored.conversation_id) == (post.id, post.conversation_id)
    assert (await threads.again(post)).replies_count == 1
    assert await threads.notified(alice) == [("mention", stored.id)]


async def test_an_announcement_that_answers_what_it_is_about_is_at_home(
    threads: Threads, alice: Account, followed: Account
) -> None:
    event = Uri("https://b.example/spaces/1")
    link = LinkTag(href=event, media_type="application/activity+json")
    await threads.home.receive(creating(a_note(in_reply_to=event, tags=(link,))))
    (status,) = await threads.home_of(alice)
    assert status.subject_uri == event
    reply = a_note(number=2, in_reply_to=event)
    await threads.home.receive(creating(reply))
    stored = await threads.known(reply.id)
    assert stored is not None
    assert stored.conversation_id == status.conversation_id


async def test_another_kind_of_post_is_shown_by_its_title_and_its_address(
    threads: Threads, followed: Account
) -> None:
    video = a_note(type="Video", name="My <film>", content="<p>about</p>", url=Uri("https://b.example/w/1"))
    await threads.home.receive(creating(video))
    status = await threads.known(video.id)
    assert status is not None
    assert status.content.startswith("<p><strong>My</strong></p><p>about</p>")
    assert 'href="https://b.example/w/1"' in status.content
    assert status.type == "Video"


async def test_an_edit_is_taken_over_only_when_it_is_newer(threads: Threads, followed: Account) -> None:
    now = threads.home.clock.now()
    await threads.home.receive(creating(a_note(published=now - timedelta(minutes=5))))

    async def content_after(number: int, updated: timedelta | None) -> str:
        note = a_note(
            content=f"<p>edit {number}</p>",
            published=now - timedelta(minutes=5),
            updated=None if updated is None else now + updated,
        )
        await threads.home.receive(Update(id=Uri(f"{BOB}/u/{number}"), actor=BOB, object=note))
        stored = await threads.known(note.id)
        assert stored is not None
        return stored.content

    assert await content_after(1, None) == "<p>note 1</p>"
    assert await content_after(2, timedelta(minutes=-1)) == "<p>edit 2</p>"
    assert await content_after(3, timedelta(minutes=-2)) == "<p>edit 2</p>"


async def test_an_edit_cannot_widen_who_sees_a_post(
    threads: Threads, followed: Account, alice: Account
) -> None:
    await threads.home.receive(creating(a_note(visibility="private")))
    edited = a_note(content="<p>edited</p>", updated=threads.home.clock.now() + timedelta(minutes=1))
    await threads.home.receive(Update(id=Uri(f"{BOB}/u/1"), actor=BOB, object=edited))
    stored = await threads.known(edited.id)
    assert stored is not None
    assert (stored.content, stored.visibility) == ("<p>edited</p>", "private")


async def test_an_edit_of_a_young_post_that_never_came_brings_it(threads: Threads, followed: Account) -> None:
    now = threads.home.clock.now()
    for number, age in ((1, timedelta(hours=1)), (2, timedelta(days=2))):
        note = a_note(number=number, published=now - age, updated=now)
        await threads.home.receive(Update(id=Uri(f"{BOB}/u/{number}"), actor=BOB, object=note))
    assert [status.uri for status in await threads.all()] == [a_note(number=1).id]


async def test_a_deleted_post_goes_and_does_not_come_back(threads: Threads, followed: Account) -> None:
    note = a_note()
    await threads.home.receive(creating(note))
    assert await threads.home.receive(Delete(id=Uri(f"{BOB}/d/1"), actor=BOB, object=note.id)) == "done"
    assert await threads.known(note.id) is None
    again = creating(note, id=f"{BOB}/create/again")
    assert (await threads.home.receive(again)).startswith("dropped deleted")


async def test_a_deletion_that_overtakes_its_post_keeps_it_out(threads: Threads, followed: Account) -> None:
    note = a_note()
    await threads.home.receive(Delete(id=Uri(f"{BOB}/d/1"), actor=BOB, object=note.id))
    assert (await threads.home.receive(creating(note))).startswith("dropped deleted")


async def test_a_deleted_actor_is_not_mistaken_for_a_post(threads: Threads, followed: Account) -> None:
    before = await rows(threads)
    assert await threads.home.receive(Delete(id=Uri(f"{BOB}/d/1"), actor=BOB, object=BOB)) == "done"
    assert await rows(threads) == before


# Boosts and favourites


async def test_a_boost_of_ours_counts_once_notifies_and_can_be_undone(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    for number in (1, 2):
        assert await threads.home.receive(announcing(post.uri, number=number)) == "done"
    assert (await threads.again(post)).boosts_count == 1
    assert await threads.notified(alice) == [("reblog", post.id)]
    assert await threads.home.receive(undoing(announcing(post.uri))) == "done"
    assert (await threads.again(post)).boosts_count == 0
    assert await threads.notified(alice) == []


async def test_a_favourite_counts_once_notifies_and_can_be_undone(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    for number in (1, 2):
        assert await threads.home.receive(liking(post.uri, number=number)) == "done"
    assert (await threads.again(post)).favourites_count == 1
    assert await threads.notified(alice) == [("favourite", post.id)]
    assert await threads.home.receive(undoing(liking(post.uri, number=9))) == "done"
    assert (await threads.again(post)).favourites_count == 0
    assert await threads.notified(alice) == []


async def test_an_undo_by_id_alone_is_understood(threads: Threads, alice: Account, bob: Account) -> None:
    (post,) = await threads.post(alice, "hello")
    like, boost = liking(post.uri), announcing(post.uri)
    for activity in (like, boost):
        await threads.home.receive(activity)
    for number, activity in enumerate((like, boost)):
        assert await threads.home.receive(undoing(activity, bare=True, number=number)) == "done"
    stored = await threads.again(post)
    assert (stored.favourites_count, stored.boosts_count) == (0, 0)


async def test_a_boost_of_a_post_nobody_here_knows_brings_the_post(
    threads: Threads, alice: Account, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    note = a_note(dora.id, published=threads.home.clock.now() - timedelta(days=300))
    elsewhere.show(note)
    assert await threads.home.receive(announcing(note.id)) == "done"
    await threads.settle()
    (passed_on,) = await threads.home_of(alice)
    original = await threads.known(note.id)
    assert original is not None
    assert (passed_on.boost_of_id, original.boosts_count) == (original.id, 1)
    assert original.id < passed_on.id


async def test_a_boost_taken_back_before_the_post_was_fetched_does_not_come(
    threads: Threads, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    note = a_note(dora.id)
    elsewhere.show(note)
    boost = announcing(note.id)
    await threads.home.receive(boost)
    await threads.home.receive(undoing(boost))
    await threads.settle()
    assert await threads.known(boost.id) is None


async def test_a_boost_of_a_post_that_is_not_for_everybody_brings_nothing(
    threads: Threads, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    note = a_note(dora.id, visibility="private")
    elsewhere.show(note)
    boost = announcing(note.id)
    await threads.home.receive(boost)
    await threads.settle()
    assert await threads.known(boost.id) is None


# What is fetched


async def test_what_a_reply_answers_is_fetched_up_to_the_root_and_stands_at_its_own_time(
    threads: Threads, alice: Account, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    old = threads.home.clock.now() - timedelta(days=30)
    root = a_note(dora.id, 1, published=old)
    second = a_note(dora.id, 2, in_reply_to=root.id, published=old + timedelta(seconds=1))
    for note in (root, second):
        elsewhere.show(note)
    (recent,) = await threads.post(alice, "recent")
    reply = a_note(in_reply_to=second.id)
    await threads.home.receive(creating(reply))
    threads.home.clock.advance(minutes=1)
    await threads.settle()
    posts = {post.uri: post for post in await threads.all()}
    assert posts[second.id].in_reply_to_id == posts[root.id].id
    assert posts[reply.id].conversation_id == posts[root.id].id
    assert posts[root.id].id < posts[second.id].id < recent.id < posts[reply.id].id
    assert [posts[note.id].thread_position for note in (root, second)] == [1, 2]


@pytest.mark.attack(38)
async def test_a_reply_and_its_parent_that_came_at_once_find_each_other(
    threads: Threads, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    await threads.home.stranger(dora)
    parent = a_note(dora.id)
    await threads.home.receive(creating(a_note(in_reply_to=parent.id)))
    async with threads.home.db.transaction() as tx:
        stored = await threads.ingest.store_note(tx, parent, delivered=False)
        await tx.execute(
            update(Status)
            .where(Status.in_reply_to_uri == parent.id)
            .values(in_reply_to_id=None, conversation_id=Status.id)
        )
    threads.home.clock.advance(minutes=1)
    await threads.settle()
    (reply,) = [post for post in await threads.all() if post.in_reply_to_uri == parent.id]
    assert (reply.in_reply_to_id, reply.conversation_id) == (stored.id, stored.conversation_id)


async def test_a_chain_without_end_is_followed_only_so_far(
    threads: Threads, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    for number in range(60):
        elsewhere.show(a_note(dora.id, number, in_reply_to=Uri(f"{dora.id}/notes/{number + 1}")))
    await threads.home.receive(creating(a_note(in_reply_to=Uri(f"{dora.id}/notes/0"))))
    threads.home.clock.advance(minutes=1)
    await threads.settle()
    assert len(await threads.all()) == 20


async def test_a_parent_whose_server_is_down_is_asked_for_again_later(
    threads: Threads, followed: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    parent = a_note(dora.id)
    elsewhere.show(parent)
    elsewhere.is_down = True
    await threads.home.receive(creating(a_note(in_reply_to=parent.id)))
    threads.home.clock.advance(minutes=1)
    await threads.settle()
    assert f"/users/dora/notes/{parent.id.rpartition('/')[2]}" in elsewhere.asked
    assert await threads.known(parent.id) is None
    elsewhere.is_down = False
    threads.home.clock.advance(hours=1)
    await threads.settle()
    assert await threads.known(parent.id) is not None


async def test_a_create_that_names_its_note_only_is_understood(
    threads: Threads, alice: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    await threads.home.stranger(dora)
    note = a_note(dora.id, mentions=[alice.uri])
    elsewhere.show(note)
    activity = Create(id=Uri(f"{note.id}/create"), actor=dora.id, object=note.id)
    assert await threads.home.receive(activity) == "done"
    assert await threads.known(note.id) is not None
