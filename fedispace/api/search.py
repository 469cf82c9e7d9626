"""The search call: addresses and URIs at their origin, names and hashtags here."""

import re
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from fedispace.accounts.handles import parse_handle
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account as AccountRow
from fedispace.accounts.people import People
from fedispace.api.entities.account import Account
from fedispace.api.entities.search import Search, Tag
from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.entities.status import Status
from fedispace.api.people import profiles
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Invalid, RateLimited, Unauthenticated
from fedispace.federation.addresses import Addresses
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.models import Status as StatusRow

log = structlog.get_logger()

_MAX_QUERY = 2048
_HASHTAG = re.compile(r"#?([\w]{1,100})")


class FindAnything(Parameters, frozen=True, kw_only=True):
    q: str
    type: Literal["accounts", "statuses", "hashtags"] | None = None
    resolve: bool = False
    limit: int | None = None
    offset: int | None = None
    min_id: RowId | None = None
    max_id: RowId | None = None


class SearchCalls(Calls):
    """Mastodon's `search` method."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        addresses: Addresses,
        people: People,
        accounts: Lookup,
        statuses: StatusLookup,
        posts: Posts,
        presenter: AccountPresenter,
    ) -> None:
        self._db = db
        self._addresses = addresses
        self._people = people
        self._accounts = accounts
        self._statuses = statuses
        self._posts = posts
        self._presenter = presenter

    @routes.get("/api/v2/search", who=Who.ANYONE, scope="read:search")
    async def search(self, call: Call[FindAnything]) -> Search:
        """Find accounts, posts and hashtags; with `resolve`, at other servers too."""
        given = call.given
        text = given.q.strip()
        if call.viewer_id is None and (given.resolve or given.offset):
            raise Unauthenticated("Resolving and paging a search need a signed-in person")
        if not text or len(text) > _MAX_QUERY or given.offset:
            return Search(accounts=[], statuses=[], hashtags=[])
        if text.startswith(("https://", "http://")):
            return await self._at_uri(text, call)
        accounts = await self._people_called(text, call) if given.type in (None, "accounts") else []
        tags = self._hashtags(text) if given.type in (None, "hashtags") else []
        return Search(accounts=await self._profiles(accounts), statuses=[], hashtags=tags)

    async def _at_uri(self, uri: str, call: Call[FindAnything]) -> Search:
        """Find the one thing at an address: a post, else an account."""
        kind, resolve = call.given.type, call.given.resolve
        statuses: list[Status] = []
        accounts: list[AccountRow] = []
        if kind in (None, "statuses"):
            row = await _quietly(lambda: self._statuses.status(uri, resolve=resolve))
            if isinstance(row, StatusRow):
                async with self._db.reading() as tx:
                    statuses = list((await self._posts.by_id(tx, [row.id], call.viewer_id)).values())
        if kind in (None, "accounts") and not statuses:
            found = await _quietly(lambda: self._account_at(uri, resolve=resolve))
            accounts = [found] if isinstance(found, AccountRow) else []
        return Search(accounts=await self._profiles(accounts), statuses=statuses, hashtags=[])

    async def _profiles(self, rows: list[AccountRow]) -> list[Account]:
        async with self._db.reading() as tx:
            return await profiles(tx, self._presenter, rows)

    async def _account_at(self, address: str, *, resolve: bool) -> AccountRow | None:
        """Return the account of that URI or handle: the one known here, or the one found there."""
        if resolve:
            return await self._accounts.account(address)
        async with self._db.reading() as tx:
            if address.startswith(("https://", "http://")):
                return await self._people.by_uri(tx, address)
            handle = parse_handle(address)
            return await self._people.by_handle(tx, handle.username, handle.domain)

    async def _people_called(self, text: str, call: Call[FindAnything]) -> list[AccountRow]:
        limit = max(1, min(call.given.limit or 20, 40))
        if "@" in text.removeprefix("@"):
            found = await _quietly(lambda: self._account_at(text, resolve=call.given.resolve))
            return [found] if isinstance(found, AccountRow) else []
        async with self._db.reading() as tx:
            return await self._accounts.search_accounts(tx, text, limit)

    def _hashtags(self, text: str) -> list[Tag]:
        tag = _HASHTAG.fullmatch(text)
        if tag is None or not text.startswith("#"):
            return []
        name = tag.group(1)
        url = self._addresses.tag(name)
        return [Tag(id=name.lower(), name=name, url=url, history=[], following=False, featuring=False)]


async def _quietly(find: Callable[[], Awaitable[object]]) -> object:
    """Return what is found, or None: what a search cannot find, or may not fetch, is no error."""
    try:
        return await find()
    except (RateLimited, Invalid) as error:
        if isinstance(error, RateLimited):
            raise
        return None
    except FedispaceError as error:
        log.info("search.not_found", reason=error.detail)
        return None
