"""How often one may ask."""

from datetime import timedelta

import pytest

from fedispace.api.limits import Limiter, Rate
from fedispace.clock import ManualClock
from fedispace.errors import RateLimited

FIVE_A_MINUTE = Rate(amount=5, period=timedelta(minutes=1))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limiter(clock: ManualClock) -> Limiter:
    return Limiter(clock)


def test_a_burst_of_the_whole_amount_is_served_and_one_more_is_refused(limiter: Limiter) -> None:
    assert [limiter.spend("k", FIVE_A_MINUTE).remaining for _ in range(5)] == [4, 3, 2, 1, 0]
    with pytest.raises(RateLimited) as refused:
        limiter.spend("k", FIVE_A_MINUTE)
    assert 1 <= refused.value.retry_after <= 13


def test_after_the_wait_one_is_served_again(limiter: Limiter, clock: ManualClock) -> None:
    for _ in range(5):
        limiter.spend("k", FIVE_A_MINUTE)
    with pytest.raises(RateLimited) as refused:
        limiter.spend("k", FIVE_A_MINUTE)
    clock.advance(seconds=refused.value.retry_after)
    limiter.spend("k", FIVE_A_MINUTE)
    with pytest.raises(RateLimited):
        limiter.spend("k", FIVE_A_MINUTE)


def test_a_period_of_rest_gives_everything_back(limiter: Limiter, clock: ManualClock) -> None:
    for _ in range(5):
        limiter.spend("k", FIVE_A_MINUTE)
    clock.advance(minutes=1)
    assert limiter.spend("k", FIVE_A_MINUTE).remaining == 4


def test_one_key_does_not_pay_for_another(limiter: Limiter) -> None:
    for _ in range(5):
        limiter.spend("a", FIVE_A_MINUTE)
    limiter.spend("b", FIVE_A_MINUTE)


def test_addresses_of_this_machine_are_not_counted_together(limiter: Limiter) -> None:
    assert all(limiter.spend_for("x", "127.0.0.1", FIVE_A_MINUTE) is None for _ in range(50))
    assert limiter.spend_for("x", "203.0.113.9", FIVE_A_MINUTE) is not None


def test_the_headers_tell_limit_remaining_and_when_it_is_whole_again(limiter: Limiter) -> None:
    headers = limiter.spend("k", FIVE_A_MINUTE).headers
    assert headers == {
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": "4",
        "X-RateLimit-Reset": "2026-11-12T19:00:12.000Z",
    }
