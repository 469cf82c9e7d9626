"""The table of calls: path, who may ask, what is taken, what is given.

A handler is a method that takes one `Call` and returns an entity, a list, a `Listing` or a `Reply`.
Its annotations are read here once: they are how parameters are parsed and how the OpenAPI document
is made, so neither can say something else than the code. Who may ask is a required argument of
every row: a call nobody thought about does not exist.
"""

import enum
import inspect
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from fedispace.accounts.models import Account, User
from fedispace.accounts.oauth import Bearer
from fedispace.errors import Unauthenticated

Given = TypeVar("Given")
Item = TypeVar("Item")
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[object]])

Headers = dict[str, str]


class Who(enum.Enum):
    """Who may make a call."""

    ANYONE = "anyone"
    """No token is needed; one that is shown must be valid and cover the scope."""
    PROGRAM = "a client program"
    """A token is needed, its owner may be the program alone."""
    PERSON = "a person"
    """A token of a signed-in person is needed."""


class Besides(enum.Enum):
    """What may be shown as bearer token besides an OAuth token of ours."""

    NOTHING = "nothing"
    PASS = "pass"  # noqa: S105 - a word, no password
    """A pass for the Space in the path (`spaces/entry/passes.py`): its holder is a person like any other."""
    TICKET = "ticket"
    """Anything: the call itself judges what is no OAuth token."""


class Dialect(enum.Enum):
    """How errors are told."""

    MASTODON = "mastodon"
    OAUTH = "oauth"
    NATIVE = "native"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Given]):
    """One call, authenticated and parsed."""

    given: Given
    bearer: Bearer | None
    client: str
    """The address the call came from."""
    at: datetime
    """When it came."""
    authorization: str | None = None
    idempotency_key: str | None = None
    guest: Account | None = None
    """Whose pass was shown, if one was."""
    ticket: str | None = None
    """What was shown and is not an OAuth token, where that may be."""
    client_proof: str | None = None
    """What came to prove that the ticket is theirs who show it."""

    @property
    def viewer_id(self) -> int | None:
        """The account that looks, if any."""
        if self.guest is not None:
            return self.guest.id
        if self.bearer is None or self.bearer.account is None:
            return None
        return self.bearer.account.id

    @property
    def account(self) -> Account:
        """Who asks, of our server or of another; only for calls that need somebody."""
        return self.person.account if self.guest is None else self.guest

    @property
    def person(self) -> "Person":
        """Who asks; only for calls that need a person."""
        bearer = self.bearer
        if bearer is None or bearer.account is None or bearer.user is None:
            raise Unauthenticated("this method requires an authenticated user")
        application = bearer.app.name if bearer.app is not None else None
        return Person(account=bearer.account, user=bearer.user, application=application)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A signed-in person and the program they use."""

    account: Account
    user: User
    application: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Item]):
    """A page of a list, and the cursor ids of its first and last rows."""

    items: list[Item]
    cursors: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[Item]):
    """An answer that is not plain 200, or a page that is not a plain list."""

    body: Item
    status: int = 200
    headers: Headers = field(default_factory=dict)
    cursors: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the table."""

    method: str
    path: str
    who: Who
    scope: str | None
    dialect: Dialect
    function: Callable[..., Awaitable[object]]
    takes: type
    gives: Any
    summary: str
    """The first line of the handler's docstring."""
    besides: Besides = Besides.NOTHING


class Routes:
    """A table of calls, filled by decorators."""

    def __init__(self, dialect: Dialect = Dialect.MASTODON) -> None:
        self._dialect = dialect
        self.rows: list[Route] = []

    def get(
        self, path: str, *, who: Who, scope: str | None = None, besides: Besides = Besides.NOTHING
    ) -> Callable[[Handler], Handler]:
        return self._row("GET", path, who, scope, besides)

    def post(
        self, path: str, *, who: Who, scope: str | None = None, besides: Besides = Besides.NOTHING
    ) -> Callable[[Handler], Handler]:
        return self._row("POST", path, who, scope, besides)

    def patch(
        self, path: str, *, who: Who, scope: str | None = None, besides: Besides = Besides.NOTHING
    ) -> Callable[[Handler], Handler]:
        return self._row("PATCH", path, who, scope, besides)

    def put(
        self, path: str, *, who: Who, scope: str | None = None, besides: Besides = Besides.NOTHING
    ) -> Callable[[Handler], Handler]:
        return self._row("PUT", path, who, scope, besides)

    def delete(
        self, path: str, *, who: Who, scope: str | None = None, besides: Besides = Besides.NOTHING
    ) -> Callable[[Handler], Handler]:
        return self._row("DELETE", path, who, scope, besides)

    def _row(
        self, method: str, path: str, who: Who, scope: str | None, besides: Besides
    ) -> Callable[[Handler], Handler]:
        def add(function: Handler) -> Handler:
            takes, gives = _signature_of(function)
            self.rows.append(
                Route(
                    method=method,
                    path=path,
                    who=who,
                    scope=scope,
                    dialect=self._dialect,
                    function=function,
                    takes=takes,
                    gives=gives,
                    summary=(function.__doc__ or "").strip().split("\n", 1)[0],
                    besides=besides,
                )
            )
            return function

        return add


class Calls:
    """A group of calls: its methods are the handlers of its table."""

    routes: ClassVar[Routes]


def _signature_of(function: Callable[..., Awaitable[object]]) -> tuple[type, Any]:
    """Return what the handler's `Call` carries and what the handler returns."""
    hints = typing.get_type_hints(function)
    name = list(inspect.signature(function).parameters)[-1]
    (takes,) = typing.get_args(hints[name])
    return takes, hints["return"]


Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
