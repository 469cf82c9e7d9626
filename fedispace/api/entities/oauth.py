"""Client programs, tokens, and what the authorization server says of itself."""

import msgspec

from fedispace.api.entities.shape import Entity


class Application(Entity, frozen=True, kw_only=True):
    """A client program, as it sees itself."""

    id: str
    name: str
    website: str | None
    scopes: list[str]
    redirect_uris: list[str]
    redirect_uri: str
    vapid_key: str


class CredentialApplication(Application, frozen=True, kw_only=True):
    """A client program that just registered; its secret is shown this once."""

    client_id: str
    client_secret: str
    client_secret_expires_at: int


class Token(Entity, frozen=True, kw_only=True):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str
    scope: str
    created_at: int


class UserInfo(Entity, frozen=True, kw_only=True):
    """Who the token's owner is, by OpenID Connect's names; `sub` is the ActivityPub actor."""

    iss: str
    sub: str
    name: str
    preferred_username: str
    profile: str
    picture: str


class AuthorizationServer(Entity, frozen=True, kw_only=True):
    """Authorization server metadata (RFC 8414), with Mastodon's endpoint for registering a client."""

    issuer: str
    service_documentation: str
    authorization_endpoint: str
    token_endpoint: str
    app_registration_endpoint: str
    revocation_endpoint: str
    userinfo_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    code_challenge_methods_supported: list[str]


class Nothing(msgspec.Struct, frozen=True):
    """An empty object: done, and nothing to tell."""
