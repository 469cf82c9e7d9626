"""What is kept from somebody because they said so: people, domains, conversations, languages."""

import pytest
from sqlalchemy import select, update

from fedispace.accounts.following import Following
from fedispace.accounts.models import Account, DomainMute, Follow, Mute
from fedispace.accounts.muting import Muting
from fedispace.accounts.paging import Page
from fedispace.errors import NotFound
from fedispace.federation.vocab.links import Hashtag
from fedispace.federation.vocab.uri import Uri
from fedispace.moderation import rules
from fedispace.threads import conversation, tags, timelines
from fedispace.threads.attention import Attention
from fedispace.threads.followed_tags import FollowedTags
from fedispace.threads.models import ConversationFollow, ConversationMute, Status
from tests.threads.conftest import Threads, a_note, creating

BOB = "https://b.example/users/bob"


async def ids(posts: list[Status]) -> list[int]:
    return [post.id for post in posts]


@pytest.fixture
def muting(threads: Threads) -> Muting:
    return Muting(threads.home.db, threads.home.ids, threads.home.clock, threads.home.people)


@pytest.fixture
def attention(threads: Threads) -> Attention:
    return Attention(threads.home.db, threads.home.clock)


@pytest.fixture
def followed_tags(threads: Threads) -> FollowedTags:
    return FollowedTags(threads.home.db, threads.home.ids, threads.home.clock)


async def public(threads: Threads, viewer: Account | None) -> list[int]:
    async with threads.home.db.reading() as tx:
        viewer_id = viewer.id if viewer else None
        return await ids(await timelines.public(tx, viewer_id, Page(), threads.home.clock.now()))


async def tagged(threads: Threads, viewer: Account | None, name: str = "tea") -> list[int]:
    async with threads.home.db.reading() as tx:
        viewer_id = viewer.id if viewer else None
        return await ids(await tags.tagged(tx, viewer_id, name, Page(), threads.home.clock.now()))


async def below(threads: Threads, viewer: Account | None, post: Status) -> list[int]:
    async with threads.home.db.reading() as tx:
        viewer_id = viewer.id if viewer else None
        return await ids(await conversation.descendants(tx, viewer_id, post, threads.home.clock.now()))


async def shun(threads: Threads, by: Account, domain: str) -> None:
    async with threads.home.db.transaction() as tx:
        now = threads.home.clock.now()
        tx.add(DomainMute(id=threads.home.ids.next(), account_id=by.id, domain=domain, created_at=now))


async def rule(threads: Threads, domain: str, severity: str) -> None:
    async with threads.home.db.transaction() as tx:
        await rules.set_rule(tx, threads.home.clock, domain, severity)


async def home(threads: Threads, viewer: Account) -> list[int]:
    return await ids(await threads.home_of(viewer))


async def test_a_muted_person_vanishes_from_every_list_until_the_mute_runs_out(
    threads: Threads, alice: Account, carol: Account, muting: Muting
) -> None:
    dave = await threads.home.person("dave")
    for followed in (alice, dave):
        await threads.follow(carol, followed)
    (mine,) = await threads.post(dave, "what do you think?")
    (post,) = await threads.post(alice, "hello #tea")
    passed_on = await threads.boosting.boost(dave, post.id)
    (answer,) = await threads.post(alice, "this", in_reply_to_id=mine.id)
    (beneath,) = await threads.post(dave, "and that", in_reply_to_id=answer.id)
    seen = await home(threads, carol)
    assert seen == [beneath.id, answer.id, passed_on.id, post.id, mine.id]
    assert await below(threads, carol, mine) == [answer.id, beneath.id]

    await muting.mute(carol, alice.id, seconds=60)
    assert await home(threads, carol) == [beneath.id, mine.id]
    assert await public(threads, carol) == [mine.id]
    assert await tagged(threads, carol) == []
    assert await below(threads, carol, mine) == []
    assert await public(threads, dave) == [post.id, mine.id]
    assert await tagged(threads, None) == [post.id]

    threads.home.clock.advance(seconds=61)
    assert await home(threads, carol) == seen
    assert await public(threads, carol) == [post.id, mine.id]
    assert await tagged(threads, carol) == [post.id]
    assert await below(threads, carol, mine) == [answer.id, beneath.id]
    await muting.prune()
    async with threads.home.db.reading() as tx:
        assert (await tx.scalars(select(Mute))).all() == []


async def test_the_people_of_a_domain_somebody_wants_nothing_of_are_nowhere(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    for followed in (alice, bob):
        await threads.follow(carol, followed)
    assert await threads.home.receive(creating(a_note(content="<p>hello</p>"))) == "done"
    note = await threads.known(f"{BOB}/notes/1")
    assert note is not None
    passed_on = await threads.boosting.boost(alice, note.id)
    assert await home(threads, carol) == [passed_on.id, note.id]
    await shun(threads, carol, "b.example")
    assert await home(threads, carol) == []
    assert await public(threads, carol) == []
    assert await public(threads, alice) == [note.id]
    await threads.home.receive(creating(a_note(number=2, mentions=[carol.uri])))
    assert await threads.notified(carol) == []


async def test_a_muted_conversation_is_neither_told_of_nor_at_home_whoever_writes_in_it(
    threads: Threads, alice: Account, carol: Account, attention: Attention
) -> None:
    dave = await threads.home.person("dave")
    for followed in (alice, dave):
        await threads.follow(carol, followed)
    (first,) = await threads.post(alice, "one")
    (second,) = await threads.post(dave, "two", in_reply_to_id=first.id)
    (other,) = await threads.post(dave, "of something else")
    assert await home(threads, carol) == [other.id, second.id, first.id]

    await attention.mute(carol, second.id)
    await attention.mute(carol, second.id)
    (third,) = await threads.post(alice, "three, @carol", in_reply_to_id=second.id)
    passed_on = await threads.boosting.boost(dave, third.id)
    assert await home(threads, carol) == [other.id]
    assert await threads.notified(carol) == []
    assert await home(threads, dave) != []

    await attention.unmute(carol, first.id)
    assert await home(threads, carol) == [passed_on.id, third.id, other.id, second.id, first.id]


async def test_the_conversation_of_a_post_one_may_not_see_cannot_be_muted_or_followed(
    threads: Threads, alice: Account, carol: Account, attention: Attention
) -> None:
    (secret,) = await threads.post(alice, "for followers", visibility="private")
    for act in (attention.mute, attention.unmute, attention.follow, attention.unfollow):
        with pytest.raises(NotFound):
            await act(carol, secret.id)


async def test_who_follows_a_conversation_is_told_of_what_they_may_see_in_it(
    threads: Threads, alice: Account, carol: Account, bob: Account, attention: Attention
) -> None:
    erin = await threads.home.person("erin")
    dave = await threads.home.person("dave")
    (first,) = await threads.post(alice, "one")
    await attention.follow(carol, first.id)
    await attention.follow(dave, first.id, author_only=True)
    (second,) = await threads.post(erin, "two", in_reply_to_id=first.id)
    await threads.post(erin, "a secret", in_reply_to_id=first.id, visibility="private")
    (named,) = await threads.post(erin, "@carol what do you say?", in_reply_to_id=first.id)
    (mine,) = await threads.post(carol, "nothing", in_reply_to_id=first.id)
    (last,) = await threads.post(alice, "thanks", in_reply_to_id=second.id)
    await threads.settle()
    assert await threads.notified(carol) == [
        ("mention", named.id),
        ("status", second.id),
        ("status", last.id),
    ]
    assert await threads.notified(dave) == [("status", last.id)]
    note = a_note(number=7, in_reply_to=last.uri)
    assert await threads.home.receive(creating(note)) == "done"
    await threads.settle()
    assert [type_ for type_, _ in await threads.notified(carol)] == ["mention", "status", "status", "status"]

    await attention.unfollow(carol, mine.id)
    await threads.post(alice, "more", in_reply_to_id=last.id)
    await threads.settle()
    assert len(await threads.notified(carol)) == 4


async def test_what_was_said_of_two_conversations_holds_when_they_turn_out_to_be_one(
    threads: Threads, alice: Account, carol: Account, bob: Account, attention: Attention
) -> None:
    await threads.follow(carol, bob)
    reply = a_note(number=2, in_reply_to=f"{BOB}/notes/1")
    assert await threads.home.receive(creating(reply)) == "done"
    child = await threads.known(reply.id)
    assert child is not None
    await attention.mute(carol, child.id)
    await attention.follow(alice, child.id, author_only=True)
    assert await threads.home.receive(creating(a_note(number=1))) == "done"
    parent = await threads.known(f"{BOB}/notes/1")
    assert parent is not None
    assert await home(threads, carol) == []
    async with threads.home.db.reading() as tx:
        muted = (await tx.scalars(select(ConversationMute.conversation_id))).all()
        followed = (
            await tx.execute(select(ConversationFollow.conversation_id, ConversationFollow.author_only))
        ).all()
    assert muted == [parent.id]
    assert [tuple(row) for row in followed] == [(parent.id, True)]


async def test_a_bell_tells_of_news_only_and_never_of_what_is_hidden(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    dave = await threads.home.person("dave")
    for follower in (carol, dave):
        await threads.follow(follower, alice)
    async with threads.home.db.transaction() as tx:
        await tx.execute(update(Follow).where(Follow.account_id == carol.id).values(notify=True))
    (question,) = await threads.post(dave, "question")
    first, _ = await threads.post(alice, "one", "two")
    await threads.post(alice, "an answer", in_reply_to_id=question.id)
    await threads.post(alice, "a secret for @dave", visibility="direct")
    (private,) = await threads.post(alice, "for followers", visibility="private")
    await threads.boosting.boost(alice, question.id)
    await threads.settle()
    # Two jobs at the same moment: PostgreSQL may end either first.
    assert sorted(await threads.notified(carol)) == [("status", first.id), ("status", private.id)]


async def test_languages_and_boosts_of_a_follow_are_chosen_and_changed_later(
    threads: Threads, alice: Account, carol: Account
) -> None:
    home_ = threads.home
    following = Following(
        home_.db,
        home_.ids,
        home_.clock,
        home_.addresses,
        home_.outbox,
        home_.people,
        home_.follows,
        home_.notifier,
    )
    (english,) = await threads.post(alice, "hello", language="en")
    (german,) = await threads.post(alice, "hallo", language="de")
    (foreign,) = await threads.post(carol, "bonjour", language="fr")
    passed_on = await threads.boosting.boost(alice, foreign.id)
    dave = await home_.person("dave")
    made = await following.follow(dave, alice.id, languages=["de"])
    assert made.languages == ("de",)
    assert await home(threads, dave) == [passed_on.id, german.id]
    made = await following.follow(dave, alice.id, boosts=False, notify=True)
    assert (made.languages, made.showing_reblogs, made.notifying) == (("de",), False, True)
    assert await home(threads, dave) == [german.id]
    made = await following.follow(dave, alice.id, languages=[])
    assert made.languages is None
    assert await home(threads, dave) == [german.id, english.id]


async def test_a_followed_hashtag_brings_public_posts_once_and_no_boosts(
    threads: Threads, alice: Account, carol: Account, followed_tags: FollowedTags, muting: Muting
) -> None:
    stranger = await threads.home.person("stranger")
    await threads.follow(carol, alice)
    await followed_tags.follow(carol, "#Tea")
    await followed_tags.follow(carol, "cake")
    (known,) = await threads.post(alice, "#tea and #cake")
    (strange,) = await threads.post(stranger, "more #TEA")
    (answer,) = await threads.post(stranger, "yes, #tea", in_reply_to_id=strange.id)
    await threads.post(stranger, "quiet #tea", visibility="unlisted")
    await threads.post(stranger, "secret #tea", visibility="private")
    await threads.boosting.boost(stranger, known.id)
    await threads.post(stranger, "coffee")
    assert await home(threads, carol) == [answer.id, strange.id, known.id]
    async with threads.home.db.reading() as tx:
        now = threads.home.clock.now()
        page = await timelines.home(tx, carol.id, Page(limit=2, min_id=known.id - 1), now)
        assert await ids(page) == [strange.id, known.id]
    await muting.mute(carol, stranger.id)
    assert await home(threads, carol) == [known.id]
    await muting.unmute(carol, stranger.id)
    await followed_tags.unfollow(carol, "TEA")
    assert await home(threads, carol) == [known.id]


@pytest.mark.parametrize("spelled", ["b.example", "example"])
async def test_a_silenced_servers_people_are_with_their_followers_only(
    threads: Threads, alice: Account, carol: Account, bob: Account, followed_tags: FollowedTags, spelled: str
) -> None:
    await threads.follow(carol, bob)
    await followed_tags.follow(alice, "tea")
    plain = a_note(mentions=[alice.uri, carol.uri])
    tea = Hashtag(name="#tea", href=Uri("https://b.example/tags/tea"))
    note = a_note(mentions=[alice.uri, carol.uri], tags=(*plain.tags, tea))
    await rule(threads, spelled, "silence")
    assert await threads.home.receive(creating(note)) == "done"
    post = await threads.known(note.id)
    assert post is not None
    for viewer, sees in ((None, []), (alice, []), (carol, [post.id])):
        assert await public(threads, viewer) == sees
        assert await tagged(threads, viewer) == sees
    assert await home(threads, carol) == [post.id]
    assert await home(threads, alice) == []
    assert await threads.notified(carol) == [("mention", post.id)]
    assert await threads.notified(alice) == []


async def test_a_nearer_rule_overrules_the_silence_of_a_domain(
    threads: Threads, alice: Account, bob: Account, carol: Account
) -> None:
    await threads.follow(carol, bob)
    await rule(threads, "example", "silence")
    await rule(threads, "b.example", "noop")
    await rule(threads, "le", "silence")
    assert await threads.home.receive(creating(a_note())) == "done"
    assert len(await public(threads, alice)) == 1


async def test_home_pages_reach_the_oldest_though_most_of_a_wide_window_is_hidden(
    threads: Threads, alice: Account, carol: Account, muting: Muting
) -> None:
    dave = await threads.home.person("dave")
    for followed in (alice, dave):
        await threads.follow(carol, followed)
    (oldest,) = await threads.post(dave, "the oldest")
    for n in range(9):
        await threads.post(alice, *[f"{n} {m}" for m in range(20)])
    await muting.mute(carol, alice.id)
    assert await home(threads, carol) == [oldest.id]
