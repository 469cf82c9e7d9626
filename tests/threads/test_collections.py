"""What other servers read to complete a conversation of ours."""

import pytest

from fedispace.accounts.models import Account
from fedispace.errors import NotFound
from fedispace.federation import codec
from fedispace.federation.routes import Asker
from fedispace.federation.vocab.objects import Collection, CollectionPage, Note, Tombstone
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.collections import PAGE
from fedispace.threads.models import Status
from tests.threads.conftest import Threads

NOBODY = Asker()


def at(status: Status, **query: str) -> dict[str, str]:
    return {"name": "alice", "id": str(status.id), **query}


def query_of(page: CollectionPage) -> dict[str, str]:
    assert page.next is not None
    return dict(pair.split("=") for pair in page.next.partition("?")[2].split("&"))


async def replies(threads: Threads, status: Status, asker: Asker = NOBODY) -> list[str]:
    """Read all pages of the replies."""
    found = await threads.collections.replies(at(status), asker)
    assert isinstance(found, Collection)
    assert found.first_page is not None
    page, items = found.first_page, [*found.first_page.items]
    while page.next is not None:
        read = await threads.collections.replies(at(status, **query_of(page)), asker)
        assert isinstance(read, CollectionPage)
        page = read
        items += page.items
    return items


async def context(threads: Threads, conversation_id: int, asker: Asker = NOBODY) -> list[str]:
    """Read all pages of a conversation."""
    path = {"id": str(conversation_id)}
    found = await threads.collections.context(path, asker)
    assert isinstance(found, Collection)
    page, items = found.first_page, []
    while page is not None:
        items += page.items
        following = (
            None if page.next is None else await threads.collections.context(path | query_of(page), asker)
        )
        assert following is None or isinstance(following, CollectionPage)
        page = following
    assert found.total_items == len(items)
    return items


@pytest.mark.row(87)
async def test_the_replies_begin_with_the_authors_own_and_the_first_page_is_inside_the_post(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "one")
    (answer,) = await threads.post(carol, "answer", in_reply_to_id=post.id)
    await threads.post(carol, "hidden", in_reply_to_id=post.id, visibility="direct")
    (second,) = await threads.post(alice, "two", in_reply_to_id=post.id)
    assert await replies(threads, post) == [second.uri, answer.uri]
    note = await threads.documents.note(at(post), NOBODY)
    assert isinstance(note, Note)
    written = codec.write(note)
    assert written["replies"]["first"]["items"] == [second.uri]
    assert written["replies"]["first"]["next"] == f"{post.uri}/replies?page=true&others=true"
    again = codec.read(written)
    assert isinstance(again, Note)
    assert again.replies == f"{post.uri}/replies"
    assert again.replies_page is not None
    assert again.replies_page.posts == (second.uri,)


@pytest.mark.row(87)
async def test_replies_are_shown_to_those_who_may_see_them(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "one")
    (quiet,) = await threads.post(carol, "for followers", in_reply_to_id=post.id, visibility="private")
    as_bob = Asker(Uri(bob.uri))
    assert await replies(threads, post, as_bob) == []
    await threads.follow(bob, carol)
    assert await replies(threads, post, as_bob) == [quiet.uri]
    assert await replies(threads, post) == []


@pytest.mark.row(87, 88)
async def test_pages_stay_in_place_when_a_post_is_deleted_between_two_of_them(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "root")
    answers = [
        (await threads.post(carol, f"answer {number}", in_reply_to_id=post.id))[0]
        for number in range(PAGE + 5)
    ]
    assert await replies(threads, post) == [answer.uri for answer in answers]
    first = await threads.collections.replies(at(post, page="true", others="true"), NOBODY)
    assert isinstance(first, CollectionPage)
    for gone in (answers[0], answers[3]):
        await threads.deletion.delete(carol, gone.id)
    second = await threads.collections.replies(at(post, **query_of(first)), NOBODY)
    assert isinstance(second, CollectionPage)
    assert [*first.items, *second.items] == [answer.uri for answer in answers]
    assert await context(threads, post.conversation_id) == [
        post.uri, *(answer.uri for answer in answers if answer not in (answers[0], answers[3]))
    ]  # fmt: skip


@pytest.mark.row(88)
async def test_a_conversation_belongs_to_who_began_it_and_shows_the_asker_what_they_may_see(
    threads: Threads, alice: Account, carol: Account
) -> None:
    first, second = await threads.post(alice, "one", "two")
    (answer,) = await threads.post(carol, "answer", in_reply_to_id=first.id)
    (secret,) = await threads.post(carol, "secret", in_reply_to_id=first.id, visibility="direct")
    assert await context(threads, first.conversation_id) == [first.uri, second.uri, answer.uri]
    assert secret.uri in await context(threads, first.conversation_id, Asker(Uri(alice.uri)))
    found = await threads.collections.context({"id": str(first.conversation_id)}, NOBODY)
    written = codec.write(found)
    assert (written["type"], written["attributedTo"]) == ("OrderedCollection", alice.uri)
    assert (written["totalItems"], written["first"]["orderedItems"]) == (
        3,
        [first.uri, second.uri, answer.uri],
    )
    with pytest.raises(NotFound):
        await threads.collections.context({"id": str(answer.id)}, NOBODY)


async def test_a_conversation_nobody_else_may_see_is_not_found(threads: Threads, alice: Account) -> None:
    (post,) = await threads.post(alice, "for followers", visibility="private")
    with pytest.raises(NotFound):
        await threads.collections.context({"id": str(post.conversation_id)}, NOBODY)


async def test_likes_and_shares_are_numbers_for_those_who_may_see_the_post(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "one")
    await threads.favouriting.favourite(carol, post.id)
    await threads.boosting.boost(carol, post.id)
    note = await threads.documents.note(at(post), NOBODY)
    assert isinstance(note, Note)
    for name, load in (("likes", threads.collections.likes), ("shares", threads.collections.shares)):
        found = await load(at(post), NOBODY)
        assert isinstance(found, Collection)
        assert (found.id, found.total_items, found.items) == (f"{post.uri}/{name}", 1, ())
        assert codec.write(note)[name]["totalItems"] == 1
    (quiet,) = await threads.post(alice, "for followers", visibility="private")
    for load in (threads.collections.likes, threads.collections.shares, threads.collections.replies):
        with pytest.raises(NotFound):
            await load(at(quiet), NOBODY)


async def test_the_collections_of_a_deleted_post_are_gone_with_it(threads: Threads, alice: Account) -> None:
    (post,) = await threads.post(alice, "one")
    await threads.deletion.delete(alice, post.id)
    assert isinstance(await threads.collections.replies(at(post), NOBODY), Tombstone)
