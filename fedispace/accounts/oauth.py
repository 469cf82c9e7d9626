"""OAuth 2 for client programs: registration, authorization codes with PKCE, tokens.

RFC 6749 without the implicit and the password grant, RFC 7636 with S256 only, RFC 7009. A code is
good for a minute and for one exchange, and is bound to client, redirect URI and PKCE challenge; if
it comes a second time somebody else has it too, so the tokens it gave are revoked (RFC 6749 section
10.5). A client that shows no secret must have used PKCE. Codes, tokens and client secrets are 256
random bits, and only their SHA-256 is stored.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, delete, or_, select, update

from fedispace.accounts import scopes as scoping
from fedispace.accounts.endings import Ending, nothing_more
from fedispace.accounts.models import Account, OAuthApp, OAuthCode, OAuthToken, User
from fedispace.accounts.one_line import one_line
from fedispace.accounts.redirects import acceptable_redirects
from fedispace.accounts.tokens import at_rest, is_the_secret, is_token
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.errors import Invalid
from fedispace.ids import Ids

CODE_LIFETIME: Final = timedelta(seconds=60)
CODE_REMEMBERED: Final = timedelta(days=1)
MAX_NAME: Final = 100
MAX_WEBSITE: Final = 500

_S256: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")

Code = Literal[
    "invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "unsupported_grant_type"
]


class OAuthRefused(Invalid):
    """A refusal in OAuth's own words: `code` is the `error` of RFC 6749 section 5.2."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code: Code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A fresh access token: the only time it is known in clear."""

    token: str
    scopes: frozenset[str]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who speaks with a token: a person through an app, or, without a user, the app alone."""

    user: User | None
    account: Account | None
    scopes: frozenset[str]
    app: OAuthApp | None


class OAuth:
    """Registers clients, hands out and exchanges codes, issues and revokes tokens."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, ends_too: Ending = nothing_more) -> None:
        self._ends_too = ends_too
        self._db = db
        self._clock = clock
        self._ids = ids

    async def register_app(
        self, name: str, redirect_uris: Sequence[str], scopes: str | None, website: str | None
    ) -> tuple[OAuthApp, str]:
        """Register a client; returns it and its secret, which is not kept. Raises `Invalid`."""
        shown = one_line(name)
        if not shown or len(shown) > MAX_NAME:
            raise Invalid("A client has a name of at most 100 characters.", field="client_name")
        client_id, secret = self._ids.token(), self._ids.token()
        app = OAuthApp(
            id=self._ids.next(),
            client_id=client_id,
            secret_hash=at_rest(secret),
            name=shown,
            website=_acceptable_website(website),
            redirect_uris=acceptable_redirects(redirect_uris),
            scopes=scoping.text_of(scoping.parse(scopes)),
            created_at=self._clock.now(),
        )
        async with self._db.transaction() as tx:
            tx.add(app)
        return app, secret

    async def app(self, client_id: str) -> OAuthApp | None:
        """Return the client of that id."""
        async with self._db.reading() as tx:
            return await _app(tx, client_id)

    async def authorize(
        self,
        app: OAuthApp,
        user: User,
        redirect_uri: str,
        scopes: frozenset[str],
        challenge: str | None,
        *,
        method: str | None = "S256",
    ) -> str:
        """Return a code for `app`, now that `user` has agreed to exactly `scopes`."""
        check_request(app, redirect_uri, scopes, challenge, method=method)
        code = self._ids.token()
        now = self._clock.now()
        async with self._db.transaction() as tx:
            await tx.execute(delete(OAuthCode).where(OAuthCode.expires_at < now - CODE_REMEMBERED))
            tx.add(
                OAuthCode(
                    code_hash=at_rest(code),
                    app_id=app.id,
                    user_id=user.id,
                    redirect_uri=redirect_uri,
                    scopes=scoping.text_of(scopes),
                    challenge=challenge or None,
                    expires_at=now + CODE_LIFETIME,
                    used_at=None,
                )
            )
        return code

    async def prune(self) -> None:
        """Forget codes a day after they ran out; until then one that is used again is recognised."""
        await forget(self._db, OAuthCode, OAuthCode.expires_at < self._clock.now() - CODE_REMEMBERED)

    async def exchange_code(
        self,
        *,
        client_id: str,
        client_secret: str | None,
        code: str,
        redirect_uri: str,
        verifier: str | None = None,
    ) -> IssuedToken:
        """Return the token a code stands for; raises `OAuthRefused`."""
        async with self._db.transaction() as tx:
            app = await _authenticated(tx, client_id, client_secret)
            spent = await self._spend(tx, code)
            issued = None
            if spent is not None and _is_for(spent, app, client_secret, redirect_uri, verifier):
                granted = scoping.parse(spent.scopes)
                issued = await self._write_token(
                    tx, app.id, spent.user_id, granted, code_hash=spent.code_hash
                )
        if issued is None:
            raise OAuthRefused(
                "invalid_grant",
                "The provided authorization grant is invalid, expired, revoked, does not match the "
                "redirection URI used in the authorization request, or was issued to another client.",
            )
        return issued

    async def client_credentials(
        self, *, client_id: str, client_secret: str | None, scopes: str | None = None
    ) -> IssuedToken:
        """Return a token with which a client speaks for itself alone; raises `OAuthRefused`."""
        async with self._db.transaction() as tx:
            app = await _authenticated(tx, client_id, client_secret)
            if client_secret is None:
                raise _unknown_client()
            asked = _asked(scopes)
            if not scoping.may_ask(scoping.parse(app.scopes), asked):
                raise _wider_than_registered()
            return await self._write_token(tx, app.id, None, asked)

    async def revoke(self, *, client_id: str, client_secret: str | None, token: str) -> None:
        """Revoke a token of that client; one that does not exist is fine (RFC 7009 section 2.2)."""
        async with self._db.transaction() as tx:
            app = await _authenticated(tx, client_id, client_secret)
            await self._end(tx, OAuthToken.token_hash == at_rest(token), OAuthToken.app_id == app.id)

    async def issue(self, user_id: int, scopes: frozenset[str]) -> str:
        """Return a token for a user without any client, for the operator's `user token`."""
        async with self._db.transaction() as tx:
            return (await self._write_token(tx, None, user_id, scopes)).token

    async def bearer(self, token: str) -> Bearer | None:
        """Return who holds `token`; None when it is not, or no longer, good."""
        if not is_token(token):
            return None
        async with self._db.reading() as tx:
            row = (
                await tx.execute(
                    select(OAuthToken, User, Account, OAuthApp)
                    .outerjoin(User, User.id == OAuthToken.user_id)
                    .outerjoin(Account, Account.id == User.id)
                    .outerjoin(OAuthApp, OAuthApp.id == OAuthToken.app_id)
                    .where(
                        OAuthToken.token_hash == at_rest(token),
                        or_(
                            OAuthToken.user_id.is_(None),
                            User.disabled_at.is_(None) & Account.suspended_at.is_(None),
                        ),
                    )
                )
            ).one_or_none()
        if row is None:
            return None
        found, user, account, app = row
        return Bearer(user=user, account=account, app=app, scopes=frozenset(found.scopes.split()))

    async def _spend(self, tx: Tx, code: str) -> OAuthCode | None:
        """Mark a code as used and return it; None for one that is unknown, stale or already used."""
        now = self._clock.now()
        row = await tx.get(OAuthCode, at_rest(code))
        if row is None:
            return None
        first = await tx.scalar(
            update(OAuthCode)
            .where(OAuthCode.code_hash == row.code_hash, OAuthCode.used_at.is_(None))
            .values(used_at=now)
            .execution_options(synchronize_session=False)
            .returning(OAuthCode.code_hash)
        )
        if first is None:
            await self._end(tx, OAuthToken.code_hash == row.code_hash)
            return None
        return row if row.expires_at > now else None

    async def _end(self, tx: Tx, *which: ColumnElement[bool]) -> None:
        """Revoke tokens, and end what else ends with them."""
        owners = await tx.scalars(delete(OAuthToken).where(*which).returning(OAuthToken.user_id))
        for user_id in sorted({owner for owner in owners if owner is not None}):
            await self._ends_too(tx, user_id)

    async def _write_token(
        self,
        tx: Tx,
        app_id: int | None,
        user_id: int | None,
        scopes: frozenset[str],
        code_hash: str | None = None,
    ) -> IssuedToken:
        issued = IssuedToken(token=self._ids.token(), scopes=scopes, created_at=self._clock.now())
        tx.add(
            OAuthToken(
                token_hash=at_rest(issued.token),
                app_id=app_id,
                user_id=user_id,
                code_hash=code_hash,
                scopes=scoping.text_of(scopes),
                created_at=issued.created_at,
            )
        )
        await tx.flush()
        return issued


def check_request(
    app: OAuthApp,
    redirect_uri: str,
    scopes: frozenset[str],
    challenge: str | None,
    *,
    method: str | None = "S256",
) -> None:
    """Raise `OAuthRefused` unless `app` may ask for this.

    The redirect URI must be one of the registered ones, character by character: a page that is
    refused here must not redirect anywhere (RFC 9700 section 4.1).
    """
    if redirect_uri not in app.redirect_uris:
        raise OAuthRefused("invalid_request", "The redirect URI is not one this client registered.")
    if not scoping.may_ask(scoping.parse(app.scopes), scopes):
        raise _wider_than_registered()
    if challenge and (method != "S256" or _S256.fullmatch(challenge) is None):
        raise OAuthRefused("invalid_request", "The code challenge method must be S256.")


def _is_for(
    code: OAuthCode, app: OAuthApp, secret: str | None, redirect_uri: str, verifier: str | None
) -> bool:
    """Tell whether a code may be exchanged by `app` in this way."""
    if code.app_id != app.id or code.redirect_uri != redirect_uri:
        return False
    if code.challenge is None:
        return secret is not None and not verifier
    return (
        verifier is not None
        and _VERIFIER.fullmatch(verifier) is not None
        and hmac.compare_digest(_challenge_of(verifier), code.challenge)
    )


def _challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def _app(tx: Tx, client_id: str) -> OAuthApp | None:
    if not is_token(client_id):
        return None
    return (await tx.scalars(select(OAuthApp).where(OAuthApp.client_id == client_id))).one_or_none()


async def _authenticated(tx: Tx, client_id: str, secret: str | None) -> OAuthApp:
    """Return the client; a secret that is given must be right, none makes it a public client."""
    app = await _app(tx, client_id)
    if app is None or (secret is not None and not is_the_secret(secret, app.secret_hash)):
        raise _unknown_client()
    return app


def _unknown_client() -> OAuthRefused:
    return OAuthRefused(
        "invalid_client",
        "Client authentication failed due to unknown client, no client authentication included, "
        "or unsupported authentication method.",
    )


def _wider_than_registered() -> OAuthRefused:
    return OAuthRefused("invalid_scope", "The requested scope is invalid, unknown, or malformed.")


def _asked(scopes: str | None) -> frozenset[str]:
    try:
        return scoping.parse(scopes)
    except Invalid:
        raise _wider_than_registered() from None


def _acceptable_website(website: str | None) -> str | None:
    if not website:
        return None
    if len(website) > MAX_WEBSITE:
        raise Invalid("The website's address is too long.", field="website")
    try:
        parts = urlsplit(website)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not website.isprintable():
        raise Invalid("The website must be an http or https address.", field="website")
    return website
