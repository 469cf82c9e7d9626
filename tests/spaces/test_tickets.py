"""Tickets: one Space, one role, one person, once, within a minute."""

import hashlib

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.errors import Forbidden, RateLimited, Unauthenticated
from fedispace.spaces.access import Role
from fedispace.spaces.entry.tickets import MAX_OUTSTANDING, Issued, prune
from fedispace.spaces.models import Space, Ticket
from tests.spaces.town import Town


@pytest.fixture
async def alice(town: Town) -> Account:
    return await town.resident("alice")


@pytest.fixture
async def space(town: Town, alice: Account) -> Space:
    return await town.live_space(alice)


async def issue(town: Town, space: Space, account: Account, role: Role = "listener") -> Issued:
    async with town.db.transaction() as tx:
        return await town.tickets.issue(tx, space_id=space.id, account_id=account.id, role=role)


async def redeem(town: Town, token: str, space_id: int, role: Role = "listener") -> int:
    async with town.db.transaction() as tx:
        return await town.tickets.redeem(tx, token, space_id=space_id, role=role)


async def test_a_ticket_lets_its_holder_in_once(town: Town, alice: Account, space: Space) -> None:
    ticket = await issue(town, space, alice)
    assert await redeem(town, ticket.token, space.id) == alice.id
    with pytest.raises(Unauthenticated):
        await redeem(town, ticket.token, space.id)


async def test_a_ticket_is_for_its_own_space_and_role(town: Town, alice: Account, space: Space) -> None:
    ticket = await issue(town, space, alice)
    other = await town.live_space(alice)
    with pytest.raises(Unauthenticated):
        await redeem(town, ticket.token, other.id)
    with pytest.raises(Unauthenticated):
        await redeem(town, ticket.token, space.id, "speaker")
    assert await redeem(town, ticket.token, space.id) == alice.id


@pytest.mark.parametrize("token", ["", "A" * 43, "A" * 100_000, "\ud800", "' OR 1=1 --"])
async def test_what_is_no_ticket_opens_nothing(town: Town, space: Space, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await redeem(town, token, space.id)


async def test_an_altered_ticket_opens_nothing(town: Town, alice: Account, space: Space) -> None:
    token = (await issue(town, space, alice)).token
    with pytest.raises(Unauthenticated):
        await redeem(town, token[:-1] + ("A" if token[-1] != "A" else "B"), space.id)


async def test_a_ticket_lasts_at_most_a_minute(
    town: Town, alice: Account, space: Space, clock: ManualClock
) -> None:
    ticket = await issue(town, space, alice)
    assert 59 <= (ticket.expires_at - clock.now()).total_seconds() <= 60
    clock.advance(seconds=60)
    with pytest.raises(Unauthenticated):
        await redeem(town, ticket.token, space.id)


async def test_the_database_knows_only_the_hash(town: Town, alice: Account, space: Space) -> None:
    ticket = await issue(town, space, alice)
    assert len(ticket.token) == 43  # 256 bits in base64
    async with town.db.reading() as tx:
        assert (await tx.scalars(select(Ticket.token_hash))).all() == [
            hashlib.sha256(ticket.token.encode()).hexdigest()
        ]


async def test_a_ticket_that_opened_nothing_can_be_given_back(
    town: Town, alice: Account, space: Space
) -> None:
    ticket = await issue(town, space, alice)
    await redeem(town, ticket.token, space.id)
    async with town.db.transaction() as tx:
        await town.tickets.give_back(tx, ticket.token)
    assert await redeem(town, ticket.token, space.id) == alice.id


async def test_nobody_hoards_tickets(town: Town, alice: Account, space: Space, clock: ManualClock) -> None:
    for _ in range(MAX_OUTSTANDING):
        await issue(town, space, alice)
    with pytest.raises(RateLimited):
        await issue(town, space, alice)
    clock.advance(seconds=61)
    await issue(town, space, alice)


async def test_old_tickets_are_swept_away(
    town: Town, alice: Account, space: Space, clock: ManualClock
) -> None:
    await issue(town, space, alice)
    clock.advance(hours=3)
    await issue(town, space, alice)
    async with town.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(Ticket)) == 1


async def test_one_join_has_one_ticket_however_often_it_comes(
    town: Town, alice: Account, space: Space, clock: ManualClock
) -> None:
    join_uri = "https://b.example/activities/1"

    async def answer(role: Role = "listener", account: Account = alice) -> Issued:
        async with town.db.transaction() as tx:
            return await town.tickets.answer(
                tx, space_id=space.id, account_id=account.id, role=role, join_uri=join_uri
            )

    first = await answer()
    clock.advance(seconds=30)
    assert await answer() == first
    await redeem(town, first.token, space.id)
    assert await answer() == first
    with pytest.raises(Unauthenticated):
        await redeem(town, first.token, space.id)
    with pytest.raises(Forbidden):
        await answer("speaker")
    with pytest.raises(Forbidden):
        await answer(account=await town.resident("mallory"))
    async with town.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(Ticket)) == 1


@pytest.mark.privacy("P-14")
async def test_tickets_of_long_ago_are_forgotten(
    town: Town, alice: Account, space: Space, clock: ManualClock
) -> None:
    await issue(town, space, alice)
    clock.advance(hours=3)
    ticket = await issue(town, await town.live_space(alice), alice)
    await prune(town.db, clock)
    async with town.db.reading() as tx:
        (left,) = (await tx.scalars(select(Ticket))).all()
    assert left.token_hash == hashlib.sha256(ticket.token.encode()).hexdigest()
