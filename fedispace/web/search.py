"""Finding people, posts and Spaces: known ones by name, any by its address."""

from aiohttp import web

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, NotFound
from fedispace.spaces.fediverse.lookup import SpaceLookup
from fedispace.spaces.models import Space
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.models import Status
from fedispace.threads.visibility import may_see
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages

_MAX_QUERY = 500
_FOUND = 20


class SearchPages:
    """The search page."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        accounts: Lookup,
        statuses: StatusLookup,
        spaces: SpaceLookup,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._accounts = accounts
        self._statuses = statuses
        self._spaces = spaces
        self._presenter = presenter
        self._frame = frame

    @pages.get("/search")
    async def search(self, asked: Asked) -> web.Response:
        query = " ".join(asked.query("q").split())[:_MAX_QUERY]
        found = await self._at_address(asked, query) if _is_address(query) else None
        if isinstance(found, web.Response):
            return found
        async with self._db.reading() as tx:
            known = await self._accounts.search_accounts(tx, query, _FOUND) if query else []
        people = {account.id: account for account in ([found] if found else []) + known}
        return await self._frame.page(
            asked,
            "search.html",
            query=query,
            error="",
            people=[self._presenter.face(account) for account in people.values()],
            cards=[],
            found_spaces=[],
        )

    async def _at_address(self, asked: Asked, query: str) -> Account | web.Response | None:
        """Return the person behind an address, or the way to the page of a post or a Space.

        A stranger makes us ask no other server; they find what is known.
        """
        if asked.visitor is None:
            try:
                return await self._accounts.known(query)
            except NotFound:
                return None
        if not query.startswith(("https://", "http://")):
            return await self._person(query)
        return (
            await self._space(query, asked.who.account.id)
            or await self._post(query, asked.who.account.id)
            or await self._person(query)
        )

    async def _person(self, query: str) -> Account | None:
        try:
            return await self._accounts.account(query)
        except FedispaceError:
            return None

    async def _post(self, url: str, viewer_id: int) -> web.Response | None:
        try:
            status: Status = await self._statuses.status(url)
        except FedispaceError:
            return None
        async with self._db.reading() as tx:
            if not await may_see(tx, viewer_id, status):
                return None
            return redirect((await self._presenter.post(tx, status, viewer_id)).path)

    async def _space(self, url: str, viewer_id: int) -> web.Response | None:
        try:
            space: Space = await self._spaces.space(url, viewer_id)
        except FedispaceError:
            return None
        async with self._db.reading() as tx:
            return redirect((await self._presenter.space(tx, space, viewer_id)).path)


def _is_address(query: str) -> bool:
    return query.startswith(("https://", "http://")) or "@" in query.removeprefix("@")
