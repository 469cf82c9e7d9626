"""Somebody of another server follows one of ours. Refusals first."""

import pytest
from sqlalchemy import delete, func, select

from fedispace.accounts.following import Following
from fedispace.accounts.models import Account, Block, Follow, Notification
from fedispace.errors import NotFound
from fedispace.federation.models import FollowerInbox, InboxItem
from fedispace.federation.vocab.activities import Accept, Reject, Undo
from fedispace.federation.vocab.activities import Block as BlockActivity
from fedispace.federation.vocab.activities import Follow as FollowActivity
from fedispace.federation.vocab.uri import Uri
from tests.factories import Home, remote_actor


def follow_by(follower: Account, target: Account | str, number: int = 1) -> FollowActivity:
    uri = target if isinstance(target, str) else target.uri
    return FollowActivity(
        id=Uri(f"{follower.uri}/follows/{number}"), actor=Uri(follower.uri), object=Uri(uri)
    )


def undo_of(activity: FollowActivity, by: str = "") -> Undo:
    return Undo(
        id=Uri(f"{by or activity.actor}/undo/1"),
        actor=Uri(by or activity.actor),
        object=activity.id,
        inner=activity,
    )


async def follows(home: Home) -> list[tuple[int, int, bool]]:
    async with home.db.reading() as tx:
        rows = await tx.execute(select(Follow.account_id, Follow.target_id, Follow.accepted))
        return [(a, b, accepted) for a, b, accepted in rows]


async def inboxes(home: Home) -> dict[str, int]:
    async with home.db.reading() as tx:
        rows = await tx.execute(select(FollowerInbox.inbox, FollowerInbox.count))
        return {row["inbox"]: row["count"] for row in rows.mappings()}


async def notices(home: Home, account: Account) -> list[str]:
    async with home.db.reading() as tx:
        found = await tx.scalars(select(Notification.type).where(Notification.account_id == account.id))
        return list(found)


async def test_a_follow_of_nobody_here_is_dropped(home: Home) -> None:
    bob = await home.stranger()
    state = await home.receive(follow_by(bob, "https://a.example/users/nobody"))
    assert state.startswith("dropped unknown_object")
    assert await home.sent() == []


async def test_a_follow_of_somebody_on_a_third_server_is_dropped(home: Home) -> None:
    bob = await home.stranger()
    carol = await home.stranger(remote_actor("carol", "c.example"))
    assert (await home.receive(follow_by(bob, carol))).startswith("dropped unknown_object")
    assert await follows(home) == []


async def test_a_blocked_person_is_rejected_and_does_not_follow(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        tx.add(
            Block(
                id=1,
                account_id=alice.id,
                target_id=bob.id,
                uri="https://a.example/b",
                created_at=home.clock.now(),
            )
        )
    assert await home.receive(follow_by(bob, alice)) == "done"
    assert [type(activity) for activity in await home.sent()] == [Reject]
    assert await follows(home) == []
    assert await notices(home, alice) == []


async def test_nobody_can_undo_the_follow_of_another(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    mallory = await home.stranger(remote_actor("mallory", "evil.example"))
    follow = follow_by(bob, alice)
    await home.receive(follow)
    assert (await home.receive(undo_of(follow, by=mallory.uri))).startswith("dropped not_owner")
    bare = Undo(id=Uri(f"{mallory.uri}/undo/2"), actor=Uri(mallory.uri), object=follow.id)
    assert (await home.receive(bare)).startswith("dropped not_owner")
    unheard_of = Undo(
        id=Uri(f"{mallory.uri}/undo/3"),
        actor=Uri(mallory.uri),
        object=Uri(f"{bob.uri}/follows/2"),
        inner=follow_by(bob, alice, 2),
    )
    assert (await home.receive(unheard_of)).startswith("dropped not_owner")
    assert await follows(home) == [(bob.id, alice.id, True)]


async def test_the_id_of_anothers_follow_is_not_taken_over(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    mallory = await home.stranger(remote_actor("mallory"))
    await home.receive(follow_by(bob, alice))
    stolen = FollowActivity(id=Uri(f"{bob.uri}/follows/1"), actor=Uri(mallory.uri), object=Uri(alice.uri))
    async with home.db.transaction() as tx:  # as if the first activity had been forgotten long ago
        await tx.execute(delete(InboxItem))
    assert (await home.receive(stolen)).startswith("dropped id_taken")


async def test_a_follower_is_accepted_counted_told_and_delivered_to(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    follow = follow_by(bob, alice)
    assert await home.receive(follow) == "done"
    assert await follows(home) == [(bob.id, alice.id, True)]
    assert await inboxes(home) == {"https://b.example/inbox": 1}
    assert await notices(home, alice) == ["follow"]
    (accept,) = await home.sent()
    assert isinstance(accept, Accept)
    assert (accept.actor, accept.object, accept.inner) == (alice.uri, follow.id, follow)
    assert (await home.account(alice.id)).followers_count == 1
    assert (await home.account(bob.id)).following_count == 1


async def test_a_repeated_follow_is_accepted_again_and_counted_once(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    await home.receive(follow_by(bob, alice, 1))
    await home.receive(follow_by(bob, alice, 2))
    assert [type(activity) for activity in await home.sent()] == [Accept, Accept]
    assert (await home.account(alice.id)).followers_count == 1
    assert await inboxes(home) == {"https://b.example/inbox": 1}
    latest = Undo(id=Uri(f"{bob.uri}/undo"), actor=Uri(bob.uri), object=Uri(f"{bob.uri}/follows/2"))
    assert await home.receive(latest) == "done"
    assert await follows(home) == []


async def test_a_locked_account_is_asked_and_sends_nothing_before_it_answers(
    home: Home, following: Following
) -> None:
    alice, bob = await home.person(locked=True), await home.stranger()
    await home.receive(follow_by(bob, alice))
    assert await follows(home) == [(bob.id, alice.id, False)]
    assert await home.sent() == []
    assert await inboxes(home) == {}
    assert await notices(home, alice) == ["follow_request"]

    await following.authorize(alice, bob.id)
    assert await inboxes(home) == {"https://b.example/inbox": 1}
    assert [type(activity) for activity in await home.sent()] == [Accept]
    assert await notices(home, alice) == ["follow"]
    assert (await home.account(alice.id)).followers_count == 1


async def test_a_locked_account_can_refuse(home: Home, following: Following) -> None:
    alice, bob = await home.person(locked=True), await home.stranger()
    await home.receive(follow_by(bob, alice))
    await following.reject(alice, bob.id)
    (reject,) = await home.sent()
    assert isinstance(reject, Reject)
    assert reject.object == f"{bob.uri}/follows/1"
    assert await follows(home) == []
    assert await notices(home, alice) == []
    with pytest.raises(NotFound):
        await following.authorize(alice, bob.id)


async def test_an_undone_follow_leaves_no_trace(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    follow = follow_by(bob, alice)
    await home.receive(follow)
    assert await home.receive(undo_of(follow)) == "done"
    assert await follows(home) == []
    assert await inboxes(home) == {}
    assert await notices(home, alice) == []
    assert (await home.account(alice.id)).followers_count == 0


async def test_an_undo_by_bare_id_counts_too(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    await home.receive(follow_by(bob, alice))
    undo = Undo(id=Uri(f"{bob.uri}/undo"), actor=Uri(bob.uri), object=Uri(f"{bob.uri}/follows/1"))
    assert await home.receive(undo) == "done"
    assert await follows(home) == []


async def test_two_followers_behind_one_shared_inbox_are_one_inbox_until_both_leave(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    carol = await home.stranger(remote_actor("carol"))
    await home.receive(follow_by(bob, alice))
    await home.receive(follow_by(carol, alice))
    assert await inboxes(home) == {"https://b.example/inbox": 2}
    await home.receive(undo_of(follow_by(bob, alice)))
    assert await inboxes(home) == {"https://b.example/inbox": 1}


async def test_a_relay_may_follow_the_instance_itself(home: Home) -> None:
    relay = await home.stranger(remote_actor("relay", "events.example", type="Application"))
    assert await home.receive(follow_by(relay, home.addresses.instance_actor)) == "done"
    (accept,) = await home.sent()
    assert isinstance(accept, Accept)
    assert accept.actor == "https://a.example/actor"
    assert await inboxes(home) == {"https://events.example/inbox": 1}


async def test_a_block_ends_follows_both_ways_and_an_undo_lifts_it(home: Home, following: Following) -> None:
    alice, bob = await home.person(), await home.stranger()
    await home.receive(follow_by(bob, alice))
    await following.follow(alice, bob.id)
    block = BlockActivity(id=Uri(f"{bob.uri}/blocks/1"), actor=Uri(bob.uri), object=Uri(alice.uri))
    assert await home.receive(block) == "done"
    assert await follows(home) == []
    assert await inboxes(home) == {}
    assert (await home.account(alice.id)).followers_count == 0

    mallory = await home.stranger(remote_actor("mallory", "evil.example"))
    forged = Undo(id=Uri(f"{mallory.uri}/undo"), actor=Uri(mallory.uri), object=block.id)
    assert (await home.receive(forged)).startswith("dropped not_owner")

    undo = Undo(id=Uri(f"{bob.uri}/undo"), actor=Uri(bob.uri), object=block.id, inner=block)
    assert await home.receive(undo) == "done"
    async with home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(Block)) == 0
