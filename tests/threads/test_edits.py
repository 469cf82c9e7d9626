"""Edits: of our posts, and of those of other servers. Refusals first."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.errors import Invalid, NotFound
from fedispace.federation.models import OutboxItem
from fedispace.federation.vocab.activities import Announce, Delete, Update
from fedispace.federation.vocab.links import Hashtag, Mention
from fedispace.federation.vocab.objects import NOTE_TYPES, Note
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.threads import history
from fedispace.threads.models import Status, StatusEdit
from fedispace.threads.polls import PollDraft
from fedispace.threads.visibility import may_see
from fedispace.threads.written import Draft
from tests.factories import remote_actor
from tests.threads.conftest import Threads, a_note, creating

BOB = Uri("https://b.example/users/bob")
TEA = PollDraft(options=("tea", "coffee"), expires_in=3600)


async def edit(threads: Threads, by: Account, status: Status, text: str, **more: Any) -> Status:
    return await threads.editing.edit(by, status.id, Draft(text=text, **more))


async def said(threads: Threads, viewer: Account | None, status: Status) -> list[str]:
    async with threads.home.db.reading() as tx:
        now = await tx.get(Status, status.id)
        assert now is not None
        viewer_id = None if viewer is None else viewer.id
        return [state.content for state in await history.states(tx, viewer_id, now)]


async def audience(threads: Threads) -> dict[str, Any]:
    """Return whom the last Update was sent to."""
    async with threads.home.db.reading() as tx:
        items = await tx.scalars(
            select(OutboxItem).where(OutboxItem.type == "Update").order_by(OutboxItem.id.desc())
        )
        return items.all()[0].audience


def updating(note: Note, number: int = 1, *, by: str = "") -> Update:
    actor = Uri(by or note.attributed_to)
    return Update(id=Uri(f"{actor}/updates/{number}"), actor=actor, object=note, to=note.to, cc=note.cc)


@pytest.fixture
async def later(threads: Threads) -> datetime:
    return threads.home.clock.now() + timedelta(minutes=1)


# Ours: refusals


async def test_only_its_author_edits_a_post(threads: Threads, alice: Account, carol: Account) -> None:
    (status,) = await threads.post(alice, "mine")
    boost = await threads.boosting.boost(carol, status.id)
    for by, target in ((carol, status), (carol, boost)):
        with pytest.raises(NotFound):
            await edit(threads, by, target, "changed")
    assert (await threads.again(status)).content == "<p>mine</p>"
    assert await threads.sent(Update) == []


async def test_an_edit_that_cannot_be_published_changes_nothing(threads: Threads, alice: Account) -> None:
    (status,) = await threads.post(alice, "fine")
    for draft in (
        Draft(text=" "),
        Draft(text="x" * 5001),
        Draft(text="a", spoiler="x" * 501),
        Draft(text="a", poll=replace(TEA, options=("one",))),
    ):
        with pytest.raises(Invalid):
            await threads.editing.edit(alice, status.id, draft)
    assert await said(threads, alice, status) == ["<p>fine</p>"]


async def test_the_same_again_is_no_edit(threads: Threads, alice: Account) -> None:
    (status,) = await threads.post(alice, "same")
    again = await edit(threads, alice, status, "same")
    assert again.edited_at is None
    assert await threads.sent(Update) == []


# Ours: what is kept and told


async def test_every_state_a_post_had_is_kept(threads: Threads, alice: Account) -> None:
    (status,) = await threads.post(alice, "one #first")
    for text in ("two", "three"):
        threads.home.clock.advance(minutes=1)
        await edit(threads, alice, status, text, spoiler="careful")
    assert (await said(threads, None, status))[1:] == ["<p>two</p>", "<p>three</p>"]
    now = await threads.again(status)
    assert (now.source, now.spoiler, now.sensitive, now.tags) == ("three", "careful", True, [])
    assert now.edited_at == threads.home.clock.now()
    assert (await threads.home.account(alice.id)).statuses_count == 1


async def test_two_edits_of_one_millisecond_have_rising_dates_as_peers_read_them(
    threads: Threads, alice: Account
) -> None:
    (status,) = await threads.post(alice, "one")
    for text in ("two", "three", "four"):
        await edit(threads, alice, status, text)
    dates = [update.object.updated for update in await threads.sent(Update)]
    assert dates == sorted(set(dates))
    assert len(dates) == 3
    assert dates[0] > status.created_at
    assert (await threads.again(status)).edited_at == dates[-1]


async def test_an_edit_goes_to_everybody_who_has_the_post(
    threads: Threads, alice: Account, bob: Account
) -> None:
    booster = await threads.home.stranger(remote_actor("ina", "ina.example"))
    blocked = await threads.home.stranger(remote_actor("kim", "kim.example"))
    (status,) = await threads.post(alice, "one @bob@b.example")
    reply = a_note(in_reply_to=Uri(status.uri))
    await threads.home.receive(creating(reply))
    for number, actor in enumerate((booster, blocked)):
        await threads.home.receive(
            Announce(
                id=Uri(f"{actor.uri}/boosts/{number}"),
                actor=Uri(actor.uri),
                object=Uri(status.uri),
                to=(PUBLIC,),
            )
        )
    await threads.block(alice, blocked)
    await edit(threads, alice, status, "two @bob@b.example")
    (update,) = await threads.sent(Update)
    assert update.object.content.startswith("<p>two")
    assert await audience(threads) == {"followers": True, "actors": sorted([bob.id, booster.id])}


@pytest.mark.privacy("P-02")
async def test_whom_an_edit_of_a_private_post_names_is_sent_what_it_says_now_and_not_what_it_said(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    dana = await threads.home.person("dana")
    (status,) = await threads.post(alice, "a secret @dana", visibility="direct")
    await edit(threads, alice, status, "dinner? @dana @carol @bob@b.example")
    (update,) = await threads.sent(Update)
    assert "secret" not in str(update)
    assert await audience(threads) == {"followers": False, "actors": sorted([bob.id, carol.id, dana.id])}
    assert await threads.notified(carol) == [("mention", status.id)]
    assert len(await said(threads, carol, status)) == 1
    assert len(await said(threads, dana, status)) == len(await said(threads, alice, status)) == 2


async def test_whom_a_post_named_it_stays_addressed_to(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (status,) = await threads.post(alice, "hello @carol", visibility="direct")
    now = await edit(threads, alice, status, "hello")
    async with threads.home.db.reading() as tx:
        assert await may_see(tx, carol.id, now)
    (update,) = await threads.sent(Update)
    assert update.to == (carol.uri,)
    assert await threads.notified(carol) == [("mention", status.id)]


@pytest.mark.privacy("P-02")
async def test_an_edit_of_a_post_for_followers_does_not_reach_who_follows_no_more(
    threads: Threads, alice: Account, bob: Account
) -> None:
    (status,) = await threads.post(alice, "for followers", visibility="private")
    await threads.follow(bob, alice)
    await threads.home.receive(creating(a_note(in_reply_to=Uri(status.uri), mentions=[alice.uri])))
    await edit(threads, alice, status, "changed")
    assert await audience(threads) == {"followers": True, "actors": []}


async def test_who_boosted_a_post_is_notified_of_each_edit_once(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (status,) = await threads.post(alice, "one")
    await threads.boosting.boost(carol, status.id)
    for text in ("two", "three"):
        await edit(threads, alice, status, text)
    assert await threads.notified(carol) == [("update", status.id)]


async def test_another_question_loses_its_votes_and_the_same_keeps_them(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (status,) = await threads.publishing.publish(alice, [Draft(text="which?", poll=TEA)])
    await threads.voting.vote(carol, status.id, [0])
    await edit(threads, alice, status, "which, then?", poll=replace(TEA, expires_in=7200))
    (update,) = await threads.sent(Update)
    assert [option.votes for option in update.object.poll.options] == [1, 0]
    await edit(threads, alice, status, "which?", poll=replace(TEA, options=("tea", "water")))
    *_, update = await threads.sent(Update)
    assert [(option.name, option.votes) for option in update.object.poll.options] == [
        ("tea", 0),
        ("water", 0),
    ]
    await edit(threads, alice, status, "never mind")
    *_, update = await threads.sent(Update)
    assert (update.object.type, update.object.poll) == ("Note", None)
    async with threads.home.db.reading() as tx:
        states = await history.states(tx, None, await threads.again(status))
    assert [state.poll_options for state in states] == [
        ["tea", "coffee"], ["tea", "coffee"], ["tea", "water"], None,
    ]  # fmt: skip


# Other servers': refusals


@pytest.fixture
async def followed(threads: Threads, alice: Account, bob: Account) -> Account:
    await threads.follow(alice, bob)
    return bob


@pytest.mark.attack(6)
async def test_an_edit_by_anybody_but_the_author_is_refused(
    threads: Threads, followed: Account, later: datetime
) -> None:
    note = a_note()
    await threads.home.receive(creating(note))
    mallory = await threads.home.stranger(remote_actor("mallory", "b.example"))
    stranger = await threads.home.stranger(remote_actor("eve", "evil.example"))
    edited = replace(note, content="<p>forged</p>", updated=later)
    for number, by in enumerate((mallory, stranger)):
        for claimed in (edited, replace(edited, attributed_to=Uri(by.uri))):
            outcome = await threads.home.receive(
                updating(claimed, 2 * number + (claimed is edited), by=by.uri)
            )
            assert outcome.startswith("dropped")
    stored = await threads.known(note.id)
    assert stored is not None
    assert (stored.content, stored.edited_at) == ("<p>note 1</p>", None)


async def test_an_edit_changes_neither_who_sees_a_post_nor_what_it_answers(
    threads: Threads, alice: Account, carol: Account, followed: Account, later: datetime
) -> None:
    note = a_note(visibility="private")
    other = a_note(number=2)
    for each in (note, other):
        await threads.home.receive(creating(each))
    wider = replace(note, to=(PUBLIC,), cc=(), in_reply_to=other.id, content="<p>wider</p>", updated=later)
    assert await threads.home.receive(updating(wider)) == "done"
    stored = await threads.known(note.id)
    assert stored is not None
    assert (stored.content, stored.visibility, stored.in_reply_to_uri) == ("<p>wider</p>", "private", None)
    async with threads.home.db.reading() as tx:
        assert not await may_see(tx, carol.id, stored)


@pytest.mark.row(53)
@pytest.mark.parametrize("minutes", [0, -1, None])
async def test_a_state_that_is_not_newer_changes_nothing_of_the_post(
    threads: Threads, followed: Account, later: datetime, minutes: int | None
) -> None:
    note = a_note(updated=later, published=later - timedelta(minutes=1))
    await threads.home.receive(creating(note))
    date = None if minutes is None else later + timedelta(minutes=minutes)
    stale = replace(note, content="<p>stale</p>", updated=date, tags=(Hashtag(name="x"),))
    assert await threads.home.receive(updating(stale)) == "done"
    stored = await threads.known(note.id)
    assert stored is not None
    assert (stored.content, stored.edited_at, stored.tags) == ("<p>note 1</p>", later, [])


# Other servers': what is taken over


@pytest.mark.row(53)
async def test_a_newer_state_is_taken_over_and_the_older_ones_are_kept(
    threads: Threads, followed: Account, later: datetime
) -> None:
    note = a_note()
    await threads.home.receive(creating(note))
    for number in (1, 2):
        state = replace(
            note, content=f"<p>state {number}</p>", updated=later + timedelta(milliseconds=number)
        )
        for repeat in (0, 1):
            await threads.home.receive(updating(state, 10 * number + repeat))
    stored = await threads.known(note.id)
    assert stored is not None
    assert await said(threads, None, stored) == ["<p>note 1</p>", "<p>state 1</p>", "<p>state 2</p>"]
    assert stored.edited_at == later + timedelta(milliseconds=2)


async def test_a_date_far_ahead_does_not_make_one_state_new_again_and_again(
    threads: Threads, followed: Account, later: datetime
) -> None:
    note = a_note()
    await threads.home.receive(creating(note))
    ahead = replace(note, content="<p>edited</p>", updated=later + timedelta(hours=3))
    for number in range(3):
        await threads.home.receive(updating(ahead, number))
        threads.home.clock.advance(seconds=1)
    stored = await threads.known(note.id)
    assert stored is not None
    assert len(await said(threads, None, stored)) == 2


@pytest.mark.row(54)
async def test_an_update_of_a_young_post_that_never_came_stands_in_for_it(
    threads: Threads, alice: Account, followed: Account
) -> None:
    now = threads.home.clock.now()
    young = a_note(number=1, published=now - timedelta(hours=23), updated=now, mentions=[alice.uri])
    old = a_note(number=2, published=now - timedelta(hours=25), updated=now)
    undated = a_note(number=3, updated=now)
    for number, note in enumerate((young, old, undated)):
        await threads.home.receive(updating(note, number))
    assert [status.uri for status in await threads.all()] == [young.id]
    late = replace(young, content="<p>before</p>", updated=None)
    assert await threads.home.receive(creating(late)) == "done"
    stored = await threads.known(young.id)
    assert stored is not None
    assert (stored.content, stored.edited_at) == ("<p>note 1</p>", now)
    assert await threads.notified(alice) == [("mention", stored.id)]


@pytest.mark.row(56)
async def test_neither_a_create_nor_an_update_brings_back_what_was_deleted_before_it_came(
    threads: Threads, followed: Account, later: datetime
) -> None:
    note = a_note(published=threads.home.clock.now(), updated=later)
    await threads.home.receive(Delete(id=Uri(f"{BOB}/d/1"), actor=BOB, object=note.id, to=(PUBLIC,)))
    assert (await threads.home.receive(creating(note))).startswith("dropped deleted")
    assert (await threads.home.receive(updating(note))).startswith("dropped deleted")
    assert await threads.all() == []


@pytest.mark.row(55)
@pytest.mark.parametrize("kind", sorted(NOTE_TYPES))
async def test_an_edit_of_any_kind_of_post_is_taken_over(
    threads: Threads, followed: Account, later: datetime, kind: str
) -> None:
    note = a_note(type=kind, name="A title")
    await threads.home.receive(creating(note))
    edited = replace(note, content="<p>new words</p>", name="Another title", updated=later)
    assert await threads.home.receive(updating(edited)) == "done"
    stored = await threads.known(note.id)
    assert stored is not None
    assert "new words" in stored.content
    assert (stored.title, stored.type) == ("Another title", kind)


async def test_somebody_an_edit_names_is_notified_and_whom_it_no_longer_names_still_sees_it(
    threads: Threads, alice: Account, carol: Account, bob: Account, later: datetime
) -> None:
    note = a_note(visibility="direct", mentions=[alice.uri])
    await threads.home.receive(creating(note))
    edited = replace(
        note, to=(Uri(carol.uri),), tags=(Mention(href=Uri(carol.uri)),), content="<p>b</p>", updated=later
    )
    await threads.home.receive(updating(edited))
    stored = await threads.known(note.id)
    assert stored is not None
    assert await threads.notified(carol) == await threads.notified(alice) == [("mention", stored.id)]
    async with threads.home.db.reading() as tx:
        assert await may_see(tx, alice.id, stored)
        assert await may_see(tx, carol.id, stored)
    assert await said(threads, carol, stored) == ["<p>b</p>"]
    assert len(await said(threads, alice, stored)) == 2


async def test_who_boosted_another_servers_post_hears_of_its_edit(
    threads: Threads, alice: Account, followed: Account, later: datetime
) -> None:
    note = a_note()
    await threads.home.receive(creating(note))
    stored = await threads.known(note.id)
    assert stored is not None
    await threads.boosting.boost(alice, stored.id)
    await threads.home.receive(updating(replace(note, content="<p>b</p>", updated=later)))
    assert await threads.notified(alice) == [("update", stored.id)]


async def test_of_a_post_edited_without_end_a_bounded_number_of_states_is_kept(
    threads: Threads, followed: Account, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_STATES", 3)
    note = a_note()
    await threads.home.receive(creating(note))
    for number in range(8):
        state = replace(note, content=f"<p>{number}</p>", updated=later + timedelta(seconds=number))
        await threads.home.receive(updating(state, number))
    async with threads.home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(StatusEdit)) == 4


@pytest.mark.row(94)
async def test_the_numbers_another_server_claims_of_its_post_are_kept_beside_our_own(
    threads: Threads, followed: Account
) -> None:
    note = a_note(likes_claimed=7, shares_claimed=3)
    await threads.home.receive(creating(note))
    await threads.home.receive(updating(replace(note, likes_claimed=9, content="<p>no</p>")))
    stored = await threads.known(note.id)
    assert stored is not None
    assert (stored.likes_claimed, stored.shares_claimed) == (9, 3)
    assert (stored.favourites_count, stored.boosts_count) == (0, 0)
    assert stored.content == "<p>note 1</p>"
