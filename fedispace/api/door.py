"""The way every call takes: who asks, how often, what may they, what do they give; then the handler.

Each step refuses in the words of the call's dialect. Nothing here knows what a call does.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from fedispace import errors
from fedispace.accounts import scopes
from fedispace.accounts.models import Account
from fedispace.accounts.oauth import Bearer, OAuth
from fedispace.api import parameters
from fedispace.api.cors import ANY_ORIGIN
from fedispace.api.dialects import json_response, refusal, told
from fedispace.api.limits import Limiter, Rates, Standing
from fedispace.api.links import link_header
from fedispace.api.routing import Besides, Call, Dialect, Endpoint, Headers, Listing, Reply, Route, Who
from fedispace.clock import Clock
from fedispace.spaces.entry.client_keys import HEADER
from fedispace.spaces.entry.passes import Passes, is_pass

_MAX_TOKEN: Final = 512
_MAX_TICKET: Final = 2048
_BODY_LIMIT_STATUS = 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a call: by an OAuth token, by a pass, or by what only the call itself can judge."""

    bearer: Bearer | None = None
    guest: Account | None = None
    ticket: str | None = None

    @property
    def account_id(self) -> int | None:
        """Whose call it is, if that is known."""
        if self.guest is not None:
            return self.guest.id
        return None if self.bearer is None or self.bearer.account is None else self.bearer.account.id


NOBODY: Final = Caller()


class Door:
    """Turns rows of the table into aiohttp handlers."""

    def __init__(
        self, *, origin: str, oauth: OAuth, passes: Passes, limiter: Limiter, rates: Rates, clock: Clock
    ) -> None:
        self._origin = origin
        self._oauth = oauth
        self._passes = passes
        self._limiter = limiter
        self._rates = rates
        self._clock = clock

    def opened(self, route: Route, owner: object) -> Endpoint:
        """Return the handler of `route`, whose function is a method of `owner`."""

        async def endpoint(request: web.Request) -> web.StreamResponse:
            return await self.guarded(route.dialect, request, lambda: self._answer(route, owner, request))

        return endpoint

    async def guarded(
        self, dialect: Dialect, request: web.Request, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.Response:
        """Run `answer`, tell what it refuses in `dialect`, and let scripts of any origin read it."""
        try:
            response = await answer()
        except errors.FedispaceError as error:
            response = refusal(dialect, error)
        except web.HTTPRequestEntityTooLarge:
            response = told(dialect, _BODY_LIMIT_STATUS, "The body is too large.")
        response.headers.update(ANY_ORIGIN)
        return response

    async def _answer(self, route: Route, owner: object, request: web.Request) -> web.Response:
        caller = await self.caller(request, route.besides)
        standing = self.count(request, caller)
        _admit(route, caller)
        call: Call[object] = Call(
            given=await parameters.read(request, route.takes),
            bearer=caller.bearer,
            guest=caller.guest,
            ticket=caller.ticket,
            client_proof=request.headers.get(HEADER),
            client=request.remote or "",
            at=self._clock.now(),
            authorization=request.headers.get("Authorization"),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        response = self._present(request, await route.function(owner, call))
        if standing is not None:
            response.headers.update(standing.headers)
        if caller != NOBODY:
            response.headers["Cache-Control"] = "private, no-store"
        return response

    async def caller(self, request: web.Request, besides: Besides = Besides.NOTHING) -> Caller:
        """Return whose token the call shows, `NOBODY` when it shows none; a bad one is an error.

        The header is the only place for a token (RFC 6750 section 2.1): one in the address ends up
        in logs, and two tokens are an argument about which counts. A pass is good for the Space in the
        path and for nothing else.
        """
        if "access_token" in request.query:
            raise errors.Unauthenticated("The access token is invalid")
        shown = request.headers.getall("Authorization", [])
        if not shown:
            return NOBODY
        kind, _, token = shown[0].partition(" ")
        if kind.lower() == "basic" and len(shown) == 1:
            return NOBODY  # a client program's own credentials, read by the token endpoint
        if len(shown) > 1 or kind.lower() != "bearer" or not 0 < len(token) <= _longest(besides):
            raise errors.Unauthenticated("The access token is invalid")
        if besides is Besides.PASS and is_pass(token):
            return Caller(guest=await self._passes.person(token, _space_of(request)))
        bearer = await self._oauth.bearer(token)
        if bearer is not None:
            return Caller(bearer=bearer)
        if besides is Besides.TICKET:
            return Caller(ticket=token)
        raise errors.Unauthenticated("The access token is invalid")

    def count(self, request: web.Request, caller: Caller) -> Standing | None:
        """Count the call against its account, or else its address."""
        if caller.account_id is not None:
            return self._limiter.spend(f"account:{caller.account_id}", self._rates.per_account)
        return self._limiter.spend_for("address", request.remote or "", self._rates.per_address)

    def _present(self, request: web.Request, result: object) -> web.Response:
        if isinstance(result, Listing):
            return json_response(result.items, headers=self._links(request, result.cursors))
        if isinstance(result, Reply):
            headers = {**result.headers, **self._links(request, result.cursors)}
            return json_response(result.body, status=result.status, headers=headers)
        return json_response(result)

    def _links(self, request: web.Request, cursors: Sequence[int]) -> Headers:
        link = link_header(self._origin, request.rel_url, cursors)
        return {} if link is None else {"Link": link}


def _admit(route: Route, caller: Caller) -> None:
    """Refuse who may not make this call."""
    bearer = caller.bearer
    if bearer is None:
        if route.who is not Who.ANYONE and caller.guest is None:
            raise errors.Unauthenticated("The access token is invalid")
        return
    if route.scope is not None and not scopes.covers(bearer.scopes, route.scope):
        raise errors.Forbidden("This action is outside the authorized scopes")
    if route.who is Who.PERSON and bearer.account is None:
        raise errors.Invalid("This method requires an authenticated user")


def _longest(besides: Besides) -> int:
    return _MAX_TICKET if besides is Besides.TICKET else _MAX_TOKEN


def _space_of(request: web.Request) -> int:
    """Return the id in the path, 0 (no Space's) if it is none; the reader of parameters refuses that."""
    text = request.match_info.get("id", "")
    return int(text) if len(text) < 19 and text.isascii() and text.isdecimal() else 0
