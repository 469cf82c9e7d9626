"""Hashtags: the posts of one, however it is spelled, and nobody's who did not mean everybody to read it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.federation.vocab.activities import Update
from fedispace.federation.vocab.links import Hashtag
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from fedispace.threads import tags
from fedispace.threads.models import Status, StatusTag
from tests.threads.conftest import Threads, a_note, creating


def with_tags(number: int, *names: str, **fields: Any) -> Note:
    found = tuple(Hashtag(name=name, href=Uri(f"https://b.example/tags/{number}")) for name in names)
    return a_note(number=number, **{"tags": found, **fields})


async def tagged(
    threads: Threads, name: str, viewer: Account | None = None, *, page: Page | None = None, **how: Any
) -> list[str]:
    """Return the uris of the posts of a hashtag, newest first."""
    async with threads.home.db.reading() as tx:
        viewer_id = None if viewer is None else viewer.id
        return [
            post.uri
            for post in await tags.tagged(
                tx, viewer_id, name, page or Page(), threads.home.clock.now(), **how
            )
        ]


async def rows(threads: Threads) -> int:
    async with threads.home.db.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(StatusTag)) or 0


async def test_only_public_posts_stand_under_a_hashtag(threads: Threads, alice: Account) -> None:
    [public] = await threads.post(alice, "about #tea", visibility="public")
    for visibility in ("unlisted", "private", "direct"):
        await threads.post(alice, "about #tea", visibility=visibility)
    assert await tagged(threads, "tea", alice) == [public.uri]


async def test_posts_of_those_the_viewer_blocked_or_is_blocked_by_are_left_out(
    threads: Threads, alice: Account, bob: Account, carol: Account
) -> None:
    [mine] = await threads.post(alice, "#tea")
    [hers] = await threads.post(carol, "#tea")
    await threads.block(alice, carol)
    assert await tagged(threads, "tea", alice) == [mine.uri]
    assert await tagged(threads, "tea", carol) == [hers.uri]
    assert await tagged(threads, "tea") == [hers.uri, mine.uri]


async def test_a_hashtag_is_found_however_it_is_spelled(threads: Threads, alice: Account) -> None:
    spelled = [
        (await threads.post(alice, f"#{name}"))[0].uri for name in ("Straße", "STRASSE", "ｓｔｒａßｅ")
    ]
    await threads.post(alice, "#strasse2 and strasse")
    for name in ("straße", "#Strasse", "ＳＴＲＡＳＳＥ"):
        assert await tagged(threads, name) == spelled[::-1]


async def test_every_post_of_a_thread_stands_under_its_own_hashtags(threads: Threads, alice: Account) -> None:
    one, two = await threads.post(alice, "first #tea", "second #Cake #cake")
    assert await tagged(threads, "tea") == [one.uri]
    assert await tagged(threads, "cake") == [two.uri]
    assert await rows(threads) == 2


async def test_posts_of_other_servers_and_replies_are_found_too(
    threads: Threads, alice: Account, bob: Account
) -> None:
    await threads.follow(alice, bob)
    [mine] = await threads.post(alice, "#tea")
    theirs = with_tags(1, "#Tea", in_reply_to=Uri(mine.uri))
    assert await threads.home.receive(creating(theirs)) == "done"
    assert await tagged(threads, "tea") == [theirs.id, mine.uri]
    assert await tagged(threads, "tea", local=True) == [mine.uri]
    assert await tagged(threads, "tea", remote=True) == [theirs.id]


async def test_an_edit_moves_a_post_to_its_new_hashtags(
    threads: Threads, alice: Account, bob: Account
) -> None:
    await threads.follow(alice, bob)
    note = with_tags(1, "tea", published=threads.home.clock.now())
    await threads.home.receive(creating(note))
    edited = replace(
        with_tags(1, "coffee"),
        published=note.published,
        updated=threads.home.clock.now() + timedelta(seconds=9),
    )
    threads.home.clock.advance(minutes=1)
    update = Update(id=Uri(f"{note.id}/update"), actor=note.attributed_to, object=edited)
    assert await threads.home.receive(update) == "done"
    assert await tagged(threads, "tea") == []
    assert await tagged(threads, "coffee") == [note.id]


async def test_a_deleted_post_leaves_its_hashtags(threads: Threads, alice: Account) -> None:
    [post] = await threads.post(alice, "#tea")
    await threads.deletion.delete(alice, post.id)
    assert await tagged(threads, "tea") == []
    assert await rows(threads) == 0


async def test_more_hashtags_are_added_demanded_and_shut_out(threads: Threads, alice: Account) -> None:
    tea, cake, both, evil = [
        (await threads.post(alice, text))[0].uri
        for text in ("#tea", "#cake", "#tea #cake", "#tea #cake #vinegar")
    ]
    assert await tagged(threads, "tea", or_any_of=["Cake"]) == [evil, both, cake, tea]
    assert await tagged(threads, "tea", all_of=["Cake"]) == [evil, both]
    assert await tagged(threads, "tea", all_of=["cake"], none_of=["Vinegar"]) == [both]
    assert await tagged(threads, "tea", none_of=["cake"]) == [tea]


async def test_a_long_list_is_read_in_pages(threads: Threads, alice: Account) -> None:
    posts: list[Status] = [(await threads.post(alice, f"{number} #tea"))[0] for number in range(5)]
    uris = [post.uri for post in posts]
    assert await tagged(threads, "tea", page=Page(limit=2)) == [uris[4], uris[3]]
    assert await tagged(threads, "tea", page=Page(limit=2, max_id=posts[3].id)) == [uris[2], uris[1]]
    assert await tagged(threads, "tea", page=Page(limit=2, min_id=posts[0].id)) == [uris[2], uris[1]]
    assert await tagged(threads, "tea", page=Page(limit=2, min_id=posts[0].id), or_any_of=["x"]) == [
        uris[2],
        uris[1],
    ]


@pytest.mark.parametrize("name", ["#", "", "\ufdfa" * 100, "x" * 5000, "a/b?c d", "\U0001f375" * 100])
async def test_strange_hashtags_of_other_servers_do_no_harm(
    threads: Threads, alice: Account, bob: Account, name: str
) -> None:
    await threads.follow(alice, bob)
    note = with_tags(1, "tea", name)
    assert await threads.home.receive(creating(note)) == "done"
    assert await tagged(threads, "tea") == [note.id]
    assert await tagged(threads, name) in ([note.id], [])


async def test_nobody_fills_the_index_with_one_post(threads: Threads, alice: Account, bob: Account) -> None:
    await threads.follow(alice, bob)
    await threads.home.receive(creating(with_tags(1, *(f"tag{number}" for number in range(150)))))
    assert await rows(threads) == tags.MAX_TAGS
