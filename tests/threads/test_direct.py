"""Direct conversations with people of other servers, and those that turn out to be one."""

import pytest

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.federation.vocab.activities import Delete, Update
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.direct import DirectConversations, Held, held_by
from tests.threads.conftest import Threads, a_note, creating

BOB = "https://b.example/users/bob"


async def list_of(threads: Threads, account: Account) -> list[Held]:
    async with threads.home.db.reading() as tx:
        return await held_by(tx, account.id, Page(), threads.home.clock.now())


@pytest.fixture
def conversations(threads: Threads) -> DirectConversations:
    return DirectConversations(threads.home.db, threads.home.clock)


async def test_a_direct_post_from_elsewhere_is_in_the_list_of_whom_it_is_written_to_and_of_nobody_else(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    assert await threads.home.receive(creating(a_note(visibility="direct", mentions=[alice.uri]))) == "done"
    (row,) = await list_of(threads, alice)
    assert (row.unread, row.participants) == (True, (bob.id,))
    assert await list_of(threads, carol) == []


@pytest.mark.privacy("P-05")
async def test_somebody_who_is_only_spoken_of_has_no_part_in_it(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    note = a_note(visibility="direct", mentions=[alice.uri, carol.uri], to=(Uri(alice.uri),))
    assert await threads.home.receive(creating(note)) == "done"
    assert await list_of(threads, carol) == []
    (row,) = await list_of(threads, alice)
    assert row.participants == (bob.id,)


async def test_a_deletion_from_elsewhere_moves_the_last_post_back(
    threads: Threads, alice: Account, bob: Account
) -> None:
    note = a_note(number=1, visibility="direct", mentions=[alice.uri])
    reply = a_note(number=2, visibility="direct", mentions=[alice.uri], in_reply_to=note.id)
    for each in (note, reply):
        assert await threads.home.receive(creating(each)) == "done"
    for left, gone in (([note.id], reply), ([], note)):
        delete = Delete(id=Uri(f"{gone.id}/gone"), actor=Uri(BOB), object=gone.id)
        assert await threads.home.receive(delete) == "done"
        assert [row.last.uri for row in await list_of(threads, alice)] == left


async def test_an_edit_from_elsewhere_that_names_somebody_puts_it_in_their_list(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    note = a_note(visibility="direct", mentions=[alice.uri])
    assert await threads.home.receive(creating(note)) == "done"
    threads.home.clock.advance(minutes=1)
    now = threads.home.clock.now()
    named = a_note(visibility="direct", mentions=[alice.uri, carol.uri], updated=now)
    update = Update(id=Uri(f"{note.id}/edit"), actor=Uri(BOB), object=named, to=named.to)
    assert await threads.home.receive(update) == "done"
    (row,) = await list_of(threads, carol)
    assert row.last.uri == note.id


async def test_conversations_that_turn_out_to_be_one_are_one_row_and_stay_unread_if_either_was(
    threads: Threads,
    alice: Account,
    carol: Account,
    bob: Account,
    conversations: DirectConversations,
) -> None:
    to = [alice.uri, carol.uri]
    first = a_note(number=1, visibility="direct", mentions=to)
    between = a_note(number=2, visibility="direct", mentions=to, in_reply_to=first.id)
    last = a_note(number=3, visibility="direct", mentions=to, in_reply_to=between.id)
    for each in (first, last):
        assert await threads.home.receive(creating(each)) == "done"
    assert len(await list_of(threads, alice)) == 2
    for row in await list_of(threads, alice):
        await conversations.read(alice, row.id)
    for row in (await list_of(threads, carol))[:1]:
        assert (await conversations.read(carol, row.id)).last.uri == last.id
    between = a_note(number=2, visibility="direct", mentions=[carol.uri], in_reply_to=first.id)
    assert await threads.home.receive(creating(between)) == "done"
    (hers,) = await list_of(threads, alice)
    (carols,) = await list_of(threads, carol)
    assert hers.id == carols.id
    assert (hers.unread, hers.last.uri) == (False, last.id)
    assert carols.unread is True
    assert (await conversations.read(carol, carols.id)).unread is False


async def test_what_was_removed_before_two_became_one_hides_nothing_that_was_not(
    threads: Threads, alice: Account, bob: Account, conversations: DirectConversations
) -> None:
    first = a_note(number=1, visibility="direct", mentions=[alice.uri])
    between = a_note(number=2, visibility="direct", mentions=[alice.uri], in_reply_to=first.id)
    last = a_note(number=3, visibility="direct", mentions=[alice.uri], in_reply_to=between.id)
    for each in (first, last):
        assert await threads.home.receive(creating(each)) == "done"
    newest, _ = await list_of(threads, alice)
    await conversations.remove(alice, newest.id)
    assert await threads.home.receive(creating(between)) == "done"
    (row,) = await list_of(threads, alice)
    assert row.unread is True
