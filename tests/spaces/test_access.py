"""Who may see, hear and speak: the rule itself, and that lists follow it."""

from itertools import product

import pytest
from sqlalchemy import delete

from fedispace.accounts.models import Account, Follow
from fedispace.accounts.paging import Page
from fedispace.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from fedispace.spaces import access, queries
from fedispace.spaces.access import STRANGER, Access, Standing
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.sound.intruders import intruders
from fedispace.spaces.verbs.changing import Changes
from tests.spaces.town import Town

HOST = Standing(is_known=True, is_host=True, role=MemberRole.HOST, is_invited=True)
FOLLOWER = Standing(is_known=True, follows_host=True)
SOMEBODY = Standing(is_known=True)
BLOCKED = Standing(is_known=True, follows_host=True, is_blocked=True)
ACCESSES: tuple[Access, ...] = ("public", "unlisted", "followers", "invited")


@pytest.mark.parametrize(
    ("space", "who"),
    [
        ("followers", STRANGER),
        ("followers", SOMEBODY),
        ("followers", BLOCKED),
        ("invited", STRANGER),
        ("invited", FOLLOWER),
        ("public", BLOCKED),
        ("unlisted", BLOCKED),
    ],
)
def test_what_someone_may_not_see_does_not_exist_for_them(space: Access, who: Standing) -> None:
    with pytest.raises(NotFound, match=r"^There is no such Space\.$"):
        access.require_role(space, who, "listener")


@pytest.mark.parametrize(
    ("space", "who"),
    [
        ("public", STRANGER),
        ("public", SOMEBODY),
        ("unlisted", STRANGER),
        ("unlisted", SOMEBODY),
        ("followers", FOLLOWER),
        *product(ACCESSES, [HOST]),
    ],
)
def test_these_may_listen(space: Access, who: Standing) -> None:
    access.require_role(space, who, "listener")


def test_only_the_host_speaks() -> None:
    access.require_role("public", HOST, "speaker")
    with pytest.raises(Forbidden, match="Only who is on stage speaks"):
        access.require_role("public", FOLLOWER, "speaker")
    with pytest.raises(Unauthenticated):
        access.require_role("public", STRANGER, "speaker")


def test_only_the_host_hosts() -> None:
    access.require_host("public", HOST)
    with pytest.raises(Forbidden):
        access.require_host("public", FOLLOWER)
    with pytest.raises(NotFound):
        access.require_host("invited", FOLLOWER)


@pytest.mark.parametrize(
    ("phase", "why"),
    [(Phase.SCHEDULED, "not started"), (Phase.ENDED, "over"), (Phase.CANCELLED, "cancelled")],
)
def test_a_space_that_is_not_live_cannot_be_entered(phase: Phase, why: str) -> None:
    access.require_live(Phase.LIVE)
    with pytest.raises(Conflict, match=why):
        access.require_live(phase)


def test_words_that_mean_nothing_are_refused() -> None:
    for parse in (access.parse_access, access.parse_role):
        with pytest.raises(Invalid):
            parse("everyone")


async def test_lists_show_exactly_what_the_rule_lets_be_listed(town: Town) -> None:
    alice, fan, other, blocked = [await town.resident(name) for name in ("alice", "fan", "other", "blocked")]
    await town.follow(fan, alice)
    await town.follow(blocked, alice)
    await town.block(alice, blocked)
    spaces = {one: await town.live_space(alice, access=one) for one in ACCESSES[:3]}
    await town.hosting.close(alice, spaces["public"].id)
    spaces["invited"] = await town.live_space(alice, access="invited")

    async def listed_for(viewer: Account | None) -> set[str]:
        async with town.db.reading() as tx:
            rows = await queries.spaces(
                tx, None if viewer is None else viewer.id, None, Page(), now=town.clock.now()
            )
        return {row.access for row in rows}

    async def seen_by(viewer: Account | None) -> set[str]:
        seen: set[str] = set()
        async with town.db.reading() as tx:
            for name, space in spaces.items():
                try:
                    await queries.space(tx, space.id, None if viewer is None else viewer.id)
                except NotFound:
                    continue
                seen.add(name)
        return seen

    assert await listed_for(None) == {"public"}
    assert await listed_for(other) == {"public"}
    assert await listed_for(fan) == {"public", "unlisted", "followers"}
    assert await listed_for(alice) == set(ACCESSES)
    assert await listed_for(blocked) == set()
    assert await seen_by(None) == await seen_by(other) == {"public", "unlisted"}
    assert await seen_by(fan) == {"public", "unlisted", "followers"}
    assert await seen_by(alice) == set(ACCESSES)
    assert await seen_by(blocked) == set()


async def test_the_spaces_of_a_suspended_host_are_gone(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    await town.suspend(alice)
    async with town.db.reading() as tx:
        assert await queries.spaces(tx, None, None, Page(), now=town.clock.now()) == []
        with pytest.raises(NotFound):
            await queries.space(tx, space.id, None)


async def test_a_list_can_be_narrowed_to_one_state(town: Town) -> None:
    alice = await town.resident("alice")
    live = await town.live_space(alice)
    waiting = await town.hosting.create(alice, title="Later")
    now = town.clock.now()
    async with town.db.reading() as tx:
        for state, ids in (
            (Phase.LIVE, [live.id]),
            (Phase.SCHEDULED, [waiting.id]),
            (None, [waiting.id, live.id]),
        ):
            assert [one.id for one in await queries.spaces(tx, None, state, Page(), now=now)] == ids


async def _unfollow(town: Town, by: Account, target: Account) -> None:
    async with town.db.transaction() as tx:
        await tx.execute(delete(Follow).where(Follow.account_id == by.id, Follow.target_id == target.id))


@pytest.mark.attack(94)
async def test_who_only_did_something_in_a_room_for_followers_is_no_guest_of_it(town: Town) -> None:
    """A hand or a choice of one's own writes a row; it is the host who invites."""
    alice, fan, guest = [await town.resident(name) for name in ("alice", "fan2", "guest")]
    await town.follow(fan, alice)
    space = await town.live_space(alice, access="followers")
    await town.verbs.hands.raise_hand(fan.id, space.id, up=True)
    await town.verbs.hands.show_oneself(fan.id, space.id, shown=True)
    await town.verbs.inviting.invite(alice.id, space.id, guest.id, "listener")
    await town.verbs.inviting.answer(guest.id, space.id, accept=True)
    held = await town.passes.grant(fan.id, space.id)

    await _unfollow(town, fan, alice)

    async with town.db.reading() as tx:
        out = await intruders(tx, town.clock.now(), ())
        for who, may in ((fan, False), (guest, True), (alice, True)):
            standing = await queries.standing(tx, space, who.id)
            assert access.may_see("followers", standing) is may
            listed = await queries.spaces(tx, who.id, None, Page(limit=20), now=town.clock.now())
            assert [found.id for found in listed] == ([space.id] if may else [])
    assert out == [(space.id, fan.id)]
    with pytest.raises(NotFound):
        await town.passes.grant(fan.id, space.id, renews=held.token)


@pytest.mark.attack(94)
async def test_a_list_of_guests_begins_with_guests(town: Town) -> None:
    """Neither with who was silenced while everybody could come; but with who had come as a guest."""
    alice, troll, guest = [await town.resident(name) for name in ("alice", "troll", "guest")]
    space = await town.live_space(alice)
    await town.verbs.ordering.mute(alice.id, space.id, troll.id, hard=True)
    await town.verbs.inviting.invite(alice.id, space.id, guest.id, "listener")
    await town.verbs.inviting.answer(guest.id, space.id, accept=True)

    await town.verbs.changing.change(alice.id, space.id, Changes(access="invited"))

    async with town.db.reading() as tx:
        assert (await queries.space(tx, space.id, guest.id)).id == space.id
        with pytest.raises(NotFound):
            await queries.space(tx, space.id, troll.id)
