"""Passes: what a ticket becomes, for whom it is good, and when it ends."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.config import Spaces as Limits
from fedispace.errors import Conflict, Forbidden, NotFound, Unauthenticated
from fedispace.spaces import members
from fedispace.spaces.access import Role
from fedispace.spaces.entry import passes
from fedispace.spaces.models import HostBan, Pass, Space
from fedispace.spaces.roles import MemberRole
from tests.spaces.town import Town


async def ticket_for(town: Town, who: Account, space: Space, role: Role = "listener") -> str:
    admission = await town.entering.join(who, space.id, role)
    assert admission.ticket is not None
    return admission.ticket


@pytest.mark.attack(93)
async def test_a_ticket_becomes_a_pass_once_although_two_try(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    ticket = await ticket_for(town, bob, space)
    tries = await asyncio.gather(
        *(town.passes.exchange(ticket, space.id) for _ in range(5)), return_exceptions=True
    )
    [issued] = [one for one in tries if not isinstance(one, BaseException)]
    assert sum(isinstance(one, Unauthenticated) for one in tries) == 4
    assert (await town.passes.holder(issued.token, space.id)).account_id == bob.id


@pytest.mark.attack(93)
async def test_a_pass_is_good_in_its_own_space_only_and_for_a_quarter_of_an_hour(
    town: Town, clock: ManualClock
) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space, other = await town.live_space(alice), await town.live_space(alice)
    issued = await town.passes.grant(bob.id, space.id)
    with pytest.raises(Unauthenticated):
        await town.passes.holder(issued.token, other.id)
    with pytest.raises(Unauthenticated):
        await town.passes.holder(issued.token + "x", space.id)
    clock.advance(minutes=14)
    await town.passes.holder(issued.token, space.id)
    clock.advance(minutes=2)
    with pytest.raises(Unauthenticated):
        await town.passes.holder(issued.token, space.id)


async def test_the_ticket_of_another_space_is_exchanged_for_nothing_and_stays_good(town: Town) -> None:
    alice = await town.resident("alice")
    space, other = await town.live_space(alice), await town.live_space(alice)
    ticket = await ticket_for(town, alice, space, "speaker")
    with pytest.raises(Unauthenticated):
        await town.passes.exchange(ticket, other.id)
    await town.passes.exchange(ticket, space.id)


async def test_a_pass_is_renewed_by_a_new_ticket_and_not_by_itself(town: Town, clock: ManualClock) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    first = await town.passes.exchange(await ticket_for(town, bob, space), space.id)
    clock.advance(minutes=10)
    with pytest.raises(Unauthenticated):
        await town.passes.exchange(first.token, space.id)
    again = await town.passes.exchange(await ticket_for(town, bob, space), space.id, renews=first.token)
    assert again.token == first.token
    clock.advance(minutes=10)
    await town.passes.holder(first.token, space.id)


async def test_nobody_prolongs_the_pass_of_another(town: Town, clock: ManualClock) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    hers = await town.passes.grant(alice.id, space.id)
    clock.advance(minutes=10)
    his = await town.passes.grant(bob.id, space.id, renews=hers.token)
    assert his.token != hers.token
    clock.advance(minutes=6)
    with pytest.raises(Unauthenticated):
        await town.passes.holder(hers.token, space.id)


async def test_passes_end_with_the_space(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    issued = await town.passes.grant(bob.id, space.id)
    await town.hosting.close(alice, space.id)
    with pytest.raises(Unauthenticated):
        await town.passes.holder(issued.token, space.id)
    with pytest.raises(Conflict, match="over"):
        await town.passes.grant(bob.id, space.id)


@pytest.mark.attack(104)
async def test_who_is_suspended_removed_banned_or_blocked_has_no_pass(town: Town) -> None:
    alice = await town.resident("alice")
    names = ("suspended", "removed", "banned", "blocked")
    people = {name: await town.resident(name) for name in names}
    space = await town.live_space(alice)
    held = await town.passes.grant(people["suspended"].id, space.id)

    await town.suspend(people["suspended"])
    await town.block(alice, people["blocked"])
    now = town.clock.now()
    async with town.db.transaction() as tx:
        await members.locked(tx, space.id)
        row = await members.ensured(tx, space.id, people["removed"].id, now)
        row.removed_at = now
        tx.add(HostBan(host_id=alice.id, account_id=people["banned"].id, created_at=now))

    with pytest.raises(Unauthenticated):
        await town.passes.holder(held.token, space.id)
    for name, refusal in (
        ("suspended", Forbidden),
        ("removed", Forbidden),
        ("banned", Forbidden),
        ("blocked", NotFound),
    ):
        with pytest.raises(refusal):
            await town.passes.grant(people[name].id, space.id)


async def test_a_revoked_pass_opens_nothing(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    his, hers = await town.passes.grant(bob.id, space.id), await town.passes.grant(alice.id, space.id)
    async with town.db.transaction() as tx:
        await town.passes.revoke(tx, space_id=space.id, account_id=bob.id)
    with pytest.raises(Unauthenticated):
        await town.passes.holder(his.token, space.id)
    renewed = await town.passes.grant(bob.id, space.id, renews=his.token)
    assert renewed.token != his.token
    await town.passes.holder(hers.token, space.id)


async def test_one_person_holds_ten_passes_at_most_and_loses_the_oldest(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    held = []
    for _ in range(passes.MAX_HELD + 2):
        clock.advance(seconds=1)
        held.append(await town.passes.grant(alice.id, space.id))
    for issued in held[:2]:
        with pytest.raises(Unauthenticated):
            await town.passes.holder(issued.token, space.id)
    for issued in held[2:]:
        await town.passes.holder(issued.token, space.id)


@pytest.mark.privacy("P-14")
async def test_old_passes_are_forgotten_and_no_secret_rests(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    issued = await town.passes.grant(alice.id, space.id)
    async with town.db.reading() as tx:
        assert await tx.get(Pass, issued.token) is None
    clock.advance(seconds=timedelta(hours=3).total_seconds())
    await passes.prune(town.db, clock)
    fresh = await town.passes.grant(alice.id, space.id, renews=issued.token)
    assert fresh.token != issued.token


@pytest.mark.attack(94)
async def test_the_guests_of_an_invited_space_get_a_pass_and_nobody_else(town: Town) -> None:
    alice, guest, other = [await town.resident(name) for name in ("alice", "guest", "other")]
    await town.follow(other, alice)
    space = await town.live_space(alice, access="invited")
    async with town.db.transaction() as tx:
        row = await members.ensured(tx, space.id, guest.id, town.clock.now())
        row.invited_as = MemberRole.LISTENER
    await town.passes.grant(guest.id, space.id)
    with pytest.raises(NotFound):
        await town.passes.grant(other.id, space.id)


async def test_a_stranger_is_told_to_sign_in_where_nobody_listens_without_an_account(
    tmp_path: Path, clock: ManualClock
) -> None:
    town = await Town.open(tmp_path, clock, "https://a.example", limits=Limits(anonymous_listening=False))
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    with pytest.raises(Unauthenticated, match="needs an account"):
        await town.entering.join(None, space.id, "listener")
    await town.entering.join(alice, space.id, "listener")
    await town.close()
