"""Home servers of other kinds, by their documents: Mastodon's OAuth, Misskey's MiAuth; and their lies.

One port serves every host name. Nothing of ours is in here but the shape of an actor.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from tests.federation.peer import CONTEXT, private_key
from tests.ground.ports import free_port
from tests.ground.signing import SigningKey

ACTIVITY = "application/activity+json"
HOSTS = ("m.test", "evil.test", "old.test", "mk.test", "plain.test", "sub.evil.test")


@dataclass
class Home:
    """One host: who lives there, what it remembers, and how it lies."""

    host: str
    kind: str = "mastodon"
    """`mastodon` (4.4), `old` (Mastodon 4.2), `misskey`, `plain` (no sign-in at all)."""
    people: dict[str, str] = field(default_factory=dict)
    apps: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    """What its metadata says instead."""
    sub: str | None = None
    """Whom its userinfo names instead."""
    redirects: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    def actor(self, name: str) -> str:
        return self.people[name]

    def lives(self, name: str) -> str:
        """Have somebody live here and return the id."""
        id_ = secrets.token_hex(4) if self.kind == "misskey" else name
        self.people[name] = f"{self.origin}/users/{id_}"
        return self.people[name]

    def agrees(self, departure: str, name: str, *, code: str | None = None) -> str:
        """Say yes, as `name`, to what a browser was sent here with; return where it is sent back to."""
        parts = urlsplit(departure)
        assert f"{parts.scheme}://{parts.netloc}" == self.origin, departure
        asked = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path.startswith("/miauth/"):
            session = parts.path.removeprefix("/miauth/")
            assert not asked.get("permission"), "more than identity was asked for"
            self.sessions[session] = name
            return f"{asked['callback']}?session={session}"
        assert parts.path == "/oauth/authorize"
        app = self.apps[asked["client_id"]]
        assert asked["response_type"] == "code"
        assert asked["redirect_uri"] == app["redirect_uris"]
        assert asked["scope"] == app["scopes"]
        assert asked["code_challenge_method"] == "S256"
        given = code or secrets.token_urlsafe(16)
        self.codes[given] = {**asked, "name": name}
        return f"{asked['redirect_uri']}?{urlencode({'code': given, 'state': asked['state']})}"

    def paths(self) -> list[str]:
        return [line.partition(" ")[2] for line in self.asked]


class Homes:
    """`async with Homes() as homes:`; `homes.host("m.test", kind)` and `homes.names` for the resolver."""

    def __init__(self) -> None:
        self.port = free_port()
        self.names: dict[str, tuple[str, int]] = dict.fromkeys(HOSTS, ("127.0.0.1", self.port))
        self._hosts: dict[str, Home] = {}

    def host(self, name: str, kind: str = "mastodon") -> Home:
        assert name in self.names
        return self._hosts.setdefault(name, Home(name, kind))

    async def __aenter__(self) -> "Homes":
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        home = self._hosts[request.host]
        home.asked.append(f"{request.method} {request.path}")
        if request.path in home.redirects:
            return web.Response(status=307, headers={"Location": home.redirects[request.path]})
        if request.path.endswith("/inbox") and request.method == "POST":
            home.received.append(json.loads(await request.read()))
            return web.Response(status=202)
        if request.path == "/.well-known/webfinger":
            return _webfinger(home, request.query["resource"])
        for name, uri in home.people.items():
            if uri == home.origin + request.path:
                return web.Response(text=json.dumps(_actor(home, name, uri)), content_type=ACTIVITY)
        if home.kind == "misskey":
            return await _misskey(home, request)
        if home.kind in ("mastodon", "old"):
            return await _mastodon(home, request)
        return _json({"error": "Not Found"}, 404)


async def _mastodon(home: Home, request: web.Request) -> web.Response:
    if request.path == "/.well-known/oauth-authorization-server" and home.kind == "mastodon":
        return _json(_metadata(home))
    form = {key: str(value) for key, value in (await request.post()).items()}
    match request.path:
        case "/api/v1/apps":
            known = {"read:accounts"} | ({"profile"} if home.kind == "mastodon" else set())
            if not set(form["scopes"].split()) <= known:
                return _json({"error": "Validation failed: Scopes doesn't match configured"}, 422)
            id_ = secrets.token_urlsafe(8)
            home.apps[id_] = {**form, "secret": secrets.token_urlsafe(16)}
            return _json(
                {
                    "id": "1",
                    "name": form["client_name"],
                    "website": form["website"],
                    "redirect_uri": form["redirect_uris"],
                    "client_id": id_,
                    "client_secret": home.apps[id_]["secret"],
                }
            )
        case "/oauth/token":
            return _token(home, form)
        case "/oauth/revoke":
            if _client(home, form) is None:
                return _json({"error": "unauthorized_client"}, 403)
            home.revoked.append(form["token"])
            home.tokens.pop(form["token"], None)
            return _json({})
        case "/oauth/userinfo":
            who = _owner(home, request)
            if who is None or home.kind == "old":
                return _json({"error": "The access token is invalid"}, 401 if who is None else 404)
            uri = home.sub or home.people[who]
            return _json({"iss": home.origin + "/", "sub": uri, "name": who, "preferred_username": who})
        case "/api/v1/accounts/verify_credentials":
            who = _owner(home, request)
            if who is None:
                return _json({"error": "The access token is invalid"}, 401)
            url = home.sub or f"{home.origin}/@{who}"
            return _json({"id": "1", "username": who, "acct": who, "url": url})
    return _json({"error": "Not Found"}, 404)


def _token(home: Home, form: Mapping[str, str]) -> web.Response:
    if _client(home, form) is None:
        return _json({"error": "invalid_client"}, 401)
    asked = home.codes.pop(form["code"], None)
    made = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
    if (
        asked is None
        or asked["client_id"] != form["client_id"]
        or asked["redirect_uri"] != form["redirect_uri"]
        or asked["code_challenge"] != made.rstrip(b"=").decode()
    ):
        return _json({"error": "invalid_grant"}, 400)
    token = secrets.token_urlsafe(24)
    home.tokens[token] = {"name": asked["name"], "scope": asked["scope"]}
    return _json({"access_token": token, "token_type": "Bearer", "scope": asked["scope"], "created_at": 1})


async def _misskey(home: Home, request: web.Request) -> web.Response:
    parts = request.path.split("/")
    if request.method != "POST":
        return web.Response(status=404, text="<html>", content_type="text/html")
    if request.path == "/api/meta":
        return _json({"name": "Misskey", "version": "2025.4.0", "features": {"miauth": True}})
    if len(parts) == 5 and parts[1:3] == ["api", "miauth"] and parts[4] == "check":
        name = home.sessions.pop(parts[3], None)
        if name is None:
            return _json({"ok": False})
        token = secrets.token_urlsafe(24)
        user = {"id": home.people[name].rpartition("/")[2], "username": name, "host": home.sub, "name": None}
        return _json({"ok": True, "token": token, "user": user})
    return _json({"error": {"message": "Unknown API endpoint.", "code": "UNKNOWN_API_ENDPOINT"}}, 404)


def _metadata(home: Home) -> dict[str, Any]:
    at = home.origin
    return {
        "issuer": f"{at}/",
        "service_documentation": "https://docs.joinmastodon.org/",
        "authorization_endpoint": f"{at}/oauth/authorize",
        "token_endpoint": f"{at}/oauth/token",
        "app_registration_endpoint": f"{at}/api/v1/apps",
        "revocation_endpoint": f"{at}/oauth/revoke",
        "userinfo_endpoint": f"{at}/oauth/userinfo",
        "scopes_supported": ["read", "profile", "read:accounts", "write"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        **home.metadata,
    }


def _client(home: Home, form: Mapping[str, str]) -> dict[str, str] | None:
    app = home.apps.get(form.get("client_id", ""))
    return app if app is not None and app["secret"] == form.get("client_secret") else None


def _owner(home: Home, request: web.Request) -> str | None:
    token = home.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    return None if token is None else token["name"]


def _webfinger(home: Home, resource: str) -> web.Response:
    name, _, domain = resource.removeprefix("acct:").partition("@")
    if domain != home.host or name not in home.people:
        return _json({"error": "Not Found"}, 404)
    link = {"rel": "self", "type": ACTIVITY, "href": home.people[name]}
    return web.Response(
        text=json.dumps({"subject": f"acct:{name}@{home.host}", "links": [link]}),
        content_type="application/jrd+json",
    )


def _actor(home: Home, name: str, uri: str) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": uri,
        "type": "Person",
        "preferredUsername": name,
        "name": name.title(),
        "url": f"{home.origin}/@{name}",
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "endpoints": {"sharedInbox": f"{home.origin}/inbox"},
        "publicKey": {
            "id": f"{uri}#main-key",
            "owner": uri,
            "publicKeyPem": SigningKey(key_id="", private=private_key("one")).public_pem,
        },
    }


def _json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)
