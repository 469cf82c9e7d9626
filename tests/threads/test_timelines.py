"""The home timeline, the public one, and that of one account."""

import time

import pytest
from sqlalchemy import insert, text

from fedispace.accounts.models import Account, Follow
from fedispace.accounts.paging import Page
from fedispace.federation.models import ActorRow
from fedispace.ids import id_at
from fedispace.threads import timelines
from fedispace.threads.models import Status
from fedispace.threads.views import view
from tests.threads.conftest import Threads, a_note, creating


async def ids(posts: list[Status]) -> list[int]:
    return [post.id for post in posts]


async def test_home_has_ones_own_posts_and_those_of_the_followed_newest_first(
    threads: Threads, alice: Account, carol: Account
) -> None:
    stranger = await threads.home.person("stranger")
    await threads.follow(carol, alice)
    (theirs,) = await threads.post(alice, "theirs")
    (mine,) = await threads.post(carol, "mine")
    await threads.post(stranger, "not this")
    assert await ids(await threads.home_of(carol)) == [mine.id, theirs.id]


async def test_a_follow_that_is_not_accepted_yet_shows_nothing(
    threads: Threads, alice: Account, carol: Account
) -> None:
    await threads.follow(carol, alice, accepted=False)
    await threads.post(alice, "hello")
    assert await threads.home_of(carol) == []


async def test_posts_for_followers_are_at_home_and_direct_ones_only_with_those_they_name(
    threads: Threads, alice: Account, carol: Account
) -> None:
    await threads.follow(carol, alice)
    (private,) = await threads.post(alice, "for followers", visibility="private")
    await threads.post(alice, "a secret", visibility="direct")
    (direct,) = await threads.post(alice, "for @carol", visibility="direct")
    assert await ids(await threads.home_of(carol)) == [direct.id, private.id]


async def test_replies_to_people_one_does_not_follow_are_not_at_home(
    threads: Threads, alice: Account, carol: Account
) -> None:
    stranger, friend = await threads.home.person("stranger"), await threads.home.person("friend")
    for followed in (alice, friend):
        await threads.follow(carol, followed)
    (strange,) = await threads.post(stranger, "question")
    (friendly,) = await threads.post(friend, "question")
    (mine,) = await threads.post(carol, "question")
    await threads.post(alice, "not this", in_reply_to_id=strange.id)
    (to_friend,) = await threads.post(alice, "answer", in_reply_to_id=friendly.id)
    (to_me,) = await threads.post(alice, "answer", in_reply_to_id=mine.id)
    (own,) = await threads.post(alice, "continued", in_reply_to_id=to_friend.id)
    assert await ids(await threads.home_of(carol)) == [own.id, to_me.id, to_friend.id, mine.id, friendly.id]


async def test_a_reply_to_a_post_nobody_knows_is_not_at_home(
    threads: Threads, carol: Account, bob: Account
) -> None:
    await threads.follow(carol, bob)
    note = a_note(in_reply_to="https://c.example/unknown")
    assert await threads.home.receive(creating(note)) == "done"
    assert await threads.home_of(carol) == []


async def test_a_boost_is_at_home_unless_boosts_are_switched_off_or_its_author_is_blocked(
    threads: Threads, alice: Account, carol: Account
) -> None:
    stranger = await threads.home.person("stranger")
    await threads.follow(carol, alice)
    (post,) = await threads.post(stranger, "hello")
    passed_on = await threads.boosting.boost(alice, post.id)
    assert await ids(await threads.home_of(carol)) == [passed_on.id]
    await threads.block(carol, stranger)
    assert await threads.home_of(carol) == []
    dave = await threads.home.person("dave")
    await threads.follow(dave, alice)
    async with threads.home.db.transaction() as tx:
        await tx.execute(text(f"UPDATE follows SET show_boosts = false WHERE account_id = {dave.id}"))
    assert await threads.home_of(dave) == []


async def test_paging_downwards_and_upwards_misses_nothing(threads: Threads, alice: Account) -> None:
    posts = [post.id for n in range(7) for post in await threads.post(alice, f"{n}")]
    newest = await ids(await threads.home_of(alice, limit=3))
    older = await ids(await threads.home_of(alice, limit=3, max_id=newest[-1]))
    upwards = await ids(await threads.home_of(alice, limit=3, min_id=posts[0]))
    latest = await ids(await threads.home_of(alice, limit=3, since_id=posts[0]))
    assert newest == posts[:-4:-1]
    assert older == posts[-4:-7:-1]
    assert upwards == posts[3:0:-1]
    assert latest == newest


async def test_a_page_is_full_however_much_of_what_the_followed_wrote_is_not_for_it(
    threads: Threads, alice: Account, carol: Account
) -> None:
    stranger = await threads.home.person("stranger")
    await threads.follow(carol, alice)
    (question,) = await threads.post(stranger, "question")
    shown: list[int] = []
    for _ in range(4):
        shown += [post.id for post in await threads.post(alice, "for everybody")]
        for _ in range(6):
            await threads.post(alice, "not for carol", in_reply_to_id=question.id)
    assert await ids(await threads.home_of(carol, limit=2)) == shown[:1:-1]
    assert await ids(await threads.home_of(carol, limit=3)) == shown[:0:-1]
    assert await ids(await threads.home_of(carol, limit=4)) == shown[::-1]
    assert await ids(await threads.home_of(carol, limit=5)) == shown[::-1]
    assert await ids(await threads.home_of(carol, limit=1, max_id=shown[1])) == shown[:1]
    assert await ids(await threads.home_of(carol, limit=2, min_id=shown[0])) == shown[2:0:-1]
    assert await ids(await threads.home_of(carol, limit=3, since_id=shown[2])) == shown[3:]


async def public(threads: Threads, viewer: Account | None, **where: bool) -> list[int]:
    async with threads.home.db.reading() as tx:
        found = await timelines.public(
            tx, viewer.id if viewer else None, Page(), threads.home.clock.now(), **where
        )
        return [post.id for post in found]


async def test_the_public_timeline_has_public_posts_only_and_no_replies_to_others(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    await threads.follow(carol, bob)
    first, second = await threads.post(alice, "one", "two")
    await threads.post(alice, "quiet", visibility="unlisted")
    await threads.post(alice, "for followers", visibility="private")
    await threads.post(carol, "answer", in_reply_to_id=first.id)
    await threads.boosting.boost(carol, first.id)
    await threads.home.receive(creating(a_note()))
    theirs = await threads.known(a_note().id)
    assert theirs is not None
    assert await public(threads, None) == [theirs.id, second.id, first.id]
    assert await public(threads, None, local=True) == [second.id, first.id]
    assert await public(threads, None, remote=True) == [theirs.id]
    await threads.block(carol, bob)
    assert await public(threads, carol) == [second.id, first.id]


async def test_an_accounts_posts_are_filtered_as_asked_and_as_the_viewer_may_see(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (question,) = await threads.post(carol, "question")
    (post,) = await threads.post(alice, "post")
    (private,) = await threads.post(alice, "for followers", visibility="private")
    (reply,) = await threads.post(alice, "answer", in_reply_to_id=question.id)
    passed_on = await threads.boosting.boost(alice, question.id)

    async def shown(viewer: Account | None, **filters: bool) -> list[int]:
        async with threads.home.db.reading() as tx:
            found = await timelines.of_account(tx, viewer.id if viewer else None, alice.id, Page(), **filters)
            return [one.id for one in found]

    assert await shown(None) == [passed_on.id, reply.id, post.id]
    assert await shown(alice) == [passed_on.id, reply.id, private.id, post.id]
    assert await shown(None, exclude_replies=True, exclude_reblogs=True) == [post.id]
    assert await shown(None, only_media=True) == await shown(None, pinned=True) == []


async def test_views_of_a_page_carry_what_is_shown_beside_each_post(
    threads: Threads, alice: Account, carol: Account
) -> None:
    await threads.follow(carol, alice)
    (post,) = await threads.post(alice, "hello @carol")
    await threads.boosting.boost(carol, post.id)
    await threads.favouriting.favourite(carol, post.id)
    async with threads.home.db.reading() as tx:
        passed_on, plain = await view(
            tx, await timelines.home(tx, carol.id, Page(), threads.home.clock.now()), carol.id
        )
        (strange,) = await view(tx, [plain.status], None)
    assert passed_on.boost is not None
    assert passed_on.boost.status.id == plain.status.id == post.id
    assert (passed_on.account.id, passed_on.boost.account.id) == (carol.id, alice.id)
    assert [account.id for account in plain.mentions] == [carol.id]
    assert (plain.favourited, plain.boosted, passed_on.boosted) == (True, True, True)
    assert (strange.favourited, strange.boosted) == (False, False)


async def _crowd(threads: Threads, follower: Account, people: int, *, followed: int) -> None:
    """Write people of another server, of whom somebody follows the first."""
    now = threads.home.clock.now()
    async with threads.home.db.transaction() as tx:
        await tx.execute(
            insert(ActorRow),
            [
                {
                    "id": n,
                    "uri": f"https://b.example/users/{n}",
                    "host": "b.example",
                    "local": False,
                    "type": "Person",
                    "inbox": f"https://b.example/users/{n}/inbox",
                    "fetched_at": now,
                }
                for n in range(1, people + 1)
            ],
        )
        await tx.execute(
            insert(Account),
            [
                {
                    "id": n,
                    "uri": f"https://b.example/users/{n}",
                    "username": str(n),
                    "name_key": str(n),
                    "domain": "b.example",
                    "url": f"https://b.example/@{n}",
                    "created_at": now,
                }
                for n in range(1, people + 1)
            ],
        )
        await tx.execute(
            insert(Follow),
            [
                {
                    "id": n,
                    "account_id": follower.id,
                    "target_id": n,
                    "uri": f"https://a.example/{n}",
                    "accepted": True,
                    "created_at": now,
                }
                for n in range(1, followed + 1)
            ],
        )


async def _posts(threads: Threads, authors: list[int]) -> None:
    """Write a post of each author, the oldest first."""
    now = threads.home.clock.now()
    base = id_at(now)
    async with threads.home.db.transaction() as tx:
        await tx.execute(
            insert(Status),
            [
                {
                    "id": base + n,
                    "uri": f"https://b.example/{n}",
                    "url": f"https://b.example/{n}",
                    "account_id": author,
                    "local": False,
                    "thread_id": base + n,
                    "conversation_id": base + n,
                    "visibility": "public",
                    "created_at": now,
                }
                for n, author in enumerate(authors)
            ],
        )


@pytest.mark.parametrize("people", [300])
async def test_home_stays_quick_with_many_follows_and_many_posts(
    threads: Threads, alice: Account, people: int
) -> None:
    """The statement walks an index; a plan that reads every followed post would take 50 times as long."""
    await _crowd(threads, alice, people, followed=people)
    await _posts(threads, [n % people + 1 for n in range(people * 100)])
    await threads.home_of(alice)
    began = time.process_time()
    for _ in range(5):
        assert len(await threads.home_of(alice)) == 20
    assert (time.process_time() - began) / 5 < 0.03


@pytest.mark.parametrize("upwards", [False, True])
async def test_who_follows_many_misses_nothing_among_the_posts_of_even_more(
    threads: Threads, alice: Account, *, upwards: bool
) -> None:
    """Some pages are found among the newest posts of everybody, others only by asking for each."""
    await _crowd(threads, alice, 500, followed=250)
    strangers = [251 + n % 250 for n in range(1200)]
    authors = [n % 500 + 1 for n in range(600)] + strangers + [n % 500 + 1 for n in range(600)]
    await _posts(threads, authors)
    base = id_at(threads.home.clock.now())
    expected = [base + n for n, author in enumerate(authors) if author <= 250]
    seen: list[int] = []
    while True:
        if upwards:
            found = await ids(await threads.home_of(alice, limit=70, min_id=seen[-1] if seen else 1))
            seen += found[::-1]
        else:
            found = await ids(await threads.home_of(alice, limit=70, max_id=seen[-1] if seen else None))
            seen += found
        if not found:
            break
    assert seen == (expected if upwards else expected[::-1])
