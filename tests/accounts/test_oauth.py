"""Client programs and their tokens. Refusals first."""

import base64
import hashlib

import pytest
from sqlalchemy import select, update

from fedispace.accounts.models import OAuthApp, OAuthCode, OAuthToken, User
from fedispace.accounts.oauth import OAuth, OAuthRefused
from fedispace.accounts.scopes import parse
from fedispace.accounts.tokens import at_rest
from fedispace.errors import Invalid
from tests.factories import PASSWORD, Home

REDIRECT = "https://client.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
READ = frozenset({"read"})


@pytest.fixture
def oauth(home: Home) -> OAuth:
    return OAuth(home.db, home.clock, home.ids)


@pytest.fixture
async def user(home: Home) -> User:
    return await home.registration.create_user(
        username="alice", email="alice@mail.example", password=PASSWORD
    )


class Client:
    """A registered client and what it may send."""

    def __init__(self, oauth: OAuth, app: OAuthApp, secret: str) -> None:
        self.oauth = oauth
        self.app = app
        self.secret = secret

    async def code(self, user: User, *, challenge: str | None = None) -> str:
        return await self.oauth.authorize(self.app, user, REDIRECT, READ, challenge)

    async def exchange(
        self,
        code: str,
        *,
        secret: str | None = "its own",
        redirect_uri: str = REDIRECT,
        verifier: str | None = None,
    ) -> str:
        issued = await self.oauth.exchange_code(
            client_id=self.app.client_id,
            client_secret=self.secret if secret == "its own" else secret,
            code=code,
            redirect_uri=redirect_uri,
            verifier=verifier,
        )
        return issued.token


async def register(oauth: OAuth, scopes: str | None = "read write") -> Client:
    app, secret = await oauth.register_app("A client", [REDIRECT], scopes, "https://client.example")
    return Client(oauth, app, secret)


@pytest.mark.parametrize(
    "redirect",
    [
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://client.example/cb",
        "https://",
        "https://u:p@client.example/cb",
        "https://client.example/cb#fragment",
        "https://client.example\\@evil.example/",
        "https://client.example/\r\nSet-Cookie: a=b",
        "/relative",
        "//evil.example/",
        "urn:something:else",
        "x" * 3000,
    ],
)
async def test_a_client_cannot_register_a_dangerous_redirect(oauth: OAuth, redirect: str) -> None:
    with pytest.raises(Invalid):
        await oauth.register_app("A client", [redirect], "read", None)


@pytest.mark.parametrize(
    "redirect",
    [
        "urn:ietf:wg:oauth:2.0:oob",
        "https://client.example/callback?a=b",
        "http://localhost:4000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:9/cb",
        "icecubesapp://",
        "com.tapbots.ivory.22883:/request_token",
    ],
)
async def test_a_client_may_register_a_page_an_app_or_out_of_band(oauth: OAuth, redirect: str) -> None:
    app, _ = await oauth.register_app("A client", [redirect], "read", None)
    assert app.redirect_uris == [redirect]


@pytest.mark.parametrize(
    ("name", "scopes", "website"),
    [
        ("", "read", None),
        ("\0", "read", None),
        ("x" * 101, "read", None),
        ("A", "rule", None),
        ("A", "read", "javascript:x"),
    ],
)
async def test_a_client_needs_a_name_and_scopes_that_exist(
    oauth: OAuth, name: str, scopes: str, website: str | None
) -> None:
    with pytest.raises(Invalid):
        await oauth.register_app(name, [REDIRECT], scopes, website)


@pytest.mark.parametrize(
    "redirect", [REDIRECT + "/", REDIRECT + "?x=1", "https://client.example/", REDIRECT.upper(), ""]
)
async def test_a_redirect_is_compared_character_by_character(oauth: OAuth, user: User, redirect: str) -> None:
    client = await register(oauth)
    with pytest.raises(OAuthRefused):
        await oauth.authorize(client.app, user, redirect, READ, None)


async def test_a_client_cannot_ask_for_more_than_it_registered(oauth: OAuth, user: User) -> None:
    client = await register(oauth, "read:statuses")
    for wider in ("read", "write", "read:statuses write:statuses"):
        with pytest.raises(OAuthRefused) as refusal:
            await oauth.authorize(client.app, user, REDIRECT, parse(wider), None)
        assert refusal.value.code == "invalid_scope"
    with pytest.raises(OAuthRefused):
        await oauth.client_credentials(
            client_id=client.app.client_id, client_secret=client.secret, scopes="read"
        )


async def test_a_plain_challenge_is_refused(oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    for method in ("plain", None, "s256"):
        with pytest.raises(OAuthRefused):
            await oauth.authorize(client.app, user, REDIRECT, READ, CHALLENGE, method=method)
    with pytest.raises(OAuthRefused):
        await oauth.authorize(client.app, user, REDIRECT, READ, "short")


@pytest.mark.parametrize("verifier", [None, "", "w" * 43, CHALLENGE, "v" * 42, "é" * 43])
async def test_a_code_with_a_challenge_needs_its_verifier(
    oauth: OAuth, user: User, verifier: str | None
) -> None:
    client = await register(oauth)
    code = await client.code(user, challenge=CHALLENGE)
    with pytest.raises(OAuthRefused) as refusal:
        await client.exchange(code, verifier=verifier)
    assert refusal.value.code == "invalid_grant"


async def test_a_client_without_its_secret_needs_a_challenge(oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    with pytest.raises(OAuthRefused):
        await client.exchange(await client.code(user), secret=None)
    code = await client.code(user, challenge=CHALLENGE)
    assert await client.exchange(code, secret=None, verifier=VERIFIER)


async def test_a_verifier_for_a_code_without_a_challenge_is_refused(oauth: OAuth, user: User) -> None:
    """Somebody between took the challenge away (RFC 9700 section 4.8.2)."""
    client = await register(oauth)
    with pytest.raises(OAuthRefused):
        await client.exchange(await client.code(user), verifier=VERIFIER)


async def test_a_wrong_secret_or_client_is_refused(oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    with pytest.raises(OAuthRefused) as refusal:
        await client.exchange(await client.code(user), secret="wrong")
    assert refusal.value.code == "invalid_client"
    for nobody in ("", "nobody", "\ud800" * 43, "\0" * 43, "x" * 43):
        with pytest.raises(OAuthRefused):
            await oauth.client_credentials(client_id=nobody, client_secret="x")
    with pytest.raises(OAuthRefused):
        await oauth.client_credentials(client_id=client.app.client_id, client_secret=None)


async def test_a_code_is_for_its_client_and_its_redirect_only(oauth: OAuth, user: User) -> None:
    client, thief = await register(oauth), await register(oauth)
    with pytest.raises(OAuthRefused):
        await thief.exchange(await client.code(user))
    with pytest.raises(OAuthRefused):
        await client.exchange(await client.code(user), redirect_uri=REDIRECT + "2")


async def test_a_code_is_good_for_a_minute(home: Home, oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    code = await client.code(user)
    home.clock.advance(seconds=60)
    with pytest.raises(OAuthRefused):
        await client.exchange(code)


async def test_a_code_used_twice_revokes_what_it_gave(oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    code = await client.code(user)
    token = await client.exchange(code)
    other = await client.exchange(await client.code(user))
    with pytest.raises(OAuthRefused):
        await client.exchange(code)
    assert await oauth.bearer(token) is None
    assert await oauth.bearer(other) is not None


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\ud800" * 43, "\0" * 43])
async def test_a_token_that_was_never_issued_is_nobodys(oauth: OAuth, token: str) -> None:
    assert await oauth.bearer(token) is None


async def test_a_token_dies_with_its_user(home: Home, oauth: OAuth, user: User) -> None:
    token = await oauth.issue(user.id, READ)
    assert await oauth.bearer(token.swapcase()) is None
    async with home.db.transaction() as tx:
        await tx.execute(update(User).values(disabled_at=home.clock.now()))
    assert await oauth.bearer(token) is None


async def test_only_its_own_client_revokes_a_token(oauth: OAuth, user: User) -> None:
    client, thief = await register(oauth), await register(oauth)
    token = await client.exchange(await client.code(user))
    await oauth.revoke(client_id=thief.app.client_id, client_secret=thief.secret, token=token)
    assert await oauth.bearer(token) is not None
    await oauth.revoke(client_id=client.app.client_id, client_secret=client.secret, token=token)
    assert await oauth.bearer(token) is None


async def test_a_token_speaks_for_a_person_through_a_client(oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    token = await client.exchange(await client.code(user, challenge=CHALLENGE), verifier=VERIFIER)
    bearer = await oauth.bearer(token)
    assert bearer is not None
    assert bearer.user is not None
    assert bearer.account is not None
    assert bearer.app is not None
    assert (bearer.user.id, bearer.account.username) == (user.id, "alice")
    assert (bearer.app.name, bearer.scopes) == ("A client", READ)


async def test_a_client_may_speak_for_itself(oauth: OAuth) -> None:
    client = await register(oauth)
    issued = await oauth.client_credentials(
        client_id=client.app.client_id, client_secret=client.secret, scopes="read"
    )
    bearer = await oauth.bearer(issued.token)
    assert bearer is not None
    assert (bearer.user, bearer.account) == (None, None)


async def test_the_operator_issues_a_token_without_a_client(oauth: OAuth, user: User) -> None:
    bearer = await oauth.bearer(await oauth.issue(user.id, parse("read write follow")))
    assert bearer is not None
    assert bearer.app is None
    assert bearer.scopes == {"read", "write", "follow"}


async def test_no_secret_is_stored_in_clear(home: Home, oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    code = await client.code(user)
    token = await client.exchange(code)
    async with home.db.reading() as tx:
        stored = [
            *(await tx.scalars(select(OAuthToken.token_hash))),
            *(await tx.scalars(select(OAuthCode.code_hash))),
            *(await tx.scalars(select(OAuthApp.secret_hash))),
        ]
    assert not {code, token, client.secret} & set(stored)


@pytest.mark.privacy("P-14")
async def test_codes_are_forgotten_a_day_after_they_ran_out(home: Home, oauth: OAuth, user: User) -> None:
    client = await register(oauth)
    await client.code(user)
    home.clock.advance(hours=23)
    code = await client.code(user)
    home.clock.advance(hours=2)
    await oauth.prune()
    async with home.db.reading() as tx:
        assert (await tx.scalars(select(OAuthCode.code_hash))).all() == [at_rest(code)]
