"""What people do in a room: hands, invitations, order, the door, and who hosts."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.config import Spaces as Limits
from fedispace.errors import Conflict, FedispaceError, Forbidden, Invalid, NotFound, Unauthenticated
from fedispace.spaces import members, presence
from fedispace.spaces.inviting import parse_offer
from fedispace.spaces.models import LiveSession, Member, Space
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.room import RoomView, room_of
from fedispace.threads.written import Draft
from tests.spaces.town import Town

HOST, COHOST, SPEAKER, LISTENER = MemberRole


@dataclass
class Floor:
    """A live Space of alice's and those in it, by name."""

    town: Town
    space: Space
    people: dict[str, Account]

    def __getattr__(self, name: str) -> int:
        return self.people[name].id

    @property
    def id(self) -> int:
        return self.space.id

    async def come(self, name: str, role: MemberRole = LISTENER) -> int:
        account = self.people[name] = await self.town.resident(name)
        if role is not LISTENER:
            async with self.town.db.transaction() as tx:
                tx.add(members.born(self.id, account.id, role, self.town.clock.now()))
        return account.id

    async def role(self, name: str) -> MemberRole:
        async with self.town.db.reading() as tx:
            return await members.role_of(tx, self.id, self.people[name].id)

    async def row(self, name: str) -> Member:
        async with self.town.db.reading() as tx:
            row = await members.member(tx, self.id, self.people[name].id)
            assert row is not None
            return row

    async def seen_by(self, name: str | None) -> RoomView:
        viewer = None if name is None else self.people[name].id
        async with self.town.db.reading() as tx:
            return await room_of(tx, self.id, viewer, self.town.clock.now())

    async def connect(self, name: str, role: str) -> str:
        """Write a session of somebody, as if an audio server had it."""
        key = f"{name}-{role}-{len(self.town.orders.hung_up)}"
        now = self.town.clock.now()
        async with self.town.db.transaction() as tx:
            tx.add(
                LiveSession(
                    resource=key,
                    engine_session=key,
                    space_id=self.id,
                    account_id=self.people[name].id,
                    role=role,
                    created_at=now,
                    connected_at=now,
                    sfu="studio",
                )
            )
        return key


@pytest.fixture
async def floor(town: Town) -> Floor:
    alice = await town.resident("alice")
    made = Floor(town, await town.live_space(alice), {"alice": alice})
    for name, role in (("carol", COHOST), ("sam", SPEAKER), ("bob", LISTENER)):
        await made.come(name, role)
    return made


class Heard:
    """What the room's topic was told while this was open."""

    def __init__(self, town: Town, space_id: int) -> None:
        self._bus, self._topic = town.bus, presence.topic(space_id)

    async def __aenter__(self) -> "Heard":
        self._open = self._bus.subscribe(self._topic)
        self._subscription = await self._open.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._open.__aexit__(*failure)

    def __call__(self) -> list[dict[str, Any]]:
        messages = []
        while not self._subscription._messages.empty():
            messages.append(self._subscription._messages.get_nowait()[1])
        return messages


async def test_a_hand_goes_up_is_approved_and_its_owner_is_on_stage_with_the_microphone_off(
    floor: Floor,
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
    floor: Floor, clock: ManualClock
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


async def test_a_hand_that_went_down_is_not_approved(floor: Floor) -> None:
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
async def test_who_may_ask_to_speak_is_the_hosts_choice(floor: Floor, policy: str, refused: int) -> None:
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
    floor = Floor(town, await town.live_space(alice), {"alice": alice})
    await floor.come("carol", COHOST)
    for name in ("bob", "dan"):
        await floor.come(name)
        await town.verbs.hands.raise_hand(floor.people[name].id, floor.id, up=True)
    tries = await asyncio.gather(
        town.verbs.hands.approve(floor.alice, floor.id, floor.bob),
        town.verbs.hands.approve(floor.carol, floor.id, floor.dan),
        return_exceptions=True,
    )
    [refusal] = [each for each in tries if isinstance(each, BaseException)]
    assert isinstance(refusal, Conflict)
    assert refusal.detail == "Stage is full (3). Move someone to the audience."
    view = await floor.seen_by("alice")
    assert (len(view.stage), view.hand_count) == (3, 1)
    [waiting] = view.queue
    moved = next(seat.account.id for seat in view.stage if seat.role is SPEAKER)
    await town.verbs.ordering.move(floor.alice, floor.id, moved)
    await town.verbs.hands.approve(floor.alice, floor.id, waiting.account.id)
    await town.close()


async def test_a_hand_lowered_and_approved_at_once_leaves_one_truth(floor: Floor) -> None:
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
async def test_a_removal_and_an_approval_at_once_end_outside(floor: Floor) -> None:
    await floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=True)
    await asyncio.gather(
        floor.town.verbs.removing.remove(floor.alice, floor.id, floor.bob),
        floor.town.verbs.hands.approve(floor.carol, floor.id, floor.bob),
        return_exceptions=True,
    )
    row = await floor.row("bob")
    assert (row.role, row.removed_at is not None) == ("listener", True)


async def test_an_invitation_is_answered_by_who_was_asked(floor: Floor) -> None:
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
    floor: Floor,
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


async def test_the_event_names_new_cohosts_in_an_update(floor: Floor) -> None:
    before = len(await floor.town.sent())
    await floor.town.verbs.inviting.invite(floor.alice, floor.id, floor.sam, "cohost")
    update, add = (await floor.town.sent())[before:]
    assert (update["type"], add["type"]) == ("Update", "Add")
    assert update["object"]["organizers"]["totalItems"] == 3
    await floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=True)
    await floor.town.verbs.hands.approve(floor.alice, floor.id, floor.bob)
    assert len(await floor.town.sent()) == before + 2


async def test_who_blocks_the_host_or_was_sent_out_is_not_invited(floor: Floor) -> None:
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


async def test_a_soft_mute_ends_by_oneself_and_a_hard_one_by_a_host(floor: Floor) -> None:
    ordering, orders = floor.town.verbs.ordering, floor.town.orders
    await ordering.turn_microphone(floor.sam, floor.id, on=True)
    await ordering.mute(floor.carol, floor.id, floor.sam, hard=False)
    row = await floor.row("sam")
    assert (row.muted_at is not None, row.has_mic_on, row.may_unmute) == (True, False, True)
    assert orders.obeyed[-1] == (floor.id, {floor.sam})
    await ordering.turn_microphone(floor.sam, floor.id, on=True)
    assert (await floor.row("sam")).muted_at is None

    await ordering.mute(floor.alice, floor.id, floor.sam, hard=True)
    await ordering.mute(floor.carol, floor.id, floor.sam, hard=False)  # loosens nothing
    with pytest.raises(Forbidden, match="must let you go"):
        await ordering.turn_microphone(floor.sam, floor.id, on=True)
    await ordering.unmute(floor.alice, floor.id, floor.sam)
    row = await floor.row("sam")
    assert (row.muted_at, row.has_mic_on) == (None, False)
    await ordering.turn_microphone(floor.sam, floor.id, on=True)


async def test_mute_all_spares_who_does_it_and_the_host(floor: Floor) -> None:
    await floor.town.verbs.ordering.mute_all(floor.carol, floor.id)
    muted = {seat.account.username for seat in (await floor.seen_by("bob")).stage if seat.is_muted}
    assert muted == {"sam"}
    await floor.town.verbs.ordering.mute_all(floor.alice, floor.id)
    muted = {seat.account.username for seat in (await floor.seen_by("bob")).stage if seat.is_muted}
    assert muted == {"carol", "sam"}


async def test_who_is_moved_to_the_audience_loses_the_microphone_and_goes_on_listening(floor: Floor) -> None:
    await floor.connect("sam", "speaker")
    await floor.connect("sam", "listener")
    held = await floor.town.passes.grant(floor.sam, floor.id)
    await floor.town.verbs.ordering.move(floor.carol, floor.id, floor.sam)
    assert [session for _, session in floor.town.orders.hung_up] == ["sam-speaker-0"]
    async with floor.town.db.reading() as tx:
        assert [s.role for s in await presence.open_sessions(tx, floor.id, floor.sam)] == ["listener"]
    await floor.town.passes.holder(held.token, floor.id)
    with pytest.raises(Forbidden):
        await floor.town.verbs.ordering.turn_microphone(floor.sam, floor.id, on=True)
    assert (await floor.town.stored(floor.id)).listener_count == 1


async def test_one_leaves_the_stage_by_oneself_but_not_the_host(floor: Floor) -> None:
    await floor.town.verbs.ordering.step_down(floor.carol, floor.id)
    assert await floor.role("carol") is LISTENER
    with pytest.raises(Conflict, match="Hand the Space over"):
        await floor.town.verbs.ordering.step_down(floor.alice, floor.id)


@pytest.mark.attack(104)
async def test_who_is_removed_is_out_until_let_in_and_others_of_the_same_server_are_not(
    floor: Floor,
) -> None:
    removing, passes = floor.town.verbs.removing, floor.town.passes
    await floor.connect("bob", "listener")
    held = await passes.grant(floor.bob, floor.id)
    ticket = (await floor.town.entering.join(floor.people["bob"], floor.id, "listener")).ticket
    assert ticket is not None
    await removing.remove(floor.carol, floor.id, floor.bob)

    assert floor.town.orders.hung_up == [("studio", "bob-listener-0")]
    assert floor.town.orders.obeyed == [(floor.id, {floor.bob})]
    with pytest.raises(Unauthenticated):
        await passes.holder(held.token, floor.id)
    with pytest.raises(Unauthenticated):
        await passes.exchange(ticket, floor.id)
    for attempt in (
        passes.grant(floor.bob, floor.id),
        floor.town.entering.join(floor.people["bob"], floor.id, "listener"),
        floor.town.verbs.hands.raise_hand(floor.bob, floor.id, up=True),
        floor.seen_by("bob"),
    ):
        with pytest.raises(Forbidden, match="sent out"):
            await attempt
    await floor.come("dan")
    await passes.grant(floor.dan, floor.id)

    [gone] = await removing.listed(floor.carol, floor.id)
    assert (gone.account.username, gone.is_banned) == ("bob", False)
    await removing.readmit(floor.carol, floor.id, floor.bob)
    await passes.grant(floor.bob, floor.id)


async def test_a_ban_holds_in_all_spaces_of_the_host_and_in_no_other(floor: Floor) -> None:
    town, removing = floor.town, floor.town.verbs.removing
    second = await town.live_space(floor.people["alice"])
    elsewhere = await town.live_space(floor.people["carol"])
    await removing.ban(floor.carol, floor.id, floor.bob)
    with pytest.raises(Forbidden):
        await town.passes.grant(floor.bob, second.id)
    await town.passes.grant(floor.bob, elsewhere.id)
    assert [one.is_banned for one in await removing.listed(floor.alice, floor.id)] == [True]
    await removing.readmit(floor.alice, floor.id, floor.bob)
    await town.passes.grant(floor.bob, second.id)


async def test_nobody_sends_out_the_host_or_who_made_the_space(floor: Floor) -> None:
    with pytest.raises(Conflict):
        await floor.town.verbs.removing.remove(floor.carol, floor.id, floor.alice)
    await floor.town.verbs.handing.hand_over(floor.alice, floor.id, floor.carol)
    with pytest.raises(Conflict, match="made by them"):
        await floor.town.verbs.removing.ban(floor.carol, floor.id, floor.alice)


async def test_a_paused_room_is_silent_and_goes_on_as_it_was(floor: Floor) -> None:
    pausing, ordering = floor.town.verbs.pausing, floor.town.verbs.ordering
    await ordering.turn_microphone(floor.sam, floor.id, on=True)
    async with Heard(floor.town, floor.id) as heard:
        await pausing.pause(floor.carol, floor.id)
        await pausing.pause(floor.alice, floor.id)
        assert heard() == [{"event": "paused", "is_paused": True}]
    assert floor.town.orders.obeyed[-1] == (floor.id, {floor.alice, floor.carol, floor.sam})
    with pytest.raises(Conflict, match="paused"):
        await ordering.turn_microphone(floor.carol, floor.id, on=True)
    announcement = (await floor.town.stored(floor.id)).announcement_id
    publishing = floor.town._publishing()
    with pytest.raises(Conflict, match="paused"):
        await publishing.publish(floor.people["bob"], [Draft(text="Hm?")], in_reply_to_id=announcement)
    carol = floor.people["carol"]
    await publishing.publish(carol, [Draft(text="A moment, please.")], in_reply_to_id=announcement)
    await pausing.resume(floor.carol, floor.id)
    await publishing.publish(floor.people["bob"], [Draft(text="Hm?")], in_reply_to_id=announcement)
    assert (await floor.row("sam")).has_mic_on


async def test_the_room_is_handed_over_and_then_the_heir_ends_it(floor: Floor) -> None:
    town, handing = floor.town, floor.town.verbs.handing
    with pytest.raises(Forbidden):
        await town.hosting.close(floor.people["carol"], floor.id)
    with pytest.raises(Conflict, match="a listener"):
        await handing.hand_over(floor.alice, floor.id, floor.bob)
    await handing.hand_over(floor.alice, floor.id, floor.sam)
    assert [await floor.role(name) for name in ("sam", "alice", "carol")] == [HOST, COHOST, COHOST]
    with pytest.raises(Forbidden):
        await town.hosting.close(floor.people["alice"], floor.id)
    await town.hosting.close(floor.people["sam"], floor.id)
    update = (await town.sent())[-1]
    assert update["actor"] == floor.people["alice"].uri


@pytest.mark.attack(103)
@pytest.mark.parametrize("by", ["sam", "bob", "stranger"])
async def test_neither_speakers_nor_listeners_keep_order(floor: Floor, by: str) -> None:
    verbs = floor.town.verbs
    await floor.come("dan", SPEAKER)
    await floor.come("stranger")
    await verbs.hands.raise_hand(floor.bob, floor.id, up=True)
    who, at = floor.people[by].id, floor.id
    for attempt in (
        verbs.hands.approve(who, at, floor.bob),
        verbs.hands.decline(who, at, floor.bob),
        verbs.inviting.invite(who, at, floor.bob, "speaker"),
        verbs.inviting.invite_by_handle(who, at, "@bob@nowhere.example", "speaker"),
        verbs.ordering.mute(who, at, floor.dan, hard=True),
        verbs.ordering.unmute(who, at, floor.dan),
        verbs.ordering.mute_all(who, at),
        verbs.ordering.move(who, at, floor.dan),
        verbs.removing.remove(who, at, floor.dan),
        verbs.removing.ban(who, at, floor.dan),
        verbs.removing.readmit(who, at, floor.dan),
        verbs.removing.listed(who, at),
        verbs.pausing.pause(who, at),
        verbs.handing.hand_over(who, at, floor.dan),
        verbs.handing.demote(who, at, floor.carol),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert len((await floor.seen_by("alice")).stage) == 4


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


async def test_listeners_are_a_number_until_one_chooses_to_be_named(floor: Floor) -> None:
    await floor.connect("bob", "listener")
    assert (await floor.seen_by(None)).shown == ()
    await floor.town.verbs.hands.show_oneself(floor.bob, floor.id, shown=True)
    assert [account.username for account in (await floor.seen_by(None)).shown] == ["bob"]
    await floor.town.verbs.hands.show_oneself(floor.bob, floor.id, shown=False)
    assert (await floor.seen_by(None)).shown == ()


async def test_a_room_says_what_one_may_do_and_whom_one_blocks_there(
    floor: Floor, clock: ManualClock
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
