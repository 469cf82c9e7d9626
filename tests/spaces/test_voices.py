"""Who may be in a room, be seen with a hand up, react and answer; and what those are told who may not."""

import pytest

from fedispace.accounts.models import Account, DomainMute
from fedispace.clock import ManualClock
from fedispace.errors import Forbidden, NotFound
from fedispace.federation.vocab.activities import Join
from fedispace.federation.vocab.uri import Uri
from fedispace.moderation import rules
from fedispace.spaces import access, members, queries
from fedispace.spaces.access import Standing
from fedispace.spaces.events import voices
from fedispace.spaces.models import HostBan, Space
from fedispace.spaces.roles import MemberRole
from fedispace.threads.written import Draft
from tests.spaces.town import Town


@pytest.fixture
async def alice(town: Town) -> Account:
    return await town.resident("alice")


@pytest.fixture
async def space(town: Town, alice: Account) -> Space:
    return await town.live_space(alice)


async def standing(town: Town, space: Space, account: Account) -> Standing:
    async with town.db.reading() as tx:
        return await queries.standing(tx, space, account.id)


async def sits(town: Town, space: Space, account: Account, role: MemberRole) -> None:
    async with town.db.transaction() as tx:
        row = await members.ensured(tx, space.id, account.id, town.clock.now())
        row.role = role


def table() -> list[tuple[dict[str, bool], bool, bool, bool]]:
    """What somebody is, and whether they see the Space, may be in it, and are heard there."""
    return [
        ({}, True, True, True),
        ({"is_unseen": True}, True, True, False),
        ({"is_barred": True}, True, False, False),
        ({"is_banned": True}, True, False, False),
        ({"is_removed": True}, True, False, False),
        ({"is_suspended": True}, True, False, False),
        ({"is_blocked": True}, False, False, False),
        ({"is_domain_blocked": True}, False, False, False),
    ]


@pytest.mark.parametrize(("facts", "sees", "enters", "is_heard"), table())
def test_what_is_decided_about_somebody_says_what_they_may(
    facts: dict[str, bool], sees: bool, enters: bool, is_heard: bool
) -> None:
    somebody = Standing(is_known=True, **facts)
    assert access.may_see("public", somebody) is sees
    assert access.is_let_in("public", somebody) is enters
    assert access.may_be_heard("public", somebody) is is_heard


@pytest.mark.parametrize("facts", [{"is_barred": True}, {"is_banned": True}])
def test_who_is_kept_out_is_told_neither_why_nor_by_whom(facts: dict[str, bool]) -> None:
    with pytest.raises(Forbidden) as refused:
        access.require_role("public", Standing(is_known=True, **facts), "listener")
    assert refused.value.detail == "You can't join with this account."


async def test_whom_a_speaker_blocks_can_neither_join_nor_answer(
    town: Town, alice: Account, space: Space
) -> None:
    bob, dave = await town.resident("bob"), await town.resident("dave")
    await sits(town, space, bob, MemberRole.SPEAKER)
    await town.block(bob, dave)

    with pytest.raises(Forbidden, match="You can't join with this account"):
        await town.entering.join(dave, space.id, "listener")
    assert space.announcement_id is not None
    with pytest.raises(Forbidden, match="You can't join with this account"):
        await town.publishing.publish(dave, [Draft(text="hear me")], in_reply_to_id=space.announcement_id)


async def test_whom_nobody_on_stage_blocks_answers_as_ever(town: Town, alice: Account, space: Space) -> None:
    bob, dave = await town.resident("bob"), await town.resident("dave")
    await town.block(bob, dave)  # who is not on stage
    assert space.announcement_id is not None

    await town.publishing.publish(dave, [Draft(text="yes")], in_reply_to_id=space.announcement_id)

    async with town.db.reading() as tx:
        assert await voices.unheard(tx, space.id, {dave.id, alice.id, bob.id}) == set()


async def test_who_blocks_somebody_on_stage_may_listen_all_the_same(
    town: Town, alice: Account, space: Space
) -> None:
    dave = await town.resident("dave")
    await town.block(dave, alice)
    bob = await town.resident("bob")
    await sits(town, space, bob, MemberRole.SPEAKER)
    await town.block(dave, bob)
    admission = await town.entering.join(dave, space.id, "listener")
    assert admission.ticket is not None
    assert admission.blocked_on_stage == 2
    assert (await town.entering.join(bob, space.id, "listener")).blocked_on_stage == 0


@pytest.mark.parametrize("follows", [False, True])
async def test_hands_of_a_silenced_server_are_seen_only_of_those_whom_the_host_follows(
    town: Town, alice: Account, space: Space, follows: bool
) -> None:
    erin = await town.stranger("erin")
    if follows:
        await town.follow(alice, erin)
    async with town.db.transaction() as tx:
        await rules.set_rule(tx, town.clock, "b.example", "silence")
        row = await members.ensured(tx, space.id, erin.id, town.clock.now())
        row.hand_at = town.clock.now()

    somebody = await standing(town, space, erin)
    assert access.is_let_in("public", somebody)
    assert access.may_be_heard("public", somebody) is follows
    async with town.db.reading() as tx:
        assert await members.count_hands(tx, space.id) == int(follows)
        assert len(await members.hands(tx, space.id)) == int(follows)
        assert await voices.unheard(tx, space.id, {erin.id}) == (set() if follows else {erin.id})


async def test_people_of_a_server_that_is_shut_out_or_shunned_by_the_host_cannot_join(
    town: Town, alice: Account, space: Space, clock: ManualClock
) -> None:
    erin, frank = await town.stranger("erin"), await town.stranger("frank", "c.example")
    async with town.db.transaction() as tx:
        await rules.set_rule(tx, town.clock, "b.example", "suspend")
        now = clock.now()
        tx.add(DomainMute(id=town.ids.next(), account_id=alice.id, domain="c.example", created_at=now))

    with pytest.raises(Forbidden, match="You can't join with this account"):
        await town.entering.join(erin, space.id, "listener")
    with pytest.raises(NotFound):
        await town.entering.join(frank, space.id, "listener")
    another = await town.stranger("grace", "d.example")
    await town.entering.join(another, space.id, "listener")


async def test_what_a_banned_person_writes_is_not_shown_in_the_room(
    town: Town, alice: Account, space: Space, clock: ManualClock
) -> None:
    erin, frank = await town.stranger("erin"), await town.stranger("frank")
    async with town.db.transaction() as tx:
        tx.add(HostBan(host_id=alice.id, account_id=erin.id, created_at=clock.now()))
    async with town.db.reading() as tx:
        assert await voices.unheard(tx, space.id, {erin.id, frank.id, alice.id}) == {erin.id}


async def test_whom_a_cohost_blocks_cannot_say_that_they_come(
    town: Town, alice: Account, clock: ManualClock
) -> None:
    carol, bob = await town.resident("carol"), await town.stranger("bob")
    space = await town.hosting.create(alice, title="Soon")
    await sits(town, space, carol, MemberRole.COHOST)
    await town.block(carol, bob)

    await town.receive(Join(id=Uri(f"{bob.uri}#j"), actor=Uri(bob.uri), object=Uri(space.uri)))

    assert (await town.sent())[-1]["type"] == "Reject"
    async with town.db.reading() as tx:
        assert await queries.count_attendances(tx, space.id) == 0
