"""The table of pages, filled by decorators on methods and joined to an instance by the door.

    class SpacePages:
        pages = Pages()

        @pages.get("/spaces")
        async def listed(self, asked: Asked) -> web.Response: ...

A `get` is open to strangers unless it says otherwise; a `post` takes forms of people who are signed
in, unless it says otherwise. `guests` says that people of other servers who visit may send it too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from fedispace.accounts.models import Account
from fedispace.accounts.signin import Visitor
from fedispace.errors import NotFound, Unauthenticated
from fedispace.spaces.entry.visits import Guest

_MAX_ID = 2**63 - 1
_MAX_DIGITS = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of a browser: who asks, and what was typed. Checked by the door."""

    request: web.Request
    visitor: Visitor | None
    form: "MultiDictProxy[str]"
    at: datetime
    """When it was asked."""
    guest: Guest | None = None
    """Somebody of another server who visits with this browser; nobody while somebody is signed in."""

    @property
    def somebody(self) -> Visitor | Guest | None:
        """Who asks, as far as it is known: signed in here, or visiting."""
        return self.visitor or self.guest

    @property
    def person(self) -> Account:
        """Return whose account asks, ours or a visitor's; raises `Unauthenticated` for a stranger."""
        if self.somebody is None:
            raise Unauthenticated("Sign in first.")
        return self.somebody.account

    @property
    def person_id(self) -> int | None:
        """The account that asks, ours or a visitor's."""
        return None if self.somebody is None else self.somebody.account.id

    @property
    def viewer_id(self) -> int | None:
        return None if self.visitor is None else self.visitor.account.id

    @property
    def who(self) -> Visitor:
        """Return who is signed in; raises `Unauthenticated` for a stranger."""
        if self.visitor is None:
            raise Unauthenticated("Sign in first.")
        return self.visitor

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def piece(self) -> str:
        """What a script of ours wants instead of a page: `post`, `space`, `stay`, or nothing."""
        return self.request.headers.get("X-Piece", "")

    def text(self, name: str, default: str = "") -> str:
        """Return a field of the form, without the carriage returns browsers send."""
        return self.form.get(name, default).replace("\r\n", "\n")

    def texts(self, name: str) -> list[str]:
        return [value.replace("\r\n", "\n") for value in self.form.getall(name, [])]

    def query(self, name: str) -> str:
        return self.request.query.get(name, "")

    def id(self, name: str = "id") -> int:
        """Return an id from the path; what cannot be one does not exist."""
        found = number(self.request.match_info[name])
        if found is None:
            raise NotFound("It was deleted, or it never was, or it is not for you.")
        return found


def number(text: str) -> int | None:
    """Return the id that `text` spells, or None."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _MAX_DIGITS or int(text) > _MAX_ID:
        return None
    return int(text)


NO_FORM: "MultiDictProxy[str]" = MultiDictProxy(MultiDict())

Page = Callable[[Any, Asked], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    method: Literal["GET", "POST"]
    path: str
    function: Page
    stranger: bool
    guests: bool = False


class Pages:
    """The pages of one group."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def get(self, path: str, *, stranger: bool = True) -> Callable[[Page], Page]:
        return self._enter("GET", path, stranger)

    def post(self, path: str, *, stranger: bool = False, guests: bool = False) -> Callable[[Page], Page]:
        return self._enter("POST", path, stranger, guests)

    def _enter(
        self, method: Literal["GET", "POST"], path: str, stranger: bool, guests: bool = False
    ) -> Callable[[Page], Page]:
        def enter(function: Page) -> Page:
            self.rows.append(
                Row(method=method, path=path, function=function, stranger=stranger, guests=guests)
            )
            return function

        return enter
