"""Calls by which client programs register, get tokens and give them back."""

import base64
import binascii
from typing import Final
from urllib.parse import unquote_plus

from fedispace.accounts import scopes
from fedispace.accounts.models import OAuthApp
from fedispace.accounts.oauth import IssuedToken, OAuth, OAuthRefused
from fedispace.api.entities.oauth import (
    Application,
    AuthorizationServer,
    CredentialApplication,
    Nothing,
    Token,
    UserInfo,
)
from fedispace.api.entities.shape import NoParameters, Parameters
from fedispace.api.limits import Limiter, Rates
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Dialect, Reply, Routes, Who
from fedispace.errors import Unauthenticated

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class RegisterApp(Parameters, frozen=True, kw_only=True):
    client_name: str
    redirect_uris: list[str] = []
    scopes: str | None = None
    website: str | None = None


class AskToken(Parameters, frozen=True, kw_only=True):
    grant_type: str = ""
    client_id: str | None = None
    client_secret: str | None = None
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str | None = None
    scope: str | None = None


class RevokeToken(Parameters, frozen=True, kw_only=True):
    token: str = ""
    client_id: str | None = None
    client_secret: str | None = None


class AppCalls(Calls):
    """Mastodon's `apps` methods."""

    routes = Routes()

    def __init__(self, *, oauth: OAuth, limiter: Limiter, rates: Rates) -> None:
        self._oauth = oauth
        self._limiter = limiter
        self._rates = rates

    @routes.post("/api/v1/apps", who=Who.ANYONE)
    async def register(self, call: Call[RegisterApp]) -> CredentialApplication:
        """Register a client program."""
        given = call.given
        self._limiter.spend_for("apps", call.client, self._rates.registrations)
        uris = [uri for line in given.redirect_uris for uri in line.split()]
        app, secret = await self._oauth.register_app(given.client_name, uris, given.scopes, given.website)
        seen = _application(app)
        return CredentialApplication(
            **{name: getattr(seen, name) for name in Application.__struct_fields__},
            client_id=app.client_id,
            client_secret=secret,
            client_secret_expires_at=0,
        )

    @routes.get("/api/v1/apps/verify_credentials", who=Who.PROGRAM)
    async def verify_credentials(self, call: Call[NoParameters]) -> Application:
        """Tell which client program the token was given to."""
        app = call.bearer.app if call.bearer is not None else None
        if app is None:
            raise Unauthenticated("The access token was not given to a client program")
        return _application(app)


class TokenCalls(Calls):
    """RFC 6749's token endpoint, RFC 7009's revocation, and what Mastodon put beside them."""

    routes = Routes(Dialect.OAUTH)

    def __init__(self, *, oauth: OAuth, origin: str, presenter: AccountPresenter) -> None:
        self._oauth = oauth
        self._origin = origin
        self._presenter = presenter

    @routes.post("/oauth/token", who=Who.ANYONE)
    async def token(self, call: Call[AskToken]) -> Reply[Token]:
        """Exchange a code, or a client program's own credentials, for a token."""
        given = call.given
        client_id, secret = _client_of(call.authorization, given.client_id, given.client_secret)
        match given.grant_type:
            case "authorization_code":
                issued = await self._oauth.exchange_code(
                    client_id=client_id,
                    client_secret=secret,
                    code=given.code,
                    redirect_uri=given.redirect_uri,
                    verifier=given.code_verifier or None,
                )
            case "client_credentials":
                issued = await self._oauth.client_credentials(
                    client_id=client_id, client_secret=secret, scopes=given.scope
                )
            case _:
                raise OAuthRefused(
                    "unsupported_grant_type",
                    "The authorization grant type is not supported by the authorization server.",
                )
        return Reply(body=_token(issued), headers=_NO_STORE)

    @routes.post("/oauth/revoke", who=Who.ANYONE)
    async def revoke(self, call: Call[RevokeToken]) -> Nothing:
        """Give a token back."""
        given = call.given
        client_id, secret = _client_of(call.authorization, given.client_id, given.client_secret)
        await self._oauth.revoke(client_id=client_id, client_secret=secret, token=given.token)
        return Nothing()

    @routes.get("/oauth/userinfo", who=Who.PERSON, scope="profile")
    async def userinfo(self, call: Call[NoParameters]) -> UserInfo:
        """Tell who the token's owner is; `sub` is their ActivityPub id."""
        account = self._presenter.account(call.person.account)
        return UserInfo(
            iss=self._origin,
            sub=account.uri,
            name=account.display_name or account.username,
            preferred_username=account.username,
            profile=account.url,
            picture=account.avatar,
        )

    @routes.post("/oauth/userinfo", who=Who.PERSON, scope="profile")
    async def userinfo_by_post(self, call: Call[NoParameters]) -> UserInfo:
        """Tell the same to those who ask by POST."""
        return await self.userinfo(call)

    @routes.get("/.well-known/oauth-authorization-server", who=Who.ANYONE)
    async def metadata(self, call: Call[NoParameters]) -> AuthorizationServer:
        """Describe the authorization server (RFC 8414)."""
        at = self._origin
        return AuthorizationServer(
            issuer=f"{at}/",
            service_documentation="https://docs.joinmastodon.org/",
            authorization_endpoint=f"{at}/oauth/authorize",
            token_endpoint=f"{at}/oauth/token",
            app_registration_endpoint=f"{at}/api/v1/apps",
            revocation_endpoint=f"{at}/oauth/revoke",
            userinfo_endpoint=f"{at}/oauth/userinfo",
            scopes_supported=sorted(scopes.KNOWN),
            response_types_supported=["code"],
            response_modes_supported=["query"],
            grant_types_supported=["authorization_code", "client_credentials"],
            token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post", "none"],
            code_challenge_methods_supported=["S256"],
        )


def _client_of(
    authorization: str | None, client_id: str | None, secret: str | None
) -> tuple[str, str | None]:
    """Return the client's id and secret, from the body or by Basic (RFC 6749 section 2.3.1)."""
    kind, _, encoded = (authorization or "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, colon, password = "", "", ""
        if not colon or "\0" in unquote_plus(name) or client_id not in (None, unquote_plus(name)):
            raise OAuthRefused("invalid_client", "The client's credentials cannot be read.")
        return unquote_plus(name), unquote_plus(password)
    if not client_id:
        raise OAuthRefused("invalid_client", "Client authentication failed due to no client authentication.")
    return client_id, secret or None


def _token(issued: IssuedToken) -> Token:
    return Token(
        access_token=issued.token,
        token_type="Bearer",  # noqa: S106 (the kind of token, RFC 6750)
        scope=scopes.text_of(issued.scopes),
        created_at=int(issued.created_at.timestamp()),
    )


def _application(app: OAuthApp) -> Application:
    return Application(
        id=str(app.id),
        name=app.name,
        website=app.website,
        scopes=app.scopes.split(),
        redirect_uris=list(app.redirect_uris),
        redirect_uri="\n".join(app.redirect_uris),
        vapid_key="",
    )
