"""What was decided about other servers, and for whom it holds. Refusals first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedispace.clock import ManualClock
from fedispace.db.engine import Database
from fedispace.errors import Invalid, NotFound
from fedispace.moderation.policy import DomainPolicy, severity_of
from fedispace.moderation.rules import all_rules, remove_rule, set_rule
from tests.factories import make_database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await make_database(tmp_path)
    yield database
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def policy(db: Database, clock: ManualClock) -> DomainPolicy:
    return DomainPolicy(db, clock)


async def suspend(db: Database, clock: ManualClock, domain: str, severity: str = "suspend") -> None:
    async with db.transaction() as tx:
        await set_rule(tx, clock, domain, severity)


@pytest.mark.parametrize("domain", ["", "..", "https://evil.example", "127.1", "a b"])
async def test_a_rule_is_about_a_domain(db: Database, clock: ManualClock, domain: str) -> None:
    with pytest.raises(Invalid):
        await suspend(db, clock, domain)


async def test_a_rule_has_a_known_severity(db: Database, clock: ManualClock) -> None:
    with pytest.raises(Invalid):
        await suspend(db, clock, "evil.example", "annihilate")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8443", "deep.down.evil.example"])
async def test_a_suspended_domain_is_refused_with_everything_below_it(
    db: Database, clock: ManualClock, policy: DomainPolicy, host: str
) -> None:
    await suspend(db, clock, "Evil.example.")
    assert await policy.is_refused(host)
    assert await policy.refusal(host) == "domain_suspended"


@pytest.mark.parametrize("host", ["good.example", "notevil.example", "example", "[2001:db8::1]", ""])
async def test_others_are_not_refused(
    db: Database, clock: ManualClock, policy: DomainPolicy, host: str
) -> None:
    await suspend(db, clock, "evil.example")
    assert not await policy.is_refused(host)


async def test_an_international_name_is_one_name(
    db: Database, clock: ManualClock, policy: DomainPolicy
) -> None:
    await suspend(db, clock, "Bücher.example")
    assert await policy.is_refused("xn--bcher-kva.example")


async def test_silence_hides_and_does_not_refuse(
    db: Database, clock: ManualClock, policy: DomainPolicy
) -> None:
    await suspend(db, clock, "loud.example", "silence")
    assert await policy.is_silenced("loud.example")
    assert not await policy.is_refused("loud.example")


async def test_a_decision_counts_at_once_here_and_soon_elsewhere(
    db: Database, clock: ManualClock, policy: DomainPolicy
) -> None:
    elsewhere = DomainPolicy(db, clock)
    assert not await policy.is_refused("evil.example")
    assert not await elsewhere.is_refused("evil.example")
    await suspend(db, clock, "evil.example")
    policy.forget()
    assert await policy.is_refused("evil.example")
    assert not await elsewhere.is_refused("evil.example")
    clock.advance(seconds=5)
    assert await elsewhere.is_refused("evil.example")


async def test_a_later_decision_replaces_an_earlier_one_and_can_be_taken_back(
    db: Database, clock: ManualClock
) -> None:
    await suspend(db, clock, "evil.example")
    await suspend(db, clock, "evil.example", "silence")
    async with db.transaction() as tx:
        assert [(rule.domain, rule.severity) for rule in await all_rules(tx)] == [("evil.example", "silence")]
        await remove_rule(tx, "EVIL.example")
        assert await all_rules(tx) == []
        with pytest.raises(NotFound):
            await remove_rule(tx, "evil.example")


def test_the_nearest_rule_holds() -> None:
    rules = {"example": "suspend", "good.example": "noop"}
    assert severity_of("evil.example", rules) == "suspend"
    assert severity_of("a.good.example", rules) == "noop"
