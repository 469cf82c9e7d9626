"""Signing in with a browser. Refusals first."""

import pytest
from sqlalchemy import select, update

from fedispace.accounts.models import Account, Session, User
from fedispace.accounts.signin import SignIn
from fedispace.errors import RateLimited, Unauthenticated
from tests.factories import PASSWORD, Home


@pytest.fixture
async def user(home: Home) -> User:
    return await home.registration.create_user(
        username="alice", email="alice@mail.example", password=PASSWORD
    )


@pytest.fixture
def sign_in(home: Home) -> SignIn:
    return SignIn(home.db, home.clock, home.ids, home.passwords)


async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(user: User, sign_in: SignIn) -> None:
    details = []
    for name in ("alice", "nobody", "", "a\0b", "\ud800"):
        with pytest.raises(Unauthenticated) as refusal:
            await sign_in.sign_in(name, "wrong password", user_agent="")
        details.append(refusal.value.detail)
    assert len(set(details)) == 1


async def test_a_disabled_user_is_refused_and_their_session_ends(
    home: Home, user: User, sign_in: SignIn
) -> None:
    _, token = await sign_in.sign_in("alice", PASSWORD, user_agent="")
    async with home.db.transaction() as tx:
        await tx.execute(update(User).values(disabled_at=home.clock.now()))
    assert await sign_in.visitor(token) is None
    with pytest.raises(Unauthenticated):
        await sign_in.sign_in("alice", PASSWORD, user_agent="")


async def test_a_suspended_account_has_no_session(home: Home, user: User, sign_in: SignIn) -> None:
    _, token = await sign_in.sign_in("alice", PASSWORD, user_agent="")
    async with home.db.transaction() as tx:
        await tx.execute(update(Account).values(suspended_at=home.clock.now()))
    assert await sign_in.visitor(token) is None


async def test_guessing_at_one_name_is_slowed_down_from_any_address(
    home: Home, user: User, sign_in: SignIn
) -> None:
    for number in range(25):
        with pytest.raises(Unauthenticated):
            await sign_in.sign_in("alice", "wrong password", user_agent="", ip=f"192.0.2.{number}")
    with pytest.raises(RateLimited) as refusal:
        await sign_in.sign_in("Alice ", PASSWORD, user_agent="", ip="198.51.100.1")
    assert 0 < refusal.value.retry_after <= 3601
    home.clock.advance(hours=1)
    await sign_in.sign_in("alice", PASSWORD, user_agent="", ip="198.51.100.1")


async def test_a_school_signs_in_from_one_address(user: User, sign_in: SignIn) -> None:
    for _ in range(60):
        await sign_in.sign_in("alice", PASSWORD, user_agent="", ip="192.0.2.1")


async def test_guessing_from_one_address_is_slowed_down_for_any_name(user: User, sign_in: SignIn) -> None:
    for number in range(25):
        with pytest.raises(Unauthenticated):
            await sign_in.sign_in(f"name{number}", "wrong password", user_agent="", ip="192.0.2.1")
    with pytest.raises(RateLimited):
        await sign_in.sign_in("alice", PASSWORD, user_agent="", ip="192.0.2.1")
    await sign_in.sign_in("alice", PASSWORD, user_agent="", ip="192.0.2.2")


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\ud800" * 43])
async def test_a_token_that_was_never_given_is_nobodys(user: User, sign_in: SignIn, token: str) -> None:
    assert await sign_in.visitor(token) is None


async def test_a_session_ends_after_thirty_days(home: Home, user: User, sign_in: SignIn) -> None:
    _, token = await sign_in.sign_in("alice", PASSWORD, user_agent="")
    home.clock.advance(days=29)
    assert await sign_in.visitor(token) is not None
    home.clock.advance(days=2)
    assert await sign_in.visitor(token) is None


@pytest.mark.parametrize("name", ["alice", "ALICE", "@alice", " alice@mail.example "])
async def test_one_signs_in_by_name_or_address(user: User, sign_in: SignIn, name: str) -> None:
    visitor, token = await sign_in.sign_in(name, PASSWORD, user_agent="a\udc80 browser\0")
    assert visitor.account.username == "alice"
    again = await sign_in.visitor(token)
    assert again is not None
    assert (again.user.id, again.csrf) == (user.id, visitor.csrf)


async def test_every_sign_in_has_a_token_of_its_own_and_no_token_is_stored(
    home: Home, user: User, sign_in: SignIn
) -> None:
    _, first = await sign_in.sign_in("alice", PASSWORD, user_agent="")
    _, second = await sign_in.sign_in("alice", PASSWORD, user_agent="")
    assert first != second
    async with home.db.reading() as tx:
        stored = (await tx.scalars(select(Session.token_hash))).all()
    assert len(stored) == 2
    assert not {first, second} & set(stored)
    await sign_in.sign_out(first)
    assert await sign_in.visitor(first) is None
    assert await sign_in.visitor(second) is not None


@pytest.mark.privacy("P-14")
async def test_sessions_that_have_run_out_are_forgotten(home: Home, user: User, sign_in: SignIn) -> None:
    await sign_in.sign_in("alice", PASSWORD, user_agent="old")
    async with home.db.transaction() as tx:
        await tx.execute(update(Session).values(expires_at=home.clock.now()))
    await sign_in.prune()
    async with home.db.reading() as tx:
        assert (await tx.scalars(select(Session))).all() == []
    _, token = await sign_in.sign_in("alice", PASSWORD, user_agent="new")
    await sign_in.prune()
    assert await sign_in.visitor(token) is not None
