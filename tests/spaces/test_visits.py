"""Somebody of another server in a browser of ours."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.tokens import at_rest
from fedispace.clock import ManualClock
from fedispace.errors import Forbidden
from fedispace.spaces.entry.visits import LIFE, MAX_AT_ONCE, Visits
from fedispace.spaces.models import Pass
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.visit_models import Visit
from tests.spaces.town import Town


class Refusing:
    """A policy that refuses the hosts it is told."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()

    async def is_refused(self, host: str) -> bool:
        return host in self.hosts


@pytest.fixture
def policy() -> Refusing:
    return Refusing()


@pytest.fixture
def visits(town: Town, policy: Refusing) -> Visits:
    return Visits(town.db, town.clock, town.ids, policy, Exits(town.clock, town.bus))


async def _visit(town: Town, visits: Visits, account: Account) -> str:
    async with town.db.transaction() as tx:
        return await visits.begin(tx, account, "link")


async def test_a_visitor_is_known_by_the_token_and_the_row_holds_only_its_hash(
    town: Town, visits: Visits
) -> None:
    dan = await town.stranger("dan")
    token = await _visit(town, visits, dan)

    guest = await visits.guest(token)

    assert guest is not None
    assert guest.account.id == dan.id
    assert guest.via == "link"
    async with town.db.reading() as tx:
        rows = (await tx.scalars(select(Visit.token_hash))).all()
    assert rows == [at_rest(token)]
    assert token not in guest.csrf
    assert len(guest.csrf) == 64


async def test_a_visit_is_over_after_half_a_day(town: Town, visits: Visits, clock: ManualClock) -> None:
    token = await _visit(town, visits, await town.stranger("dan"))
    clock.advance(seconds=(LIFE - timedelta(seconds=1)).total_seconds())
    assert await visits.guest(token) is not None

    clock.advance(seconds=2)

    assert await visits.guest(token) is None
    await visits.prune()
    async with town.db.reading() as tx:
        assert (await tx.scalars(select(Visit))).all() == []


async def test_nobody_visits_with_a_token_that_was_never_given(visits: Visits) -> None:
    for token in ("", "a" * 43, "\0" * 43, "x" * 5000):
        assert await visits.guest(token) is None


async def test_a_visit_ends_with_the_account_that_is_suspended_here(town: Town, visits: Visits) -> None:
    dan = await town.stranger("dan")
    token = await _visit(town, visits, dan)
    await town.suspend(dan)
    assert await visits.guest(token) is None


async def test_a_visit_ends_with_the_server_that_is_blocked(
    town: Town, visits: Visits, policy: Refusing
) -> None:
    token = await _visit(town, visits, await town.stranger("dan", "bad.example"))
    policy.hosts.add("bad.example")
    assert await visits.guest(token) is None


async def test_our_own_people_do_not_visit(town: Town, visits: Visits) -> None:
    alice = await town.resident("alice")
    with pytest.raises(Forbidden):
        await _visit(town, visits, alice)


async def test_a_suspended_account_does_not_visit(town: Town, visits: Visits) -> None:
    dan = await town.stranger("dan")
    await town.suspend(dan)
    async with town.db.reading() as tx:
        dan = await town.people.by_id(tx, dan.id)
    with pytest.raises(Forbidden):
        await _visit(town, visits, dan)


async def test_ending_a_visit_ends_what_it_holds_in_rooms(
    town: Town, visits: Visits, clock: ManualClock
) -> None:
    alice, dan = await town.resident("alice"), await town.stranger("dan")
    space = await town.live_space(alice)
    token = await _visit(town, visits, dan)
    async with town.db.transaction() as tx:
        tx.add(
            Pass(
                token_hash="held",
                space_id=space.id,
                account_id=dan.id,
                created_at=clock.now(),
                expires_at=clock.now() + timedelta(minutes=15),
            )
        )

    await visits.end(token)
    await visits.end(token)

    assert await visits.guest(token) is None
    async with town.db.reading() as tx:
        held = await tx.get(Pass, "held")
        assert held is not None
        assert held.revoked_at is not None


async def test_a_visit_in_one_browser_does_not_end_that_in_another(town: Town, visits: Visits) -> None:
    dan = await town.stranger("dan")
    first, second = await _visit(town, visits, dan), await _visit(town, visits, dan)

    await visits.end(first)

    assert await visits.guest(second) is not None
    assert len(await visits.listed(dan.id)) == 1
    await visits.end_all(dan.id)
    assert await visits.guest(second) is None
    assert await visits.listed(dan.id) == []


async def test_the_oldest_visit_gives_way_to_one_too_many(
    town: Town, visits: Visits, clock: ManualClock
) -> None:
    dan = await town.stranger("dan")
    first = await _visit(town, visits, dan)
    for _ in range(MAX_AT_ONCE):
        clock.advance(seconds=1)
        last = await _visit(town, visits, dan)

    assert await visits.guest(first) is None
    assert await visits.guest(last) is not None
    assert len(await visits.listed(dan.id)) == MAX_AT_ONCE
