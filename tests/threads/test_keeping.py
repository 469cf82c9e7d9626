"""Bookmarks, pins, and who favourited and boosted what. What must not leak comes first."""

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.errors import Forbidden, Invalid, NotFound
from fedispace.federation.routes import Asker
from fedispace.federation.vocab.activities import Add, Remove
from fedispace.federation.vocab.objects import Collection
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.threads import acted
from fedispace.threads.bookmarks import Bookmarking, bookmarks
from fedispace.threads.featured import FeaturedDocuments
from fedispace.threads.models import Bookmark, Status
from fedispace.threads.pins import MAX_PINS, Pinning, pinned
from tests.threads.conftest import Threads


@pytest.fixture
def bookmarking(threads: Threads) -> Bookmarking:
    return Bookmarking(threads.home.db, threads.home.ids, threads.home.clock)


@pytest.fixture
def pinning(threads: Threads) -> Pinning:
    home = threads.home
    return Pinning(home.db, home.ids, home.clock, home.addresses, home.outbox)


@pytest.fixture
async def clara(threads: Threads) -> Account:
    return await threads.home.person("clara")


async def kept(threads: Threads, account: Account, **page: int) -> list[int]:
    async with threads.home.db.reading() as tx:
        return [status.id for _, status in await bookmarks(tx, account.id, Page(**page))]


async def on_top(threads: Threads, viewer: Account | None, account: Account) -> list[int]:
    async with threads.home.db.reading() as tx:
        posts = await pinned(tx, viewer.id if viewer else None, account.id)
        return [status.id for status in posts]


async def featured(threads: Threads, name: str, asker: str | None = None) -> list[str]:
    documents = FeaturedDocuments(threads.home.db, threads.home.addresses, threads.home.people)
    found = await documents.featured({"name": name}, Asker(Uri(asker) if asker else None))
    assert isinstance(found, Collection)
    assert found.total_items == len(found.items)
    return list(found.items)


async def test_what_one_may_not_see_cannot_be_bookmarked(
    threads: Threads, bookmarking: Bookmarking, alice: Account, clara: Account
) -> None:
    (secret,) = await threads.post(alice, "for friends", visibility="private")
    with pytest.raises(NotFound):
        await bookmarking.bookmark(clara, secret.id)
    assert await kept(threads, clara) == []


async def test_a_bookmark_vanishes_with_the_right_to_see_the_post(
    threads: Threads, bookmarking: Bookmarking, alice: Account, clara: Account
) -> None:
    first, second = [(await threads.post(alice, text))[0] for text in ("one", "other")]
    for post in (first, second):
        await bookmarking.bookmark(clara, post.id)
    assert await kept(threads, clara) == [second.id, first.id]
    await threads.deletion.delete(alice, second.id)
    assert await kept(threads, clara) == [first.id]
    await threads.block(alice, clara)
    assert await kept(threads, clara) == []
    assert await bookmarking.unbookmark(clara, first.id) == first.id
    async with threads.home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(Bookmark)) == 0


async def test_bookmarks_are_paged_by_when_they_were_made_and_repeats_are_one(
    threads: Threads, bookmarking: Bookmarking, alice: Account
) -> None:
    posts = [(await threads.post(alice, f"post {number}"))[0] for number in range(3)]
    for post in (posts[2], posts[0], posts[1], posts[2]):
        await bookmarking.bookmark(alice, post.id)
    assert await kept(threads, alice) == [posts[1].id, posts[0].id, posts[2].id]
    async with threads.home.db.reading() as tx:
        ((cursor, _),) = await bookmarks(tx, alice.id, Page(limit=1))
    assert await kept(threads, alice, max_id=cursor, limit=1) == [posts[0].id]


async def test_nobody_is_told_of_a_bookmark(
    threads: Threads, bookmarking: Bookmarking, alice: Account, clara: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    before = len(await threads.sent())
    await bookmarking.bookmark(clara, post.id)
    assert len(await threads.sent()) == before
    assert await threads.notified(alice) == []


async def test_a_boost_is_bookmarked_as_what_it_passes_on(
    threads: Threads, bookmarking: Bookmarking, alice: Account, clara: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    boost = await threads.boosting.boost(clara, post.id)
    assert await bookmarking.bookmark(clara, boost.id) == post.id
    assert await kept(threads, clara) == [post.id]
    assert await bookmarking.unbookmark(clara, boost.id) == post.id
    assert await kept(threads, clara) == []


async def test_who_favourited_leaves_out_whom_the_viewer_blocked_or_muted_or_is_blocked_by(
    threads: Threads, alice: Account, clara: Account
) -> None:
    home = threads.home
    (post,) = await threads.post(alice, "hello")
    dan, erin = await home.person("dan"), await home.person("erin")
    for who in (clara, dan, erin):
        await threads.favouriting.favourite(who, post.id)
        await threads.boosting.boost(who, post.id)
    await threads.block(alice, dan)
    await threads.block(erin, alice)

    async def seen(viewer: Account | None) -> list[list[int]]:
        now = home.clock.now()
        async with home.db.reading() as tx:
            lists = [
                await who(tx, viewer.id if viewer else None, post.id, now, Page())
                for who in (acted.favourited_by, acted.boosted_by)
            ]
        return [[account.id for _, account in rows] for rows in lists]

    assert await seen(alice) == [[clara.id], [clara.id]]
    assert await seen(None) == [[erin.id, dan.id, clara.id]] * 2


async def test_the_list_of_favourites_is_in_the_order_of_favouriting(
    threads: Threads, alice: Account, clara: Account
) -> None:
    posts = [(await threads.post(alice, f"post {number}"))[0] for number in range(2)]
    for post in reversed(posts):
        await threads.favouriting.favourite(clara, post.id)
    async with threads.home.db.reading() as tx:
        rows = await acted.favourites(tx, clara.id, Page())
    assert [status.id for _, status in rows] == [post.id for post in posts]


async def test_only_ones_own_posts_can_be_pinned_and_direct_ones_and_boosts_cannot(
    threads: Threads, pinning: Pinning, alice: Account, clara: Account
) -> None:
    (hers,) = await threads.post(clara, "hello")
    (direct,) = await threads.post(alice, "for nobody", visibility="direct")
    boost = await threads.boosting.boost(alice, hers.id)
    (secret,) = await threads.post(clara, "for friends", visibility="private")
    for refused, error in ((hers, Forbidden), (direct, Forbidden), (boost, Forbidden), (secret, NotFound)):
        with pytest.raises(error):
            await pinning.pin(alice, refused.id)
    assert await on_top(threads, alice, alice) == []


async def test_five_posts_can_be_pinned_and_pinning_one_again_is_no_sixth(
    threads: Threads, pinning: Pinning, alice: Account
) -> None:
    posts = [(await threads.post(alice, f"post {number}"))[0] for number in range(MAX_PINS + 1)]
    for post in posts[:MAX_PINS]:
        await pinning.pin(alice, post.id)
    assert await pinning.pin(alice, posts[0].id) == posts[0].id
    with pytest.raises(Invalid):
        await pinning.pin(alice, posts[MAX_PINS].id)
    await pinning.unpin(alice, posts[0].id)
    await pinning.pin(alice, posts[MAX_PINS].id)
    assert await on_top(threads, None, alice) == [
        post.id for post in reversed([*posts[1:MAX_PINS], posts[MAX_PINS]])
    ]


@pytest.mark.row(65)
async def test_followers_servers_are_told_of_pins_once(
    threads: Threads, pinning: Pinning, alice: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    for _ in range(2):
        await pinning.pin(alice, post.id)
    for _ in range(2):
        await pinning.unpin(alice, post.id)
    added, removed = await threads.sent(Add, Remove)
    assert (type(added), type(removed)) == (Add, Remove)
    for activity in (added, removed):
        assert (activity.object, activity.target) == (post.uri, f"{alice.uri}/featured")
        assert activity.to == (PUBLIC,)


@pytest.mark.row(65)
async def test_the_featured_collection_shows_pins_to_those_who_may_see_them(
    threads: Threads, pinning: Pinning, alice: Account, bob: Account
) -> None:
    (public,) = await threads.post(alice, "for all")
    (private,) = await threads.post(alice, "for followers", visibility="private")
    for post in (public, private):
        await pinning.pin(alice, post.id)
    assert await featured(threads, "alice") == [public.uri]
    assert await featured(threads, "alice", bob.uri) == [public.uri]
    await threads.follow(bob, alice)
    assert await featured(threads, "alice", bob.uri) == [private.uri, public.uri]
    with pytest.raises(NotFound):
        await featured(threads, "nobody")


async def test_a_deleted_post_is_pinned_no_longer(threads: Threads, pinning: Pinning, alice: Account) -> None:
    (post,) = await threads.post(alice, "hello")
    await pinning.pin(alice, post.id)
    await threads.deletion.delete(alice, post.id)
    assert await on_top(threads, alice, alice) == []


async def test_a_page_of_pins_that_was_seen_is_not_followed_by_another(
    threads: Threads, pinning: Pinning, alice: Account
) -> None:
    posts: list[Status] = [(await threads.post(alice, f"post {number}"))[0] for number in range(2)]
    for post in posts:
        await pinning.pin(alice, post.id)
    async with threads.home.db.reading() as tx:
        assert await pinned(tx, None, alice.id, Page(max_id=posts[0].id)) == []
