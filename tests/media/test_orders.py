"""Orders stand against what was given before them, and bans against everything: pure, on a clock."""

from datetime import UTC, datetime, timedelta

import pytest

from fedispace.errors import Forbidden
from fedispace.media.live import grants
from fedispace.media.live.grants import Grant
from fedispace.media.live.orders import Orders

_NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _grant(seconds: float, *, room: str = "room", participant: str = "anna") -> Grant:
    """Return a grant given so many seconds from now."""
    return grants.issue(
        room=room,
        session="s",
        participant=participant,
        role="publish",
        nonce="n",
        now=_NOW + timedelta(seconds=seconds),
    )


def test_who_was_sent_away_comes_with_a_later_grant_only() -> None:
    orders = Orders()
    orders.send_away("room", "anna", _NOW, banned=False)

    for seconds in (-59, -1, 0):
        with pytest.raises(Forbidden):
            orders.require(_grant(seconds))
    orders.require(_grant(0.001))
    orders.require(_grant(-1, participant="bert"))
    orders.require(_grant(-1, room="another"))


def test_who_is_banned_comes_with_none_until_readmitted() -> None:
    orders = Orders()
    orders.send_away("room", "anna", _NOW, banned=True)

    with pytest.raises(Forbidden):
        orders.require(_grant(86_400))
    orders.readmit("room", "anna")
    orders.require(_grant(86_400))


def test_a_room_that_is_over_is_not_entered_with_what_was_given_for_it() -> None:
    orders = Orders()
    orders.mute("room", "anna", True)
    orders.close("room", _NOW)

    with pytest.raises(Forbidden):
        orders.require(_grant(-1))
    orders.require(_grant(-1, room="another"))
    assert not orders.is_muted("room", "anna")


def test_orders_are_bounded() -> None:
    orders = Orders()
    for number in range(25_000):
        orders.mute("room", f"person {number}", True)
        orders.send_away("room", f"person {number}", _NOW, banned=True)

    assert len(orders._muted) == len(orders._sent_away) == 20_000
    assert orders.is_muted("room", "person 24999")
