"""How hosts keep order: microphones, the door, the pause, and who hosts."""

import pytest
from sqlalchemy import select

from fedispace.accounts.models import DomainMute
from fedispace.errors import Conflict, Forbidden, Unauthenticated
from fedispace.spaces import presence
from fedispace.spaces.models import HostBan
from fedispace.spaces.oversight import Oversight
from fedispace.spaces.sound.intruders import intruders
from fedispace.threads.written import Draft
from tests.spaces.floor import COHOST, HOST, LISTENER, SPEAKER, Floor, Heard, floor  # noqa: F401


async def test_a_soft_mute_ends_by_oneself_and_a_hard_one_by_a_host(floor: Floor) -> None:  # noqa: F811
    ordering, orders = floor.town.verbs.ordering, floor.town.orders
    await ordering.turn_microphone(floor.sam, floor.id, on=True)
    await ordering.mute(floor.carol, floor.id, floor.sam, hard=False)
    row = await floor.row("sam")
    assert (row.muted_at is not None, row.has_mic_on, row.may_unmute) == (True, False, True)
    async with floor.town.db.reading() as tx:
        [seat] = [
            one for one in await presence.told_stage(tx, floor.id) if one["account"]["id"] == str(floor.sam)
        ]
    assert (seat["is_muted"], seat["may_unmute"]) == (True, True), "a host is not offered to let her unmute"
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


async def test_mute_all_spares_who_does_it_and_the_host(floor: Floor) -> None:  # noqa: F811
    await floor.town.verbs.ordering.mute_all(floor.carol, floor.id)
    muted = {seat.account.username for seat in (await floor.seen_by("bob")).stage if seat.is_muted}
    assert muted == {"sam"}
    await floor.town.verbs.ordering.mute_all(floor.alice, floor.id)
    muted = {seat.account.username for seat in (await floor.seen_by("bob")).stage if seat.is_muted}
    assert muted == {"carol", "sam"}


async def test_who_is_moved_to_the_audience_loses_the_microphone_and_goes_on_listening(floor: Floor) -> None:  # noqa: F811
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


async def test_one_leaves_the_stage_by_oneself_but_not_the_host(floor: Floor) -> None:  # noqa: F811
    await floor.town.verbs.ordering.step_down(floor.carol, floor.id)
    assert await floor.role("carol") is LISTENER
    with pytest.raises(Conflict, match="Hand the Space over"):
        await floor.town.verbs.ordering.step_down(floor.alice, floor.id)


@pytest.mark.attack(104)
async def test_who_is_removed_is_out_until_let_in_and_others_of_the_same_server_are_not(
    floor: Floor,  # noqa: F811
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


async def test_a_ban_holds_in_all_spaces_of_the_host_and_in_no_other(floor: Floor) -> None:  # noqa: F811
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


async def test_a_ban_after_the_room_was_handed_over_is_the_new_hosts_and_not_of_who_made_it(
    floor: Floor,  # noqa: F811
) -> None:
    town, removing, grant = floor.town, floor.town.verbs.removing, floor.town.passes.grant
    of_alice = await town.live_space(floor.people["alice"])
    of_sam = await town.live_space(floor.people["sam"])
    await town.verbs.handing.hand_over(floor.alice, floor.id, floor.sam)
    await removing.ban(floor.carol, floor.id, floor.bob)  # a co-host, for who hosts it
    async with town.db.reading() as tx:
        [ban] = await tx.scalars(select(HostBan))
        assert (ban.host_id, ban.account_id, ban.banned_by) == (floor.sam, floor.bob, floor.carol)
    await grant(floor.bob, of_alice.id)
    for closed in (floor.id, of_sam.id):
        with pytest.raises(Forbidden):
            await grant(floor.bob, closed)
    assert [one.is_banned for one in await removing.listed(floor.sam, floor.id)] == [True]
    with pytest.raises(Conflict, match="let them in again"):
        await town.verbs.inviting.invite(floor.sam, floor.id, floor.bob, "speaker")

    await removing.readmit(floor.sam, floor.id, floor.bob)
    await grant(floor.bob, of_sam.id)


async def test_a_new_host_neither_lifts_the_bans_of_who_made_the_space_nor_keeps_them_out(
    floor: Floor,  # noqa: F811
) -> None:
    town, removing = floor.town, floor.town.verbs.removing
    of_sam = await town.live_space(floor.people["sam"])
    await floor.come("dan")
    await removing.ban(floor.sam, of_sam.id, floor.dan)
    await removing.ban(floor.sam, of_sam.id, floor.alice)
    await removing.ban(floor.alice, floor.id, floor.bob)
    await town.passes.grant(floor.dan, floor.id)
    await town.verbs.handing.hand_over(floor.alice, floor.id, floor.sam)
    with pytest.raises(Forbidden):
        await town.passes.grant(floor.dan, floor.id)  # whom the new host bans is out here, too
    await town.passes.grant(floor.alice, floor.id)
    for by in (floor.sam, floor.carol):
        with pytest.raises(Forbidden, match="Who made this Space"):
            await removing.readmit(by, floor.id, floor.bob)
    await removing.readmit(floor.alice, floor.id, floor.bob)
    await town.passes.grant(floor.bob, floor.id)


async def test_whom_the_host_of_another_space_keeps_out_is_not_sent_out_of_this_one(floor: Floor) -> None:  # noqa: F811
    town, far = floor.town, await floor.town.stranger("far")
    await floor.come("dan")
    elsewhere = await town.live_space(floor.people["dan"])
    await town.verbs.removing.ban(floor.dan, elsewhere.id, floor.bob)
    await town.block(floor.people["dan"], floor.people["carol"])
    async with town.db.transaction() as tx:
        tx.add(
            DomainMute(
                id=town.ids.next(), account_id=floor.dan, domain=far.domain, created_at=town.clock.now()
            )
        )
    await town.verbs.handing.hand_over(floor.alice, floor.id, floor.sam)
    for account_id in (floor.bob, floor.carol, far.id):
        await town.passes.grant(account_id, floor.id)
    async with town.db.reading() as tx:
        assert await intruders(tx, town.clock.now(), ()) == []


async def test_nobody_sends_out_the_host_or_who_made_the_space(floor: Floor) -> None:  # noqa: F811
    with pytest.raises(Conflict):
        await floor.town.verbs.removing.remove(floor.carol, floor.id, floor.alice)
    await floor.town.verbs.handing.hand_over(floor.alice, floor.id, floor.carol)
    with pytest.raises(Conflict, match="made by them"):
        await floor.town.verbs.removing.ban(floor.carol, floor.id, floor.alice)


async def test_a_paused_room_is_silent_and_goes_on_as_it_was(floor: Floor) -> None:  # noqa: F811
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


async def test_the_room_is_handed_over_and_then_the_heir_ends_it(floor: Floor) -> None:  # noqa: F811
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
@pytest.mark.parametrize("before", [False, True])
async def test_whom_the_operator_keeps_out_no_host_lets_in(floor: Floor, before: bool) -> None:  # noqa: F811
    """Whether or not the host had banned them before."""
    town, removing, alice, bob = (
        floor.town,
        floor.town.verbs.removing,
        floor.people["alice"],
        floor.people["bob"],
    )
    if before:
        await removing.ban(floor.alice, floor.id, floor.bob)
    oversight = Oversight(town.db, town.clock, town.hosting)
    await oversight.ban_from(alice, bob)
    for by in (floor.alice, floor.carol):
        with pytest.raises(Forbidden, match="operator"):
            await removing.readmit(by, floor.id, floor.bob)
    with pytest.raises(Forbidden):
        await town.passes.grant(floor.bob, floor.id)

    await oversight.lift(alice, bob)
    await removing.readmit(floor.alice, floor.id, floor.bob)
    await town.passes.grant(floor.bob, floor.id)


async def test_whom_the_operator_lets_host_nothing_is_given_no_room_either(floor: Floor) -> None:  # noqa: F811
    """Neither by a friend who hands theirs over, nor by a Space that was made a moment before."""
    town, handing, people = floor.town, floor.town.verbs.handing, floor.people
    planned = await town.hosting.create(people["sam"], title="Soon")
    async with town.db.transaction() as tx:
        tx.add(HostBan(host_id=floor.sam, account_id=floor.sam, created_at=town.clock.now()))
    with pytest.raises(Conflict, match="may not host"):
        await handing.hand_over(floor.alice, floor.id, floor.sam)
    with pytest.raises(Forbidden, match="may not host"):
        await town.hosting.open(people["sam"], planned.id)

    await handing.hand_over(floor.alice, floor.id, floor.carol)
    assert await Oversight(town.db, town.clock, town.hosting).ban_from_hosting(people["carol"]) == 1
    assert (await town.stored(floor.id)).state == "ended"


@pytest.mark.attack(103)
@pytest.mark.parametrize("by", ["sam", "bob", "stranger"])
async def test_neither_speakers_nor_listeners_keep_order(floor: Floor, by: str) -> None:  # noqa: F811
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
