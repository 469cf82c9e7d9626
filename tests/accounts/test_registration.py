"""A new person, and the passwords of people. Refusals first."""

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account, OAuthToken, User
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.password_change import PasswordChange
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.signin import SignIn
from fedispace.errors import Conflict, Invalid, NotFound, Unauthenticated
from fedispace.federation.models import ActorRow
from tests.factories import PASSWORD, Home


@pytest.mark.parametrize(
    "name", ["", "a" * 31, "al ice", "älice", "al-ice", "alice@a.example", "../x", "root", "Admin", "relay"]
)
async def test_an_unusable_name_is_refused(home: Home, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await home.registration.create_user(username=name, email="x@a.example", password=PASSWORD)
    assert refusal.value.field == "username"


@pytest.mark.parametrize(
    "email", ["", "alice", "a@b@c", "a b@c.example", "@a.example", "x" * 300 + "@a.example"]
)
async def test_an_unusable_email_address_is_refused(home: Home, email: str) -> None:
    with pytest.raises(Invalid):
        await home.registration.create_user(username="alice", email=email, password=PASSWORD)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025])
async def test_an_unusable_password_is_refused_and_nothing_is_written(home: Home, password: str) -> None:
    with pytest.raises(Invalid):
        await home.registration.create_user(username="alice", email="a@a.example", password=password)
    async with home.db.reading() as tx:
        assert (await tx.scalars(select(User))).all() == []


async def test_an_unknown_role_is_refused(home: Home) -> None:
    with pytest.raises(Invalid):
        await home.registration.create_user(
            username="alice", email="a@a.example", password=PASSWORD, role="god"
        )


async def test_a_name_or_address_is_taken_in_any_case(home: Home) -> None:
    await home.registration.create_user(username="alice", email="a@a.example", password=PASSWORD)
    with pytest.raises(Conflict):
        await home.registration.create_user(username="ALICE", email="b@a.example", password=PASSWORD)
    with pytest.raises(Conflict):
        await home.registration.create_user(username="bob", email="A@a.example", password=PASSWORD)


async def test_a_new_person_has_an_actor_keys_and_a_profile(home: Home) -> None:
    user = await home.registration.create_user(
        username="Alice", email="Alice@A.example", password=PASSWORD, role="admin", display_name="Alice A."
    )
    async with home.db.reading() as tx:
        account = await tx.get_one(Account, user.id)
        actor = await tx.get_one(ActorRow, user.id)
        keys = await home.actors.public_keys(tx, user.id)
    assert (user.email, user.role) == ("alice@a.example", "admin")
    assert user.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (account.uri, account.url) == ("https://a.example/users/Alice", "https://a.example/@Alice")
    assert (account.display_name, account.local) == ("Alice A.", True)
    assert (actor.type, actor.local, actor.inbox) == ("Person", True, "https://a.example/users/Alice/inbox")
    assert [key.kind for key in keys] == ["rsa", "ed25519"]


async def test_a_password_is_verified_and_garbage_is_not() -> None:
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)
    assert await passwords.verify(stored, PASSWORD)
    assert not await passwords.verify(stored, PASSWORD + "!")
    assert not await passwords.verify("not a hash", PASSWORD)
    assert not await passwords.verify(None, PASSWORD)
    assert not await passwords.verify(stored, "x" * 5000)


async def test_a_new_password_signs_out_every_browser_and_every_client(home: Home) -> None:
    user = await home.registration.create_user(username="alice", email="a@a.example", password=PASSWORD)
    sign_in = SignIn(home.db, home.clock, home.ids, home.passwords)
    oauth = OAuth(home.db, home.clock, home.ids)
    _, cookie = await sign_in.sign_in("alice", PASSWORD, user_agent="")
    token = await oauth.issue(user.id, frozenset({"read"}))
    passwords = PasswordChange(home.db, home.passwords)
    with pytest.raises(Invalid):
        await passwords.set("alice", "short")
    with pytest.raises(NotFound):
        await passwords.set("nobody", PASSWORD)
    await passwords.set("alice", "another long one")
    assert await sign_in.visitor(cookie) is None
    assert await oauth.bearer(token) is None
    with pytest.raises(Unauthenticated):
        await sign_in.sign_in("alice", PASSWORD, user_agent="")
    await sign_in.sign_in("alice", "another long one", user_agent="")
    async with home.db.reading() as tx:
        assert (await tx.scalars(select(OAuthToken))).all() == []
