"""The life of a Space: a table, and the arithmetic of its times."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fedispace.errors import IllegalStep, Invalid

USUAL_LENGTH: Final = timedelta(hours=2)
_SECOND: Final = timedelta(seconds=1)


class Phase(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Step(StrEnum):
    OPEN = "open"
    CLOSE = "close"
    CANCEL = "cancel"


_TRANSITIONS: Final[dict[tuple[Phase, Step], Phase]] = {
    (Phase.SCHEDULED, Step.OPEN): Phase.LIVE,
    (Phase.SCHEDULED, Step.CANCEL): Phase.CANCELLED,
    (Phase.LIVE, Step.CLOSE): Phase.ENDED,
}

_DONE: Final = {Step.OPEN: "opened", Step.CLOSE: "closed", Step.CANCEL: "cancelled"}


def after(phase: Phase, step: Step) -> Phase:
    """Return the phase that follows, or raise if a Space cannot take this step now."""
    try:
        return _TRANSITIONS[phase, step]
    except KeyError:
        raise IllegalStep(f"A Space that is {phase} cannot be {_DONE[step]}.") from None


def parse_phase(text: str) -> Phase:
    """Return the phase called `text`; raises `Invalid`."""
    try:
        return Phase(text)
    except ValueError:
        raise Invalid("state must be scheduled, live, ended or cancelled.", field="state") from None


def after_change(previous: datetime, now: datetime) -> datetime:
    """Return when a change happened, in whole seconds and later than the change before it.

    Peers apply an Update only when its `updated` is strictly newer (Mastodon, Mobilizon), and the
    wire carries whole seconds: two changes within one second must not look like one.
    """
    moment = now.replace(microsecond=0)
    return max(moment, previous.replace(microsecond=0) + _SECOND)


def end_of(starts_at: datetime, now: datetime, phase: Phase) -> datetime:
    """Return the `endTime` to state: always set and always after the start (FEP-8a8e).

    Until the end it is a guess, two hours from the start or from now; then it is the truth.
    """
    if phase is Phase.ENDED:
        return max(now, starts_at + _SECOND)
    if phase is Phase.LIVE:
        return max(starts_at, now) + USUAL_LENGTH
    return starts_at + USUAL_LENGTH
