"""One of ours follows somebody, here or elsewhere. Refusals first."""

import pytest
from sqlalchemy import select

from fedispace.accounts.blocking import Blocking
from fedispace.accounts.following import Following
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.relationships import Relationship, relationship, relationships
from fedispace.errors import Forbidden, NotFound
from fedispace.federation.models import OutboxItem
from fedispace.federation.vocab.activities import Accept, Follow, Reject, Undo
from fedispace.federation.vocab.activities import Block as BlockActivity
from fedispace.federation.vocab.uri import Uri
from tests.factories import Home, remote_actor


async def asked(home: Home) -> Follow:
    follow = (await home.sent())[-1]
    assert isinstance(follow, Follow)
    return follow


def answer(
    kind: type[Accept] | type[Reject], follow: Follow, by: str, *, bare: bool = False
) -> Accept | Reject:
    return kind(
        id=Uri(f"{by}/answers/1"),
        actor=Uri(by),
        object=follow.id,
        inner=None if bare else follow,
    )


async def stands(home: Home, viewer: Account, other: Account) -> Relationship:
    async with home.db.reading() as tx:
        return await relationship(tx, viewer.id, other.id, home.clock.now())


@pytest.fixture
def blocking(home: Home) -> Blocking:
    return Blocking(home.db, home.ids, home.clock, home.addresses, home.outbox, home.people, home.follows)


async def test_nobody_follows_themselves_nor_who_is_not_there(home: Home, following: Following) -> None:
    alice = await home.person()
    with pytest.raises(Forbidden):
        await following.follow(alice, alice.id)
    with pytest.raises(NotFound):
        await following.follow(alice, 4711)


async def test_who_blocks_cannot_be_followed(home: Home, following: Following, blocking: Blocking) -> None:
    alice, carol = await home.person(), await home.person("carol")
    await blocking.block(carol, alice.id)
    with pytest.raises(Forbidden):
        await following.follow(alice, carol.id)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.attack(17)
async def test_an_accept_by_somebody_else_leaves_the_follow_pending(
    home: Home, following: Following, bare: bool
) -> None:
    alice, bob = await home.person(), await home.stranger()
    mallory = await home.stranger(remote_actor("mallory", "evil.example"))
    await following.follow(alice, bob.id)
    forged = answer(Accept, await asked(home), mallory.uri, bare=bare)
    assert (await home.receive(forged)).startswith("dropped not_owner")
    assert (await stands(home, alice, bob)).requested
    assert not (await stands(home, alice, bob)).following


async def test_a_reject_by_somebody_else_ends_nothing(home: Home, following: Following) -> None:
    alice, bob = await home.person(), await home.stranger()
    mallory = await home.stranger(remote_actor("mallory", "evil.example"))
    await following.follow(alice, bob.id)
    forged = answer(Reject, await asked(home), mallory.uri)
    assert (await home.receive(forged)).startswith("dropped not_owner")
    assert (await stands(home, alice, bob)).requested


@pytest.mark.attack(17)
async def test_an_accept_that_claims_a_follow_never_asked_for_makes_none(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    invented = Follow(id=Uri("https://a.example/activities/9"), actor=Uri(alice.uri), object=Uri(bob.uri))
    assert await home.receive(answer(Accept, invented, bob.uri)) == "done"
    assert not (await stands(home, alice, bob)).following


@pytest.mark.parametrize("bare", [False, True])
async def test_a_remote_account_is_followed_when_it_accepts(
    home: Home, following: Following, bare: bool
) -> None:
    alice, bob = await home.person(), await home.stranger()
    first = await following.follow(alice, bob.id)
    assert first.requested
    assert not first.following
    follow = await asked(home)
    assert (follow.actor, follow.object, follow.to) == (alice.uri, bob.uri, (bob.uri,))
    assert (await home.account(alice.id)).following_count == 0

    assert await home.receive(answer(Accept, follow, bob.uri, bare=bare)) == "done"
    then = await stands(home, alice, bob)
    assert then.following
    assert then.showing_reblogs
    assert not then.requested
    assert (await home.account(alice.id)).following_count == 1
    assert (await home.account(bob.id)).followers_count == 1


async def test_an_accept_that_embeds_the_follow_under_another_id_is_understood(
    home: Home, following: Following
) -> None:
    alice, bob = await home.person(), await home.stranger()
    await following.follow(alice, bob.id)
    other = Follow(id=Uri(f"{bob.uri}/copy/1"), actor=Uri(alice.uri), object=Uri(bob.uri))
    assert await home.receive(answer(Accept, other, bob.uri)) == "done"
    assert (await stands(home, alice, bob)).following


async def test_a_rejected_follow_is_gone_even_after_it_was_accepted(home: Home, following: Following) -> None:
    alice, bob = await home.person(), await home.stranger()
    await following.follow(alice, bob.id)
    follow = await asked(home)
    await home.receive(answer(Accept, follow, bob.uri))
    late = Reject(id=Uri(f"{bob.uri}/answers/2"), actor=Uri(bob.uri), object=follow.id, inner=follow)
    assert await home.receive(late) == "done"
    assert not (await stands(home, alice, bob)).following
    assert (await home.account(alice.id)).following_count == 0


async def test_following_twice_asks_once(home: Home, following: Following) -> None:
    alice, bob = await home.person(), await home.stranger()
    await following.follow(alice, bob.id)
    await following.follow(alice, bob.id, boosts=False)
    assert len(await home.sent()) == 1


async def test_an_unfollow_undoes_the_very_follow_that_was_sent(home: Home, following: Following) -> None:
    alice, bob = await home.person(), await home.stranger()
    await following.follow(alice, bob.id)
    follow = await asked(home)
    assert not (await following.unfollow(alice, bob.id)).requested
    undo = (await home.sent())[-1]
    assert isinstance(undo, Undo)
    assert undo.inner == follow
    await following.unfollow(alice, bob.id)
    assert len(await home.sent()) == 2


async def test_a_follow_reaches_the_followed_alone(home: Home, following: Following) -> None:
    alice, bob = await home.person(), await home.stranger()
    await following.follow(alice, bob.id)
    async with home.db.reading() as tx:
        item = (await tx.scalars(select(OutboxItem))).one()
    assert item.audience == {"followers": False, "actors": [bob.id]}
    assert not item.public


async def test_one_of_ours_is_followed_at_once_and_told(home: Home, following: Following) -> None:
    alice, carol = await home.person(), await home.person("carol")
    assert (await following.follow(alice, carol.id)).following
    assert (await stands(home, carol, alice)).followed_by
    assert (await home.account(carol.id)).followers_count == 1
    assert await home.sent() == []
    async with home.db.reading() as tx:
        notice = (await tx.scalars(select(Notification))).one()
    assert (notice.account_id, notice.from_id, notice.type) == (carol.id, alice.id, "follow")

    assert not (await following.unfollow(alice, carol.id)).following
    assert (await home.account(carol.id)).followers_count == 0


async def test_a_locked_one_of_ours_is_asked(home: Home, following: Following) -> None:
    alice, carol = await home.person(), await home.person("carol", locked=True)
    assert (await following.follow(alice, carol.id)).requested
    assert (await stands(home, carol, alice)).requested_by
    await following.authorize(carol, alice.id)
    assert (await stands(home, alice, carol)).following


async def test_relationships_come_in_the_order_asked_and_know_strangers(
    home: Home, following: Following
) -> None:
    alice, bob, carol = await home.person(), await home.stranger(), await home.person("carol")
    await following.follow(alice, carol.id)
    async with home.db.reading() as tx:
        found = await relationships(tx, alice.id, [bob.id, carol.id, bob.id], home.clock.now())
    assert [(one.id, one.following) for one in found] == [(bob.id, False), (carol.id, True)]


async def test_a_block_is_told_to_the_peer_and_shows_on_both_sides(
    home: Home, following: Following, blocking: Blocking
) -> None:
    alice, bob = await home.person(), await home.stranger()
    await following.follow(alice, bob.id)
    assert (await blocking.block(alice, bob.id)).blocking
    assert not (await stands(home, alice, bob)).requested
    assert (await stands(home, bob, alice)).blocked_by
    block = (await home.sent())[-1]
    assert isinstance(block, BlockActivity)
    assert not (await blocking.unblock(alice, bob.id)).blocking
    undo = (await home.sent())[-1]
    assert isinstance(undo, Undo)
    assert undo.object == block.id
