"""Posts as other servers fetch them, and finding theirs by address."""

from dataclasses import replace

import pytest

from fedispace.accounts.models import Account
from fedispace.errors import NotFound
from fedispace.federation.routes import Asker
from fedispace.federation.vocab.activities import Announce, Create
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Collection, CollectionPage, Note
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.models import Status
from tests.threads.conftest import Elsewhere, Threads, a_note

NOBODY = Asker()


def at(status: Status, name: str = "alice") -> dict[str, str]:
    return {"name": name, "id": str(status.id)}


async def test_a_private_post_is_found_by_a_follower_and_not_by_anybody_else(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (post,) = await threads.post(alice, "for followers", visibility="private")
    as_bob = Asker(Uri(bob.uri))
    for load in (threads.documents.note, threads.documents.activity, threads.collections.replies):
        for asker in (NOBODY, as_bob, Asker(Uri("https://c.example/users/unknown"))):
            with pytest.raises(NotFound):
                await load(at(post), asker)
    await threads.follow(bob, alice)
    assert isinstance(await threads.documents.note(at(post), as_bob), Note)


@pytest.mark.parametrize("id_", ["0", "-1", "abc", "99999999999999999999", "٣", "1e3", ""])
async def test_an_id_that_is_none_is_not_found(threads: Threads, alice: Account, id_: str) -> None:
    with pytest.raises(NotFound):
        await threads.documents.note({"name": "alice", "id": id_}, NOBODY)


async def test_a_post_is_not_found_under_somebody_elses_name(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "hello")
    with pytest.raises(NotFound):
        await threads.documents.note(at(post, "carol"), NOBODY)


async def test_a_post_is_fetched_as_it_was_sent(threads: Threads, alice: Account, bob: Account) -> None:
    (post,) = await threads.post(alice, "hello @bob@b.example #tag", language="en")
    (sent,) = await threads.sent(Create)
    note = await threads.documents.note(at(post), NOBODY)
    assert isinstance(note, Note)
    assert replace(note, replies_page=None) == sent.object
    assert await threads.documents.activity(at(post), NOBODY) == sent


async def test_a_boost_is_an_announce_and_no_note(threads: Threads, alice: Account, carol: Account) -> None:
    (post,) = await threads.post(carol, "hello")
    passed_on = await threads.boosting.boost(alice, post.id)
    (sent,) = await threads.sent(Announce)
    assert await threads.documents.activity(at(passed_on), NOBODY) == sent
    with pytest.raises(NotFound):
        await threads.documents.note(at(passed_on), NOBODY)


async def test_the_outbox_pages_through_what_everybody_may_see(
    threads: Threads, alice: Account, carol: Account
) -> None:
    posts = [post for n in range(24) for post in await threads.post(alice, f"{n}")]
    await threads.post(alice, "for followers", visibility="private")
    (other,) = await threads.post(carol, "hello")
    passed_on = await threads.boosting.boost(alice, other.id)
    shown = [*(f"{post.uri}/activity" for post in posts), passed_on.uri]
    outbox = await threads.documents.outbox({"name": "Alice"}, NOBODY)
    assert isinstance(outbox, Collection)
    assert (outbox.total_items, outbox.id) == (25, "https://a.example/users/alice/outbox")
    first = await threads.documents.outbox({"name": "alice", "page": "true"}, NOBODY)
    assert isinstance(first, CollectionPage)
    assert first.next is not None
    max_id = first.next.partition("max_id=")[2]
    second = await threads.documents.outbox({"name": "alice", "page": "true", "max_id": max_id}, NOBODY)
    assert isinstance(second, CollectionPage)
    assert [*first.items, *second.items] == shown[::-1]
    assert second.next is None
    with pytest.raises(NotFound):
        await threads.documents.outbox({"name": "nobody"}, NOBODY)


async def test_a_post_is_found_by_its_id_its_page_and_its_activity(threads: Threads, alice: Account) -> None:
    (post,) = await threads.post(alice, "hello")
    for address in (post.uri, post.url, f"{post.uri}/activity", f" {post.url}/ "):
        assert (await threads.lookup.status(address)).id == post.id


async def test_a_post_elsewhere_is_fetched_once_and_stands_at_its_own_time(
    threads: Threads, alice: Account, elsewhere: Elsewhere, dora: Actor
) -> None:
    (recent,) = await threads.post(alice, "recent")
    note = a_note(dora.id, published=threads.home.clock.now().replace(year=2020))
    elsewhere.show(note)
    with pytest.raises(NotFound):
        await threads.lookup.status(note.id, resolve=False)
    found = await threads.lookup.status(note.id)
    assert (found.uri, found.content) == (note.id, note.content)
    assert found.id < recent.id
    assert (await threads.lookup.status(note.id, resolve=False)).id == found.id
    assert elsewhere.asked.count("/users/dora/notes/1") == 1


async def test_what_is_no_post_or_is_not_there_is_not_found(
    threads: Threads, elsewhere: Elsewhere, dora: Actor
) -> None:
    for address in (
        dora.id,
        f"{elsewhere.origin}/missing",
        "https://a.example/users/alice/statuses/99999999999999999999",
        "https://a.example/@alice/1",
        "https://a.example/elsewhere",
        "ftp://d.example/x",
        "hello",
        "",
    ):
        with pytest.raises(NotFound):
            await threads.lookup.status(address)
    assert await threads.all() == []
