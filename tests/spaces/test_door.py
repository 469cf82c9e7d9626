"""A signed Join at the door: who gets a ticket, who a Reject, who nothing."""

import re
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from structlog.testing import capture_logs

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.errors import NotFound
from fedispace.federation import codec
from fedispace.federation.models import ActorRow
from fedispace.federation.routes import Verified
from fedispace.federation.vocab.activities import Join
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces.models import Space, Ticket
from tests.spaces.town import Town


def join(by: Account, space: Space, role: str | None = "listener", number: int = 1) -> Verified[Join]:
    activity = Join(
        id=Uri(f"https://b.example/activities/{number}"), actor=Uri(by.uri), object=Uri(space.uri), role=role
    )
    return Verified(activity, Uri(by.uri))


async def knock(town: Town, verified: Verified[Join]) -> tuple[int, dict[str, Any]]:
    status, answer = await town.door.answer(verified)
    return status, codec.write(answer)


async def count_tickets(town: Town) -> int:
    async with town.db.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(Ticket)) or 0


async def test_an_unseen_space_is_not_there_and_leaves_no_ticket(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    closed = await town.live_space(alice, access="followers")
    with pytest.raises(NotFound):
        await knock(town, join(bob, closed))
    closed.uri = "https://a.example/spaces/1"
    with pytest.raises(NotFound):
        await knock(town, join(bob, closed))
    assert await count_tickets(town) == 0


@pytest.mark.attack(94)
@pytest.mark.parametrize("role", ["speaker", "host", "listener\n"])
async def test_whatever_is_wrong_with_a_join_it_betrays_no_unseen_space(town: Town, role: str) -> None:
    """A Reject where others get nothing would say that there is a Space, and whose it is."""
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    closed = await town.live_space(alice, access="followers")
    with pytest.raises(NotFound):
        await knock(town, join(bob, closed, role))
    unknown = await town.stranger("zoe")
    async with town.db.transaction() as tx:
        await tx.execute(delete(Account).where(Account.id == unknown.id))
        await tx.execute(update(ActorRow).values(gone_at=town.clock.now()).where(ActorRow.id == unknown.id))
    with pytest.raises(NotFound):
        await knock(town, join(unknown, closed))


@pytest.mark.parametrize("role", ["speaker", "host", "listener\n"])
async def test_a_role_that_is_not_theirs_is_rejected(town: Town, role: str) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    status, answer = await knock(town, join(bob, space, role))
    assert status == 403
    assert answer["type"] == "Reject"
    assert answer["actor"] == alice.uri
    assert answer["object"] == "https://b.example/activities/1"
    assert "result" not in answer
    assert await count_tickets(town) == 0


async def test_blocked_and_suspended_people_get_no_ticket(town: Town) -> None:
    alice, bob, eve = (
        await town.resident("alice"),
        await town.stranger("bob"),
        await town.stranger("eve"),
    )
    space = await town.live_space(alice)
    await town.block(alice, bob)
    await town.suspend(eve)
    with pytest.raises(NotFound):
        await knock(town, join(bob, space))
    assert (await knock(town, join(eve, space)))[0] == 403
    assert await count_tickets(town) == 0


async def test_an_account_that_was_deleted_elsewhere_gets_no_ticket(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    async with town.db.transaction() as tx:
        await tx.execute(delete(Account).where(Account.id == bob.id))
        await tx.execute(update(ActorRow).values(gone_at=town.clock.now()).where(ActorRow.id == bob.id))
    assert (await knock(town, join(bob, space)))[0] == 403
    assert await count_tickets(town) == 0


async def test_a_space_that_is_not_live_rejects(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.hosting.create(alice, title="Not yet")
    assert (await knock(town, join(bob, space)))[0] == 409
    await town.hosting.open(alice, space.id)
    assert (await knock(town, join(bob, space)))[0] == 200
    await town.hosting.close(alice, space.id)
    assert (await knock(town, join(bob, space, number=2)))[0] == 409


async def test_the_accept_carries_a_ticket_good_for_this_person_here(town: Town, clock: ManualClock) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    status, answer = await knock(town, join(bob, space))
    ticket = answer["result"].pop("fs:ticket")
    expires = answer["result"].pop("expires")
    assert status == 200
    assert answer["result"] == {
        "type": "fs:Ticket",
        "fs:role": "listener",
        "fs:listen": f"{space.uri}/whep",
        "fs:signal": f"{space.uri.replace('https', 'wss')}/signal",
    }
    assert expires == "2026-11-12T19:01:00Z"
    assert (answer["type"], answer["actor"], answer["to"]) == ("Accept", alice.uri, [bob.uri])
    assert answer["object"] == "https://b.example/activities/1"
    assert answer["id"].startswith(f"{space.uri}#accepts/")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", ticket)
    async with town.db.transaction() as tx:
        assert await town.tickets.redeem(tx, ticket, space_id=space.id, role="listener") == bob.id


@pytest.mark.privacy("P-08")
async def test_the_log_does_not_say_who_comes_to_listen(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    with capture_logs() as lines:
        assert (await knock(town, join(bob, space)))[0] == 200
    assert {"event": "space.admitted", "space": space.id, "peer": "b.example"}.items() <= lines[-1].items()
    assert "bob" not in repr(lines)


async def test_a_follower_elsewhere_enters_a_followers_space(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice, access="followers")
    await town.follow(bob, alice)
    assert (await knock(town, join(bob, space)))[0] == 200


async def test_the_same_join_is_answered_in_the_same_words(town: Town, clock: ManualClock) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    first = await knock(town, join(bob, space))
    clock.advance(seconds=20)
    assert await knock(town, join(bob, space)) == first
    assert await count_tickets(town) == 1
    assert (await knock(town, join(bob, space, number=2)))[1] != first[1]


async def test_one_join_does_not_buy_tickets_for_two_spaces(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    one, other = await town.live_space(alice), await town.live_space(alice)
    await knock(town, join(bob, one))
    assert (await knock(town, join(bob, other)))[0] == 403


async def test_a_server_that_asks_without_end_is_told_to_wait(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    statuses = [(await knock(town, join(bob, space, number=n)))[0] for n in range(12)]
    assert statuses == [200] * 10 + [429] * 2
