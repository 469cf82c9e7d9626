"""The life of a Space, over every phase and step there is."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from fedispace.errors import IllegalStep, Invalid
from fedispace.spaces import lifecycle
from fedispace.spaces.lifecycle import Phase, Step

NOW = datetime(2026, 11, 12, 19, 0, 0, 250_000, tzinfo=UTC)
LEGAL = {
    (Phase.SCHEDULED, Step.OPEN): Phase.LIVE,
    (Phase.SCHEDULED, Step.CANCEL): Phase.CANCELLED,
    (Phase.LIVE, Step.CLOSE): Phase.ENDED,
}


@pytest.mark.parametrize(("phase", "step"), list(product(Phase, Step)))
def test_every_step_leads_where_the_table_says_or_is_refused(phase: Phase, step: Step) -> None:
    if (phase, step) in LEGAL:
        assert lifecycle.after(phase, step) is LEGAL[phase, step]
    else:
        with pytest.raises(IllegalStep, match=f"A Space that is {phase} cannot be"):
            lifecycle.after(phase, step)


def test_two_changes_within_one_second_are_told_apart_on_the_wire() -> None:
    first = lifecycle.after_change(NOW - timedelta(days=1), NOW)
    second = lifecycle.after_change(first, NOW + timedelta(milliseconds=100))
    third = lifecycle.after_change(second, NOW + timedelta(milliseconds=200))
    assert first == NOW.replace(microsecond=0)
    assert (second - first, third - second) == (timedelta(seconds=1), timedelta(seconds=1))


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("starts_in", [timedelta(days=-1), timedelta(0), timedelta(days=3)])
def test_an_end_is_always_stated_and_always_after_the_start(phase: Phase, starts_in: timedelta) -> None:
    assert lifecycle.end_of(NOW + starts_in, NOW, phase) > NOW + starts_in


def test_a_space_that_is_over_ended_when_it_was_closed() -> None:
    assert lifecycle.end_of(NOW - timedelta(hours=1), NOW, Phase.ENDED) == NOW


def test_a_state_nobody_defined_is_refused() -> None:
    with pytest.raises(Invalid):
        lifecycle.parse_phase("paused")
