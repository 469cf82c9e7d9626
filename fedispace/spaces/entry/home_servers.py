"""Asking somebody's home server who they are: Mastodon's OAuth, and Misskey's MiAuth.

Both sides may lie, so:

- everything a server says of itself is on one origin: its metadata (RFC 8414, whose issuer must be where it
  was found), where people are sent, where codes and secrets go. No redirect leads a secret elsewhere;
- we ask for the smallest thing there is: the scope `profile` (Mastodon 4.3), `read:accounts` where that is
  not known, no permission at all by MiAuth;
- who came is an ActivityPub id on that origin, or a name that WebFinger there leads to one. What a server
  says of people on other servers counts for nothing;
- the token is given back as soon as it has said this, and is kept nowhere.

A host that is blocked here is asked nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from fedispace import strictjson
from fedispace.errors import FedispaceError, Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.policy import Policy, refuse_blocked
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.uri import Uri, is_uri, parse_uri
from fedispace.hosts import host_of, origin_of
from fedispace.net import Net, Response, Unauthorized
from fedispace.spaces.visit_models import HomeApp

log = structlog.get_logger()

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
SMALL: Final = "profile"
OLDER: Final = "read:accounts"
_MAX_ANSWER: Final = 256 * 1024
_SECRET: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_NAME: Final = re.compile(r"\w(?:[\w.-]{0,126}\w)?")
_NOT_HERE: Final = (NotFound, Gone, Refused, Invalid)

Sign = Callable[[str, str, bytes | None], Mapping[str, str]]


class ForgotUs(Refused):
    """A home server does not know the app we registered there any more."""

    def __init__(self) -> None:
        super().__init__("app_forgotten", "Your server has forgotten this one. Try again.", status=403)


class Elsewhere(Refused):
    """A question was redirected to another origin, and not asked there."""

    def __init__(self, url: str) -> None:
        super().__init__("home_redirects", "That server sends questions elsewhere.", status=403)
        self.host = host_of(url)


class NoRegistration(Refused):
    """A server takes no apps in Mastodon's way."""

    def __init__(self) -> None:
        super().__init__(
            "no_oauth",
            "That server does not let people sign in elsewhere. Have a link sent instead.",
            status=403,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a server does what; all on `origin`."""

    origin: str
    authorize_url: str
    token_url: str
    register_url: str
    userinfo_url: str | None
    scopes: tuple[str, ...]

    @property
    def host(self) -> str:
        return host_of(self.origin)


class HomeServers:
    """Asks home servers. `plain_http` is for trials on one machine."""

    def __init__(
        self,
        net: Net,
        policy: Policy,
        resolver: Resolver,
        *,
        name: str,
        website: str,
        plain_http: bool = False,
    ) -> None:
        self._net = net
        self._policy = policy
        self._resolver = resolver
        self._name = name
        self._website = website
        self._scheme = "http" if plain_http else "https"

    def origin(self, host: str) -> str:
        return f"{self._scheme}://{host}"

    async def refuse_blocked(self, host: str) -> None:
        """Raise `Forbidden` for a server that is blocked here."""
        await refuse_blocked(self._policy, host)

    async def host_of_account(self, username: str, domain: str) -> str:
        """Return on which server `@username@domain` lives; raises `NotFound`."""
        await self.refuse_blocked(domain)
        try:
            return host_of((await self._resolver.webfinger(username, domain)).uri)
        except _NOT_HERE as error:
            raise NotFound("There is no such account.") from error

    async def discover(self, host: str, *, moves: int = 1) -> Home:
        """Return where `host` does what, as its metadata says, or where Mastodon does it before 4.3.

        It may lead to another server (people's addresses are often at a domain, and the server below it),
        which is judged before it is asked.
        """
        await self.refuse_blocked(host)
        at = self.origin(host)
        url = f"{at}/.well-known/oauth-authorization-server"
        try:
            answer = await self._net.get(url, accept=JSON, limit=_MAX_ANSWER, sign=_only_there(url, {}))
            said = strictjson.loads(answer.body)
        except Elsewhere as elsewhere:
            if moves == 0:
                raise
            return await self.discover(elsewhere.host, moves=moves - 1)
        except (NotFound, Gone, Invalid, Unauthorized):
            return _as_mastodon(at)
        except Refused as error:
            if error.reason != "peer_status":
                raise
            return _as_mastodon(at)
        return _described(said, at)

    async def register(self, home: Home, redirect_uri: str, now: datetime) -> HomeApp:
        """Register there as an app that may learn who somebody is; raises `NoRegistration`."""
        for scope in home.scopes:
            form = {
                "client_name": self._name,
                "redirect_uris": redirect_uri,
                "scopes": scope,
                "website": self._website,
            }
            answer = await self._post(home.register_url, form)
            said = _object(answer)
            if answer.status in (200, 201) and said is not None:
                return HomeApp(
                    host=home.host,
                    client_id=_secret(said.get("client_id")),
                    client_secret=_secret(said.get("client_secret")),
                    scope=scope,
                    authorize_url=home.authorize_url,
                    token_url=home.token_url,
                    userinfo_url=home.userinfo_url,
                    created_at=now,
                )
            if answer.status not in (400, 422):
                break
        raise NoRegistration

    async def knows(self, app: HomeApp, redirect_uri: str) -> bool:
        """Tell whether a server still knows our app: it is asked to take a code that nobody was given.

        Mastodon forgets apps that nobody has a token of, which with us is always so. RFC 6749 section 5.2
        tells an unknown client (`invalid_client`) from an unknown code (`invalid_grant`).
        """
        try:
            await self.exchange(app, "nobody was given this", "0" * 43, redirect_uri)
        except ForgotUs:
            return False
        except Refused:
            return True
        return True

    async def exchange(self, app: HomeApp, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the token a code stands for (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
        answer = await self._post(
            app.token_url,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "client_id": app.client_id,
                "client_secret": app.client_secret,
                "code_verifier": verifier,
                "scope": app.scope,
            },
        )
        said = _object(answer)
        if answer.status == 401 or (said is not None and said.get("error") == "invalid_client"):
            raise ForgotUs
        if answer.status != 200 or said is None:
            raise _no()
        return _secret(said.get("access_token"))

    async def who(self, app: HomeApp, token: str) -> Uri:
        """Return whose token that is: an actor on the server that gave it."""
        if app.userinfo_url is not None:
            try:
                said = await self._ask(app.userinfo_url, token)
                return self._on_that_server(said.get("sub"), app.authorize_url)
            except (NotFound, Unauthorized):
                log.info("home.no_userinfo", host=app.host)
        said = await self._ask(f"{_origin_text(app.authorize_url)}/api/v1/accounts/verify_credentials", token)
        if not _is_same_origin(said.get("url"), app.authorize_url):
            raise _foreign()
        return await self._named(said.get("username"), app.authorize_url)

    async def revoke(self, app: HomeApp, token: str) -> None:
        """Give a token back (RFC 7009); a server that does not take it has it lie there unused."""
        try:
            answer = await self._post(
                f"{_origin_text(app.token_url)}/oauth/revoke",
                {"client_id": app.client_id, "client_secret": app.client_secret, "token": token},
            )
            log.info("home.token_revoked", host=app.host, status=answer.status)
        except (FedispaceError, Unavailable):
            log.warning("home.token_not_revoked", host=app.host)

    async def speaks_miauth(self, host: str) -> bool:
        """Tell whether a server says that it has MiAuth (Misskey and its kin)."""
        await self.refuse_blocked(host)
        try:
            answer = await self._post(f"{self.origin(host)}/api/meta", None)
        except _NOT_HERE:
            return False
        said = _object(answer)
        features = said.get("features") if answer.status == 200 and said is not None else None
        return isinstance(features, dict) and features.get("miauth") is True

    async def who_by_miauth(self, host: str, session: str) -> Uri:
        """Return who agreed to a MiAuth session; the token that comes along may do nothing and is dropped."""
        await self.refuse_blocked(host)
        answer = await self._post(f"{self.origin(host)}/api/miauth/{session}/check", None)
        said = _object(answer)
        user = said.get("user") if said is not None else None
        if answer.status != 200 or said is None or said.get("ok") is not True or not isinstance(user, dict):
            raise _no()
        if user.get("host") is not None:
            raise _foreign()
        return await self._named(user.get("username"), self.origin(host))

    async def _named(self, username: object, at: str) -> Uri:
        """Return whom a name stands for at a server, which must lead there and back (RFC 7033)."""
        if not isinstance(username, str) or _NAME.fullmatch(username) is None:
            raise _foreign()
        try:
            named = await self._resolver.webfinger(username, host_of(at))
        except (NotFound, Gone, Invalid) as error:
            raise _foreign() from error
        return self._on_that_server(named.uri, at)

    def _on_that_server(self, said: object, at: str) -> Uri:
        """Return an id if it is on the server that says it: nobody vouches for the people of others."""
        if not is_uri(said) or not _is_same_origin(said, at):
            raise _foreign()
        return said

    async def _ask(self, url: str, token: str) -> dict[str, Any]:
        sign = _only_there(url, {"Accept": JSON, "Authorization": f"Bearer {token}"})
        try:
            return await self._net.fetch_json(url, accept=JSON, sign=sign)
        except Invalid as error:
            raise _no() from error

    async def _post(self, url: str, form: Mapping[str, str] | None) -> Response:
        """POST a form (or an empty JSON object) to where `url` is, and nowhere a redirect would lead it."""
        body = b"{}" if form is None else urlencode(form).encode()
        return await self._net.post(
            url,
            body,
            content_type=JSON if form is None else FORM,
            sign=_only_there(url, {"Accept": JSON}),
            limit=_MAX_ANSWER,
        )


def _described(said: Mapping[str, Any], found_at: str) -> Home:
    """Read metadata. Each address in it must be on the origin it came from, and so must the issuer be
    (RFC 8414 section 3.3): else one server could have secrets of another sent to it."""
    at = _origin_text(found_at)
    if not _is_same_origin(said.get("issuer"), at):
        raise Refused("issuer_mismatch", "That server says it is another one.", status=403)

    def place(key: str, path: str) -> str:
        address = said.get(key)
        if address is None:
            return at + path
        if not is_uri(address) or not _is_same_origin(address, at):
            raise Refused("home_spread", "That server sends people elsewhere.", status=403)
        return parse_uri(address)

    supported = said.get("scopes_supported")
    knows_small = isinstance(supported, list) and SMALL in supported
    return Home(
        origin=at,
        authorize_url=place("authorization_endpoint", "/oauth/authorize"),
        token_url=place("token_endpoint", "/oauth/token"),
        register_url=place("app_registration_endpoint", "/api/v1/apps"),
        userinfo_url=place("userinfo_endpoint", "") if said.get("userinfo_endpoint") else None,
        scopes=(SMALL, OLDER) if knows_small else (OLDER,),
    )


def _as_mastodon(at: str) -> Home:
    """Return where Mastodon does what, for servers that do not say."""
    return Home(
        origin=at,
        authorize_url=f"{at}/oauth/authorize",
        token_url=f"{at}/oauth/token",
        register_url=f"{at}/api/v1/apps",
        userinfo_url=None,
        scopes=(OLDER,),
    )


def _only_there(url: str, headers: Mapping[str, str]) -> Sign:
    """Return what adds `headers` to a request, and stops one that is redirected to another origin."""
    home = origin_of(url)

    def sign(_method: str, to: str, _body: bytes | None) -> Mapping[str, str]:
        if origin_of(to) != home:
            raise Elsewhere(to)
        return headers

    return sign


def _object(answer: Response) -> dict[str, Any] | None:
    try:
        return strictjson.loads(answer.body)
    except Invalid:
        return None


def _secret(said: object) -> str:
    """Return a secret a server gave us, if it is one that can stand in a header or a form."""
    if not isinstance(said, str) or _SECRET.fullmatch(said) is None:
        raise _no()
    return said


def _origin_text(url: str) -> str:
    return f"{origin_of(url)[0]}://{host_of(url)}"


def _is_same_origin(one: object, other: str) -> bool:
    try:
        return isinstance(one, str) and origin_of(one) == origin_of(other)
    except Invalid:
        return False


def _no() -> Refused:
    return Refused("home_refused", "Your server did not say who you are. Try again.", status=403)


def _foreign() -> Refused:
    return Refused("foreign_subject", "That server spoke for somebody who is not its own.", status=403)
