"""Nothing opens a session but a grant: signed, in time, once, for its own role."""

import base64
from datetime import timedelta

import pytest

from fedispace.clock import ManualClock
from fedispace.errors import Forbidden, Unavailable
from fedispace.media.live import grants
from fedispace.media.live.grants import Grant, Spent

SECRET = b"s" * 32


def _grant(clock: ManualClock, *, nonce: str = "n", life: timedelta = grants.MAX_LIFE) -> Grant:
    return grants.issue(
        room="r", session="s", participant="p", role="subscribe", nonce=nonce, now=clock.now(), life=life
    )


def test_a_grant_comes_back_as_it_was_issued() -> None:
    clock = ManualClock()
    grant = _grant(clock)

    assert grants.read(grants.sign(grant, SECRET), SECRET, clock.now()) == grant


def test_a_grant_never_lives_longer_than_a_minute() -> None:
    clock = ManualClock()

    assert _grant(clock, life=timedelta(days=1)).expires == clock.now() + timedelta(seconds=60)


def test_a_grant_signed_to_live_longer_is_refused() -> None:
    clock = ManualClock()
    token = grants.sign(_grant(clock), SECRET)
    clock.advance(hours=-1)

    with pytest.raises(Forbidden):
        grants.read(token, SECRET, clock.now())


def test_a_late_grant_is_refused() -> None:
    clock = ManualClock()
    token = grants.sign(_grant(clock), SECRET)
    clock.advance(seconds=60)

    with pytest.raises(Forbidden):
        grants.read(token, SECRET, clock.now())


def test_a_grant_under_another_secret_is_refused() -> None:
    clock = ManualClock()

    with pytest.raises(Forbidden):
        grants.read(grants.sign(_grant(clock), b"t" * 32), SECRET, clock.now())


def test_a_grant_with_any_byte_changed_is_refused() -> None:
    clock = ManualClock()
    token = grants.sign(_grant(clock), SECRET)

    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(Forbidden):
            grants.read(changed, SECRET, clock.now())


def test_claims_with_another_role_and_the_old_signature_are_refused() -> None:
    clock = ManualClock()
    claims, _, signature = grants.sign(_grant(clock), SECRET).partition(".")
    text = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).replace(b"subscribe", b"publish")
    forged = base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    with pytest.raises(Forbidden):
        grants.read(f"{forged}.{signature}", SECRET, clock.now())


@pytest.mark.parametrize("text", ["", ".", "x", "a.b", "é.é", "=.=", "A" * 10_000, "\0.\0", "....", "a.b.c"])
def test_what_is_no_grant_is_refused(text: str) -> None:
    with pytest.raises(Forbidden):
        grants.read(text, SECRET, ManualClock().now())


def test_a_grant_works_once() -> None:
    clock = ManualClock()
    spent, grant = Spent(), _grant(clock)
    spent.spend(grant, clock.now())

    with pytest.raises(Forbidden):
        spent.spend(grant, clock.now())


def test_the_memory_of_used_grants_is_bounded_and_forgets_the_expired() -> None:
    clock = ManualClock()
    spent = Spent(capacity=2)
    spent.spend(_grant(clock, nonce="1"), clock.now())
    spent.spend(_grant(clock, nonce="2"), clock.now())
    with pytest.raises(Unavailable):
        spent.spend(_grant(clock, nonce="3"), clock.now())

    clock.advance(seconds=61)

    spent.spend(_grant(clock, nonce="3"), clock.now())


def test_used_grants_are_remembered_no_longer_than_they_live() -> None:
    """A room for hours: it is not that everybody who ever came is remembered."""
    clock, spent = ManualClock(), Spent()
    for number in range(600):
        spent.spend(_grant(clock, nonce=str(number)), clock.now())
        clock.advance(seconds=1)

    assert len(spent) <= 61
