"""Polls: who may vote, what is counted, who hears of it, and when they end. Refusals first."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.models import Fanout, OutboxItem
from fedispace.federation.vocab.activities import Create, Update
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.polls import Poll as WirePoll
from fedispace.federation.vocab.polls import PollOption
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.models import Poll, PollVote, Status
from fedispace.threads.polls import PollDraft
from fedispace.threads.views import view_one
from fedispace.threads.written import Draft
from tests.factories import remote_actor
from tests.threads.conftest import Elsewhere, Threads, a_note, creating

BOB = Uri("https://b.example/users/bob")
TEA = PollDraft(options=("tea", "coffee"), expires_in=3600)


async def ask(threads: Threads, author: Account, poll: PollDraft = TEA, **how: Any) -> Status:
    (status,) = await threads.publishing.publish(author, [Draft(text="which?", poll=poll)], **how)
    return status


def a_vote(status: Status, name: str, *, by: str = BOB, number: int = 1) -> Note:
    return Note(id=Uri(f"{by}#votes/{number}"), attributed_to=Uri(by), name=name, in_reply_to=Uri(status.uri))


async def standing(threads: Threads, status: Status) -> tuple[list[int], int | None]:
    async with threads.home.db.reading() as tx:
        poll = await tx.get(Poll, status.id)
        assert poll is not None
        votes = await tx.scalar(
            select(func.count()).select_from(PollVote).where(PollVote.poll_id == status.id)
        )
        if status.local:
            assert votes == sum(poll.tallies)
        return poll.tallies, poll.voters_count


async def receive(threads: Threads, note: Note, number: int = 1) -> str:
    by = note.attributed_to
    return await threads.home.receive(creating(note, id=Uri(f"{note.id}/activity-{number}"), actor=by))


# What does not count


async def test_a_second_vote_where_one_may_be_cast_does_not_count(
    threads: Threads, alice: Account, bob: Account
) -> None:
    status = await ask(threads, alice)
    assert await receive(threads, a_vote(status, "tea")) == "done"
    for number, name in ((2, "coffee"), (3, "tea")):
        assert (await receive(threads, a_vote(status, name, number=number))).startswith("dropped vote")
    assert await standing(threads, status) == ([1, 0], 1)


async def test_the_same_vote_in_two_activities_counts_once(
    threads: Threads, alice: Account, bob: Account
) -> None:
    status = await ask(threads, alice, replace(TEA, multiple=True))
    for number in (1, 2):
        await receive(threads, a_vote(status, "tea"), number)
    assert await standing(threads, status) == ([1, 0], 1)


async def test_a_vote_after_the_end_does_not_count(threads: Threads, alice: Account, bob: Account) -> None:
    status = await ask(threads, alice)
    threads.home.clock.advance(hours=1)
    assert (await receive(threads, a_vote(status, "tea"))).startswith("dropped vote")
    carol = await threads.home.person("carol")
    with pytest.raises(Conflict):
        await threads.voting.vote(carol, status.id, [0])
    assert await standing(threads, status) == ([0, 0], 0)


async def test_who_is_blocked_cannot_vote_and_is_told_what_a_stranger_is_told(
    threads: Threads, alice: Account, bob: Account, carol: Account
) -> None:
    status = await ask(threads, alice)
    await threads.block(alice, bob)
    await threads.block(alice, carol)
    blocked = await receive(threads, a_vote(status, "tea"))
    nothing = await receive(threads, a_vote(status, "milk", number=2))
    assert blocked == nothing
    with pytest.raises(NotFound):
        await threads.voting.vote(carol, status.id, [0])
    assert await standing(threads, status) == ([0, 0], 0)
    assert await threads.notified(alice) == []


async def test_in_a_poll_for_followers_only_followers_vote(
    threads: Threads, alice: Account, bob: Account, carol: Account
) -> None:
    status = await ask(threads, alice, visibility="private")
    assert (await receive(threads, a_vote(status, "tea"))).startswith("dropped vote")
    with pytest.raises(NotFound):
        await threads.voting.vote(carol, status.id, [0])
    await threads.follow(bob, alice)
    assert await receive(threads, a_vote(status, "tea", number=2)) == "done"
    assert await standing(threads, status) == ([1, 0], 1)


async def test_nobody_votes_in_anothers_name(threads: Threads, alice: Account, bob: Account) -> None:
    status = await ask(threads, alice)
    mallory = await threads.home.stranger(remote_actor("mallory", "b.example"))
    forged = a_vote(status, "tea")
    create = Create(id=Uri(f"{mallory.uri}/c/1"), actor=Uri(mallory.uri), object=forged)
    assert (await threads.home.receive(create)).startswith("dropped attribution_mismatch")
    assert await standing(threads, status) == ([0, 0], 0)


async def test_a_vote_for_what_is_not_asked_or_in_what_is_no_poll_does_not_count(
    threads: Threads, alice: Account, bob: Account
) -> None:
    status = await ask(threads, alice)
    (plain,) = await threads.post(alice, "no question")
    assert (await receive(threads, a_vote(status, "milk"))).startswith("dropped vote")
    assert (await receive(threads, a_vote(plain, "tea", number=2))).startswith("dropped vote")
    assert await standing(threads, status) == ([0, 0], 0)


async def test_nobody_votes_in_their_own_poll_nor_for_what_is_not_there(
    threads: Threads, alice: Account, carol: Account
) -> None:
    status = await ask(threads, alice)
    with pytest.raises(Conflict):
        await threads.voting.vote(alice, status.id, [0])
    for choices in ([], [2], [-1], [0, 1]):
        with pytest.raises(Invalid):
            await threads.voting.vote(carol, status.id, choices)
    (plain,) = await threads.post(alice, "no question")
    with pytest.raises(NotFound):
        await threads.voting.vote(carol, plain.id, [0])


@pytest.mark.parametrize(
    "draft",
    [
        replace(TEA, options=("only one",)),
        replace(TEA, options=tuple(f"{number}" for number in range(9))),
        replace(TEA, options=("tea", " ")),
        replace(TEA, options=("tea", "x" * 51)),
        replace(TEA, options=("tea", "Tea ")),
        replace(TEA, expires_in=299),
        replace(TEA, expires_in=15_778_477),
    ],
)
async def test_a_poll_that_cannot_be_asked_publishes_nothing(
    threads: Threads, alice: Account, draft: PollDraft
) -> None:
    with pytest.raises(Invalid):
        await ask(threads, alice, draft)
    assert await threads.all() == []


async def test_a_thread_asks_one_question(threads: Threads, alice: Account) -> None:
    with pytest.raises(Invalid):
        await threads.publishing.publish(alice, [Draft(text="a", poll=TEA), Draft(text="b", poll=TEA)])
    assert await threads.all() == []


# What counts


async def test_votes_from_here_and_elsewhere_are_added_up_and_are_no_posts(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    status = await ask(threads, alice)
    await threads.voting.vote(carol, status.id, [1])
    assert await receive(threads, a_vote(status, "tea")) == "done"
    assert await standing(threads, status) == ([1, 1], 2)
    assert [post.id for post in await threads.all()] == [status.id]
    assert (await threads.again(status)).replies_count == 0
    assert await threads.notified(alice) == []


async def test_where_many_may_be_chosen_each_choice_counts_and_the_voter_once(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    status = await ask(threads, alice, replace(TEA, multiple=True))
    await threads.voting.vote(carol, status.id, [0, 1, 1])
    for number, name in ((1, "tea"), (2, "coffee")):
        assert await receive(threads, a_vote(status, name, number=number)) == "done"
    assert await standing(threads, status) == ([2, 2], 2)


async def test_voting_again_the_same_changes_nothing_and_another_way_is_refused(
    threads: Threads, alice: Account, carol: Account
) -> None:
    status = await ask(threads, alice)
    for _ in range(2):
        await threads.voting.vote(carol, status.id, [0])
    with pytest.raises(Conflict):
        await threads.voting.vote(carol, status.id, [1])
    assert await standing(threads, status) == ([1, 0], 1)


async def test_many_who_vote_at_once_are_all_counted_and_nobody_twice(
    threads: Threads, alice: Account
) -> None:
    status = await ask(threads, alice)
    voters = [await threads.home.person(f"voter{number}") for number in range(8)]
    await asyncio.gather(
        *(threads.voting.vote(voter, status.id, [index % 2]) for index, voter in enumerate(voters)),
        *(threads.voting.vote(voters[0], status.id, [0]) for _ in range(4)),
    )
    assert await standing(threads, status) == ([4, 4], 8)


# Who hears of it


async def test_a_poll_goes_out_as_a_question(threads: Threads, alice: Account) -> None:
    status = await ask(threads, alice)
    (create,) = await threads.sent(Create)
    assert create.object.type == "Question"
    assert create.object.poll.options == (PollOption(name="tea", votes=0), PollOption(name="coffee", votes=0))
    assert create.object.poll.end_time == threads.home.clock.now() + timedelta(hours=1)
    assert status.type == "Question"


async def told(threads: Threads) -> list[tuple[Note, list[int]]]:
    """Return the updates that went out, each with the accounts it was sent to by name."""
    updates = await threads.sent(Update)
    async with threads.home.db.reading() as tx:
        items = await tx.scalars(
            select(OutboxItem).join(Fanout, Fanout.id == OutboxItem.id)
            .where(OutboxItem.type == "Update").order_by(OutboxItem.id)
        )  # fmt: skip
        audiences = [list(item.audience["actors"]) for item in items]
    return list(zip((update.object for update in updates), audiences, strict=True))


async def test_the_news_of_many_votes_go_out_once_a_few_minutes_later_to_who_voted(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    status = await ask(threads, alice)
    await threads.voting.vote(carol, status.id, [1])
    await receive(threads, a_vote(status, "tea"))
    await threads.settle()
    assert await told(threads) == []
    threads.home.clock.advance(minutes=3)
    await threads.settle()
    ((note, actors),) = await told(threads)
    assert note.poll is not None
    assert [option.votes for option in note.poll.options] == [1, 1]
    assert (note.poll.voters_count, note.updated) == (2, None)
    assert actors == [bob.id]
    assert not {carol.uri, bob.uri} & {*note.to, *note.cc}
    await threads.settle()
    assert len(await told(threads)) == 1


async def test_at_its_end_a_poll_is_told_and_its_author_and_voters_are_notified_once(
    threads: Threads, alice: Account, carol: Account, bob: Account
) -> None:
    status = await ask(threads, alice, replace(TEA, hides_totals=True))
    await threads.voting.vote(carol, status.id, [1])
    await receive(threads, a_vote(status, "tea"))
    threads.home.clock.advance(minutes=4)
    await threads.settle()
    ((early, _),) = await told(threads)
    assert early.poll is not None
    assert [option.votes for option in early.poll.options] == [None, None]
    threads.home.clock.advance(hours=1)
    await threads.settle()
    await threads.poll_news.close_due()
    await threads.poll_news.close({"poll": status.id})
    (_, (last, _)) = await told(threads)
    assert last.poll is not None
    assert last.poll.closed == status.created_at + timedelta(hours=1)
    assert [option.votes for option in last.poll.options] == [1, 1]
    assert await threads.notified(alice) == await threads.notified(carol) == [("poll", status.id)]


async def test_a_poll_whose_job_was_lost_is_closed_by_housekeeping(threads: Threads, alice: Account) -> None:
    status = await ask(threads, alice)
    threads.home.clock.advance(hours=2)
    await threads.poll_news.close_due()
    assert await threads.notified(alice) == [("poll", status.id)]


async def test_the_news_of_a_poll_for_followers_go_to_no_former_follower(
    threads: Threads, alice: Account, bob: Account
) -> None:
    status = await ask(threads, alice, visibility="private")
    await threads.follow(bob, alice)
    await receive(threads, a_vote(status, "tea"))
    threads.home.clock.advance(minutes=4)
    await threads.settle()
    ((_, actors),) = await told(threads)
    assert actors == []


# Polls of other servers


def question(by: str = BOB, *votes: int | None, **more: Any) -> Note:
    counts = votes or (2, 1)
    fields: dict[str, Any] = {
        "options": (PollOption(name="tea", votes=counts[0]), PollOption(name="coffee", votes=counts[1])),
        "voters_count": 3,
        **more.pop("poll", {}),
    }
    return a_note(by, type="Question", poll=WirePoll(**fields), **more)


@pytest.fixture
async def asked(threads: Threads, alice: Account, elsewhere: Elsewhere, dora: Actor) -> Status:
    """A poll of dora@d.example, whom alice follows."""
    await threads.follow(alice, await threads.home.stranger(dora))
    note = question(dora.id, poll={"end_time": threads.home.clock.now() + timedelta(hours=1)})
    elsewhere.show(note)
    assert await threads.home.receive(creating(note)) == "done"
    status = await threads.known(note.id)
    assert status is not None
    return status


async def test_a_vote_elsewhere_is_sent_to_the_author_alone_one_note_for_each_choice(
    threads: Threads, alice: Account, asked: Status, dora: Actor
) -> None:
    await threads.voting.vote(alice, asked.id, [1])
    await threads.voting.vote(alice, asked.id, [1])
    (create,) = await threads.sent(Create)
    vote = create.object
    assert (vote.type, vote.name, vote.content, vote.in_reply_to) == ("Note", "coffee", "", asked.uri)
    assert create.to == vote.to == (dora.id,)
    assert create.cc == vote.cc == ()
    async with threads.home.db.reading() as tx:
        item = (await tx.scalars(select(OutboxItem))).one()
        shown = await view_one(tx, asked, alice.id)
    assert (item.public, item.audience) == (False, {"followers": False, "actors": [asked.account_id]})
    assert shown.poll is not None
    assert shown.poll.own_votes == (1,)
    assert await standing(threads, asked) == ([2, 2], 4)


@pytest.mark.row(53)
async def test_an_update_without_a_newer_date_is_news_of_the_votes_and_of_nothing_else(
    threads: Threads, asked: Status, dora: Actor
) -> None:
    news = question(dora.id, 5, 4, content="<p>something else</p>", poll={"voters_count": 9})
    update = Update(id=Uri(f"{dora.id}/u/1"), actor=dora.id, object=news)
    assert await threads.home.receive(update) == "done"
    late = replace(update, id=Uri(f"{dora.id}/u/0"), object=question(dora.id, 3, 1))
    await threads.home.receive(late)
    assert await standing(threads, asked) == ([5, 4], 9)
    now = await threads.again(asked)
    assert (now.content, now.edited_at) == ("<p>note 1</p>", None)


async def test_news_of_another_question_are_not_taken_for_votes(
    threads: Threads, asked: Status, dora: Actor
) -> None:
    other = WirePoll(options=(PollOption(name="wine", votes=9), PollOption(name="beer", votes=9)))
    update = Update(id=Uri(f"{dora.id}/u/1"), actor=dora.id, object=replace(question(dora.id), poll=other))
    await threads.home.receive(update)
    assert await standing(threads, asked) == ([2, 1], 3)


async def test_a_poll_that_is_looked_at_is_fetched_when_what_is_known_is_old_and_not_before(
    threads: Threads, asked: Status, elsewhere: Elsewhere, dora: Actor
) -> None:
    elsewhere.show(question(dora.id, 7, 7))
    path = asked.uri.removeprefix(elsewhere.origin)
    for minutes, asks in ((0, 0), (4, 1), (0, 1), (4, 2)):
        threads.home.clock.advance(minutes=minutes)
        for _ in range(3):
            await threads.poll_news.look([asked])
        await threads.settle()
        assert elsewhere.asked.count(path) == asks
    assert await standing(threads, asked) == ([7, 7], 3)


async def test_a_server_that_does_not_answer_is_not_asked_again_at_once(
    threads: Threads, asked: Status, elsewhere: Elsewhere
) -> None:
    elsewhere.is_down = True
    threads.home.clock.advance(minutes=4)
    for _ in range(3):
        await threads.poll_news.look([asked])
        await threads.settle()
    assert elsewhere.asked.count(asked.uri.removeprefix(elsewhere.origin)) == 1
    assert await standing(threads, asked) == ([2, 1], 3)


async def test_who_voted_elsewhere_is_notified_at_the_end_with_the_last_count(
    threads: Threads, alice: Account, carol: Account, asked: Status, elsewhere: Elsewhere, dora: Actor
) -> None:
    await threads.voting.vote(alice, asked.id, [0])
    end = threads.home.clock.now() + timedelta(hours=1)
    elsewhere.show(question(dora.id, 8, 1, poll={"end_time": end, "closed": end}))
    threads.home.clock.advance(hours=2)
    await threads.settle()
    assert await threads.notified(alice) == [("poll", asked.id)]
    assert await threads.notified(carol) == []
    assert (await standing(threads, asked))[0] == [8, 1]


async def test_a_poll_its_author_ends_early_ends_here_too(
    threads: Threads, alice: Account, asked: Status, dora: Actor, elsewhere: Elsewhere
) -> None:
    await threads.voting.vote(alice, asked.id, [0])
    ended = question(dora.id, 8, 1, poll={"is_closed": True})
    elsewhere.show(ended)
    await threads.home.receive(Update(id=Uri(f"{dora.id}/u/1"), actor=dora.id, object=ended))
    await threads.settle()
    assert await threads.notified(alice) == [("poll", asked.id)]


async def test_a_poll_with_other_options_is_another_and_its_votes_are_gone(
    threads: Threads, alice: Account, asked: Status, dora: Actor
) -> None:
    await threads.voting.vote(alice, asked.id, [0])
    other = WirePoll(options=(PollOption(name="wine", votes=0), PollOption(name="beer", votes=0)))
    edited = replace(question(dora.id), poll=other, updated=threads.home.clock.now() + timedelta(minutes=1))
    await threads.home.receive(Update(id=Uri(f"{dora.id}/u/1"), actor=dora.id, object=edited))
    async with threads.home.db.reading() as tx:
        shown = await view_one(tx, await threads.again(asked), alice.id)
    assert shown.poll is not None
    assert (shown.poll.poll.options, shown.poll.own_votes) == (["wine", "beer"], ())
