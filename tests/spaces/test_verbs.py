"""What people do in a room: hands, invitations, and what they see."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from fedispace.clock import ManualClock
from fedispace.config import Spaces as Limits
from fedispace.errors import Conflict, FedispaceError, Forbidden, Invalid, NotFound
from fedispace.spaces import members
from fedispace.spaces.fediverse.guest_answers import GuestAnswers
from fedispace.spaces.verbs.inviting import parse_offer
from tests.spaces.floor import COHOST, HOST, LISTENER, SPEAKER, Floor, Heard, floor  # noqa: F401
from tests.spaces.town import Town


async def test_a_hand_goes_up_is_approved_and_its_owner_is_on_stage_with_the_microphone_off(
    floor: Floor,  # noqa: F811
) -> None:
    async with Heard(floor.town, floor.id) as heard:
        await floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=True)
        assert heard() == [{"event": "hands", "count": 1}, {"event": "queue"}]
        await floor.town.verbs.hands.approve(floor.carol, floor.id, floor.bob)
        told = {message["event"]: message for message in heard()}
    assert told["you"] == {
        "event": "you",
        "account_id": str(floor.bob),
        "what": "approved",
        "role": "speaker",
    }
    assert [seat["role"] for seat in told["stage"]["stage"]] == ["host", "cohost", "speaker", "speaker"]
    assert told["hands"]["count"] == 0
    row = await floor.row("bob")
    assert (row.role, row.hand_at, row.has_mic_on) == ("speaker", None, False)


async def test_the_queue_is_in_the_order_of_hands_and_for_hosts_only(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    for name in ("dan", "eve"):
        await floor.come(name)
    for name in ("eve", "bob", "dan"):
        clock.advance(seconds=1)
        await floor.town.verbs.hands.raise_hand(floor.people[name].id, floor.id, up=True)
    await floor.town.verbs.hands.raise_hand(floor.eve, floor.id, up=True)  # keeps the place
    view = await floor.seen_by("carol")
    assert [hand.account.username for hand in view.queue] == ["eve", "bob", "dan"]
    mine = await floor.seen_by("dan")
    assert (mine.queue, mine.hand_count, mine.you.hand_position) == ((), 3, 3)
    await floor.town.verbs.hands.decline(floor.alice, floor.id, floor.eve)
    await floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=False)
    assert (await floor.seen_by("dan")).you.hand_position == 1


async def test_a_hand_that_went_down_is_not_approved(floor: Floor) -> None:  # noqa: F811
    hands = floor.town.verbs.hands
    with pytest.raises(Conflict, match="not up any more"):
        await hands.approve(floor.alice, floor.id, floor.bob)
    await hands.raise_hand(floor.bob, floor.id, up=True)
    await hands.raise_hand(floor.bob, floor.id, up=False)
    with pytest.raises(Conflict, match="not up any more"):
        await hands.approve(floor.alice, floor.id, floor.bob)
    with pytest.raises(Conflict, match="on stage already"):
        await hands.raise_hand(floor.sam, floor.id, up=True)


@pytest.mark.parametrize(("policy", "refused"), [("request", 0), ("followers", 1), ("invited", 2)])
async def test_who_may_ask_to_speak_is_the_hosts_choice(floor: Floor, policy: str, refused: int) -> None:  # noqa: F811
    fan = await floor.come("fan")
    await floor.town.follow(floor.people["fan"], floor.people["alice"])
    async with floor.town.db.transaction() as tx:
        (await members.locked(tx, floor.id)).speak_policy = policy
    count = 0
    for who in (fan, floor.bob):
        try:
            await floor.town.verbs.hands.raise_hand(who, floor.id, up=True)
        except Forbidden:
            count += 1
    assert count == refused


async def test_of_two_approvals_for_the_last_seat_one_is_refused_in_the_words_of_the_room(
    tmp_path: Path, clock: ManualClock
) -> None:
    town = await Town.open(tmp_path, clock, "https://a.example", limits=Limits(max_speakers=3))
    alice = await town.resident("alice")
    small = Floor(town, await town.live_space(alice), {"alice": alice})
    await small.come("carol", COHOST)
    for name in ("bob", "dan"):
        await small.come(name)
        await town.verbs.hands.raise_hand(small.people[name].id, small.id, up=True)
    tries = await asyncio.gather(
        town.verbs.hands.approve(small.alice, small.id, small.bob),
        town.verbs.hands.approve(small.carol, small.id, small.dan),
        return_exceptions=True,
    )
    [refusal] = [each for each in tries if isinstance(each, BaseException)]
    assert isinstance(refusal, Conflict)
    assert refusal.detail == "Stage is full (3). Move someone to the audience."
    view = await small.seen_by("alice")
    assert (len(view.stage), view.hand_count) == (3, 1)
    [waiting] = view.queue
    moved = next(seat.account.id for seat in view.stage if seat.role is SPEAKER)
    await town.verbs.ordering.move(small.alice, small.id, moved)
    await town.verbs.hands.approve(small.alice, small.id, waiting.account.id)
    await town.close()


async def test_a_hand_lowered_and_approved_at_once_leaves_one_truth(floor: Floor) -> None:  # noqa: F811
    hands = floor.town.verbs.hands
    await hands.raise_hand(floor.bob, floor.id, up=True)
    tries = await asyncio.gather(
        hands.raise_hand(floor.bob, floor.id, up=False),
        hands.approve(floor.alice, floor.id, floor.bob),
        hands.approve(floor.carol, floor.id, floor.bob),
        return_exceptions=True,
    )
    role = await floor.role("bob")
    approved = sum(each is None for each in tries[1:])
    assert approved == (role is SPEAKER)
    assert (await floor.row("bob")).hand_at is None


@pytest.mark.attack(103)
async def test_a_removal_and_an_approval_at_once_end_outside(floor: Floor) -> None:  # noqa: F811
    await floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=True)
    await asyncio.gather(
        floor.town.verbs.removing.remove(floor.alice, floor.id, floor.bob),
        floor.town.verbs.hands.approve(floor.carol, floor.id, floor.bob),
        return_exceptions=True,
    )
    row = await floor.row("bob")
    assert (row.role, row.removed_at is not None) == ("listener", True)


async def test_an_invitation_is_answered_by_who_was_asked(floor: Floor) -> None:  # noqa: F811
    inviting = floor.town.verbs.inviting
    with pytest.raises(Conflict, match="not invited"):
        await inviting.answer(floor.bob, floor.id, accept=True)
    async with Heard(floor.town, floor.id) as heard:
        await inviting.invite(floor.carol, floor.id, floor.bob, "speaker")
        await inviting.invite(floor.carol, floor.id, floor.bob, "speaker")
        assert [m["what"] for m in heard() if m["event"] == "you"] == ["invited"]
    assert (await floor.seen_by("bob")).you.row.invited_as == "speaker"  # type: ignore[union-attr]
    await inviting.answer(floor.bob, floor.id, accept=False)
    assert await floor.role("bob") is LISTENER
    await inviting.invite(floor.carol, floor.id, floor.bob, "speaker")
    await inviting.answer(floor.bob, floor.id, accept=True)
    row = await floor.row("bob")
    assert (row.role, row.invited_as, row.has_mic_on) == ("speaker", None, False)


async def test_a_speaker_becomes_cohost_at_once_and_a_listener_is_asked_and_only_by_the_host(
    floor: Floor,  # noqa: F811
) -> None:
    inviting = floor.town.verbs.inviting
    with pytest.raises(Forbidden, match="Only the host can"):
        await inviting.invite(floor.carol, floor.id, floor.sam, "cohost")
    await inviting.invite(floor.alice, floor.id, floor.sam, "cohost")
    assert await floor.role("sam") is COHOST
    with pytest.raises(Conflict, match="2 co-hosts already"):
        await inviting.invite(floor.alice, floor.id, floor.bob, "cohost")
    await floor.town.verbs.handing.demote(floor.alice, floor.id, floor.sam)
    assert await floor.role("sam") is SPEAKER
    await inviting.invite(floor.alice, floor.id, floor.bob, "cohost")
    assert await floor.role("bob") is LISTENER
    await inviting.answer(floor.bob, floor.id, accept=True)
    assert await floor.role("bob") is COHOST
    with pytest.raises(Invalid):
        parse_offer("host")


async def test_the_event_names_new_cohosts_in_an_update(floor: Floor) -> None:  # noqa: F811
    before = len(await floor.town.sent())
    await floor.town.verbs.inviting.invite(floor.alice, floor.id, floor.sam, "cohost")
    update, add = (await floor.town.sent())[before:]
    assert (update["type"], add["type"]) == ("Update", "Add")
    assert update["object"]["organizers"]["totalItems"] == 3
    await floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=True)
    await floor.town.verbs.hands.approve(floor.alice, floor.id, floor.bob)
    assert len(await floor.town.sent()) == before + 2


async def test_who_blocks_the_host_or_was_sent_out_is_not_invited(floor: Floor) -> None:  # noqa: F811
    inviting = floor.town.verbs.inviting
    await floor.come("dan")
    await floor.town.block(floor.people["dan"], floor.people["alice"])
    with pytest.raises(Forbidden):
        await inviting.invite(floor.carol, floor.id, floor.dan, "speaker")
    await floor.town.verbs.removing.remove(floor.alice, floor.id, floor.bob)
    with pytest.raises(Conflict, match="let them in again"):
        await inviting.invite(floor.carol, floor.id, floor.bob, "speaker")
    with pytest.raises(NotFound):
        await inviting.invite(floor.carol, floor.id, 1, "speaker")
    with pytest.raises(NotFound):
        await inviting.invite_by_handle(floor.carol, floor.id, "@nobody@a.example", "speaker")


async def test_an_invited_guest_gets_in_and_a_guest_who_declines_is_none(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.hosting.create(alice, title="Among friends", access="invited")
    with pytest.raises(NotFound):
        await town.passes.grant(bob.id, space.id)
    await town.verbs.inviting.invite(alice.id, space.id, bob.id, "listener")
    await town.passes.grant(bob.id, space.id)
    await town.verbs.inviting.answer(bob.id, space.id, accept=False)
    with pytest.raises(NotFound):
        await town.passes.grant(bob.id, space.id)


async def test_whoever_was_only_let_in_by_an_invitation_is_not_when_it_is_withdrawn(
    town: Town, clock: ManualClock
) -> None:
    alice, bob, carol = [await town.resident(name) for name in ("alice", "bob", "carol")]
    space = await town.hosting.create(alice, title="Among friends", access="invited")
    inviting = town.verbs.inviting
    await inviting.invite(alice.id, space.id, carol.id, "listener")
    clock.advance(minutes=1)
    await inviting.answer(carol.id, space.id, accept=True)
    for guest in (bob, carol):
        await inviting.invite(alice.id, space.id, guest.id, "speaker")
        await town.passes.grant(guest.id, space.id)
    assert [(one.account.username, one.offered) for one in await inviting.listed(alice.id, space.id)] == [
        ("carol", SPEAKER), ("bob", SPEAKER),
    ]  # fmt: skip
    for guest in (bob, carol):
        await inviting.withdraw(alice.id, space.id, guest.id)
    assert await inviting.listed(alice.id, space.id) == []
    with pytest.raises(NotFound):
        await town.passes.grant(bob.id, space.id)
    await town.passes.grant(carol.id, space.id)


async def test_before_it_is_live_and_after_it_is_over_nothing_is_done(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.hosting.create(alice, title="Soon")
    with pytest.raises(Conflict, match="not started"):
        await town.verbs.hands.raise_hand(bob.id, space.id, up=True)
    await town.hosting.open(alice, space.id)
    await town.hosting.close(alice, space.id)
    with pytest.raises(Conflict, match="over"):
        await town.verbs.hands.raise_hand(bob.id, space.id, up=True)
    with pytest.raises(FedispaceError):
        await town.verbs.inviting.invite(alice.id, space.id, bob.id, "speaker")


async def test_listeners_are_a_number_until_one_chooses_to_be_named(floor: Floor) -> None:  # noqa: F811
    await floor.connect("bob", "listener")
    assert (await floor.seen_by(None)).shown == ()
    await floor.town.verbs.hands.show_oneself(floor.bob, floor.id, shown=True)
    assert [account.username for account in (await floor.seen_by(None)).shown] == ["bob"]
    await floor.town.verbs.hands.show_oneself(floor.bob, floor.id, shown=False)
    assert (await floor.seen_by(None)).shown == ()


async def test_a_room_says_what_one_may_do_and_whom_one_blocks_there(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    clock.advance(seconds=90)
    assert (await floor.seen_by(None)).you.may == ()
    assert {"raise_hand", "react"} == {str(a) for a in (await floor.seen_by("bob")).you.may}
    assert "end" in (await floor.seen_by("alice")).you.may
    assert "end" not in (await floor.seen_by("carol")).you.may
    await floor.town.block(floor.people["bob"], floor.people["sam"])
    view = await floor.seen_by("bob")
    assert (view.blocked_on_stage, view.elapsed) == (1, 90)
    assert timedelta(seconds=view.elapsed) == timedelta(minutes=1, seconds=30)


async def test_an_answer_that_fails_takes_back_no_offer_that_was_made_meanwhile(floor: Floor) -> None:  # noqa: F811
    """And none that was taken meanwhile: the guest's own server would forget that they are on stage."""
    town, dan = floor.town, await floor.town.neighbour("dan")
    floor.people["dan"] = dan
    inviting = town.verbs.inviting

    class Overtaken:
        def __init__(self, by: str) -> None:
            self._by = by

        async def answer(self, by_id: int, space_id: int, *, accept: bool) -> None:
            if self._by == "a new offer":
                await inviting.withdraw(floor.alice, space_id, by_id)
                await inviting.invite(floor.alice, space_id, by_id, "speaker")
            else:
                await inviting.answer(by_id, space_id, accept=True)
            raise Conflict("Too late.")

    await inviting.invite(floor.alice, floor.id, dan.id, "speaker")
    for overtaken, invited_as, role in (("a new offer", "speaker", LISTENER), ("the guest", None, SPEAKER)):
        arguments = {"space": floor.id, "account": dan.id, "accept": True}
        asked = (await floor.row("dan")).invite_uri
        await GuestAnswers(town.db, town.people, Overtaken(overtaken), town.post).take(
            {**arguments, "invite": asked}
        )
        row = await floor.row("dan")
        assert (row.invited_as, row.role, row.invite_uri is None) == (invited_as, role, False)
