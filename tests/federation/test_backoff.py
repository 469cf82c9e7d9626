"""When a delivery is tried again."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from fedispace.federation import backoff
from fedispace.federation.backoff import Verdict

NOW = datetime(2026, 11, 12, 19, 0, tzinfo=UTC)


def schedule(seed: int) -> list[timedelta]:
    rng = random.Random(seed)
    waits: list[timedelta] = []
    while (wait := backoff.next_attempt(len(waits) + 1, rng)) is not None:
        waits.append(wait)
    return waits


@pytest.mark.parametrize("seed", range(20))
def test_a_dead_host_is_tried_at_least_twelve_times_and_for_days(seed: int) -> None:
    waits = schedule(seed)
    total = sum(waits, timedelta())
    assert len(waits) >= 12
    assert timedelta(days=4) < total < timedelta(days=9)
    assert sum(waits[:3], timedelta()) < timedelta(minutes=15)


def test_on_average_a_delivery_is_held_for_seven_days() -> None:
    total = sum(backoff.DELAYS, timedelta())
    assert timedelta(days=7) <= total < timedelta(days=8)


@pytest.mark.row(95)
@pytest.mark.reliability("R5")
def test_deliveries_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(1)
    waits = [backoff.next_attempt(3, rng) for _ in range(1000)]
    assert all(wait is not None for wait in waits)
    seconds = sorted(wait.total_seconds() for wait in waits if wait is not None)
    assert (seconds[-1] - seconds[0]) / 300 > 0.4
    assert 300 * 0.75 <= seconds[0] <= seconds[-1] <= 300 * 1.25


@pytest.mark.row(95)
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.DELIVERED) for status in (200, 201, 202, 204)),
        *((status, Verdict.PERMANENT) for status in (400, 404, 405, 410, 413, 415, 422, 451, 501)),
        *((status, Verdict.RETRY) for status in (302, 401, 403, 408, 425, 429, 500, 502, 503, 504, 520)),
    ],
)
def test_each_status_has_one_meaning(status: int, verdict: Verdict) -> None:
    assert backoff.judge(status) is verdict


@pytest.mark.parametrize("status", [401, 403])
def test_a_peer_that_refuses_us_is_asked_three_times_at_most(status: int) -> None:
    rng = random.Random(1)
    assert backoff.next_attempt(2, rng, status=status) is not None
    assert backoff.next_attempt(3, rng, status=status) is None
    assert backoff.next_attempt(3, rng, status=503) is not None


@pytest.mark.row(95)
@pytest.mark.reliability("R5")
@pytest.mark.parametrize(
    ("wish", "least", "most"),
    [
        (timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=1.25)),
        (timedelta(minutes=10), timedelta(minutes=10), timedelta(minutes=12.5)),
        (timedelta(days=30), timedelta(hours=6), timedelta(hours=7.5)),
    ],
)
def test_the_peers_wish_is_honoured_within_reason(wish: timedelta, least: timedelta, most: timedelta) -> None:
    wait = backoff.next_attempt(1, random.Random(1), status=429, retry_after=wish)
    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("Thu, 12 Nov 2026 19:05:00 GMT", timedelta(minutes=5)),
        ("Thu, 12 Nov 2026 18:00:00 GMT", timedelta()),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, read: timedelta | None) -> None:
    assert backoff.parse_retry_after(value, NOW) == read


def test_an_absurd_retry_after_does_not_overflow() -> None:
    wish = backoff.parse_retry_after("9" * 400, NOW)
    assert wish is not None
    assert backoff.next_attempt(1, random.Random(1), retry_after=wish) is not None


def test_a_hosts_circuit_opens_after_failures_in_a_row_and_probes_daily() -> None:
    assert [backoff.pause(failures) for failures in range(5)] == [None] * 5
    assert backoff.pause(5) == timedelta(minutes=1)
    assert backoff.pause(6) == timedelta(minutes=2)
    assert backoff.pause(100) == timedelta(days=1)
