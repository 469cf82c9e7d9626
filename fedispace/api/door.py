"""The way every call takes: who asks, how often, what may they, what do they give; then the handler.

Each step refuses in the words of the call's dialect. Nothing here knows what a call does.
"""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from fedispace import errors
from fedispace.accounts import scopes
from fedispace.accounts.oauth import Bearer, OAuth
from fedispace.api import parameters
from fedispace.api.cors import ANY_ORIGIN
from fedispace.api.dialects import json_response, refusal, told
from fedispace.api.limits import Limiter, Rates, Standing
from fedispace.api.links import link_header
from fedispace.api.routing import Call, Dialect, Endpoint, Headers, Listing, Reply, Route, Who
from fedispace.clock import Clock

_MAX_TOKEN = 512
_BODY_LIMIT_STATUS = 413


class Door:
    """Turns rows of the table into aiohttp handlers."""

    def __init__(self, *, origin: str, oauth: OAuth, limiter: Limiter, rates: Rates, clock: Clock) -> None:
        self._origin = origin
        self._oauth = oauth
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
        bearer = await self.bearer(request)
        standing = self.count(request, bearer)
        _admit(route, bearer)
        call: Call[object] = Call(
            given=await parameters.read(request, route.takes),
            bearer=bearer,
            client=request.remote or "",
            at=self._clock.now(),
            authorization=request.headers.get("Authorization"),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        response = self._present(request, await route.function(owner, call))
        if standing is not None:
            response.headers.update(standing.headers)
        if bearer is not None:
            response.headers["Cache-Control"] = "private, no-store"
        return response

    async def bearer(self, request: web.Request) -> Bearer | None:
        """Return whose token the call shows, None when it shows none; a bad one is an error.

        The header is the only place for a token (RFC 6750 section 2.1): one in the address ends up
        in logs, and two tokens are an argument about which counts.
        """
        if "access_token" in request.query:
            raise errors.Unauthenticated("The access token is invalid")
        shown = request.headers.getall("Authorization", [])
        if not shown:
            return None
        kind, _, token = shown[0].partition(" ")
        if kind.lower() == "basic" and len(shown) == 1:
            return None  # a client program's own credentials, read by the token endpoint
        if len(shown) > 1 or kind.lower() != "bearer" or not 0 < len(token) <= _MAX_TOKEN:
            raise errors.Unauthenticated("The access token is invalid")
        bearer = await self._oauth.bearer(token)
        if bearer is None:
            raise errors.Unauthenticated("The access token is invalid")
        return bearer

    def count(self, request: web.Request, bearer: Bearer | None) -> Standing | None:
        """Count the call against its account, or else its address."""
        if bearer is not None and bearer.account is not None:
            return self._limiter.spend(f"account:{bearer.account.id}", self._rates.per_account)
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


def _admit(route: Route, bearer: Bearer | None) -> None:
    """Refuse who may not make this call."""
    if bearer is None:
        if route.who is not Who.ANYONE:
            raise errors.Unauthenticated("The access token is invalid")
        return
    if route.scope is not None and not scopes.covers(bearer.scopes, route.scope):
        raise errors.Forbidden("This action is outside the authorized scopes")
    if route.who is Who.PERSON and bearer.account is None:
        raise errors.Invalid("This method requires an authenticated user")
