"""The page where a person lets a client program use their account (RFC 6749 section 3.1).

What is wrong with the client or its redirect URI is told here and redirects nowhere; everything else
the person decides, and the answer goes to exactly the address that was registered.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from fedispace.accounts import scopes as scoping
from fedispace.accounts.models import OAuthApp
from fedispace.accounts.oauth import OAuth, OAuthRefused, check_request
from fedispace.accounts.redirects import OUT_OF_BAND
from fedispace.errors import Invalid
from fedispace.web.frame import Frame, redirect
from fedispace.web.guard import source_of
from fedispace.web.routing import Asked, Pages
from fedispace.web.words import scope_in_words

_FIELDS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
_MAX_FIELD = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client asks for, checked."""

    app: OAuthApp
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    challenge: str | None
    method: str | None
    fields: dict[str, str]


class ConsentPages:
    """Granting access."""

    pages = Pages()

    def __init__(self, *, oauth: OAuth, frame: Frame) -> None:
        self._oauth = oauth
        self._frame = frame

    @pages.get("/oauth/authorize", stranger=False)
    async def ask(self, asked: Asked) -> web.Response:
        wish = await self._wish({name: asked.query(name) for name in _FIELDS})
        shown_code = wish.redirect_uri == OUT_OF_BAND
        return await self._frame.page(
            asked,
            "authorize.html",
            beside=False,
            sends_form_to=[] if shown_code else [source_of(wish.redirect_uri)],
            app=wish.app,
            destination="" if shown_code else _place(wish.redirect_uri),
            hidden=wish.fields,
            scopes=[(scope, scope_in_words(scope)) for scope in sorted(wish.scopes)],
        )

    @pages.post("/oauth/authorize")
    async def decide(self, asked: Asked) -> web.Response:
        wish = await self._wish({name: asked.text(name) for name in _FIELDS})
        if asked.text("decision") != "allow":
            if wish.redirect_uri == OUT_OF_BAND:
                return redirect("/")
            return redirect(_answer(wish, error="access_denied"))
        code = await self._oauth.authorize(
            wish.app, asked.who.user, wish.redirect_uri, wish.scopes, wish.challenge, method=wish.method
        )
        if wish.redirect_uri == OUT_OF_BAND:
            return await self._frame.page(asked, "code.html", beside=False, code=code)
        return redirect(_answer(wish, code=code))

    async def _wish(self, given: dict[str, str]) -> Wish:
        """Check everything a client may get wrong; raises before anybody is sent anywhere."""
        if any(len(value) > _MAX_FIELD for value in given.values()):
            raise Invalid("This request for access is too long.")
        app = await self._oauth.app(given["client_id"])
        if app is None:
            raise OAuthRefused("invalid_client", "This program is not registered here.")
        if given["response_type"] != "code":
            raise OAuthRefused("invalid_request", "This program asked in a way that is not supported.")
        try:
            scopes = scoping.parse(given["scope"] or None)
        except Invalid as error:
            raise OAuthRefused("invalid_scope", "This program asks for something unknown.") from error
        challenge = given["code_challenge"] or None
        method = given["code_challenge_method"] or None
        check_request(app, given["redirect_uri"], scopes, challenge, method=method)
        return Wish(
            app=app,
            redirect_uri=given["redirect_uri"],
            scopes=scopes,
            state=given["state"],
            challenge=challenge,
            method=method,
            fields={name: value for name, value in given.items() if value},
        )


def _answer(wish: Wish, **said: str) -> str:
    """Return the registered address with the answer added to its own query; `state` is untouched."""
    parts = urlsplit(wish.redirect_uri)
    state = {"state": wish.state} if wish.state else {}
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *{**said, **state}.items()])
    return urlunsplit(parts._replace(query=query))


def _place(uri: str) -> str:
    """Return what a person recognises of an address: its host, or the name of an app's scheme."""
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"the app behind {parts.scheme}:"
