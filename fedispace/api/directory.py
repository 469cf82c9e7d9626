"""The call for the list of people who want to be found."""

from fedispace.accounts.directory import Order, listed
from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Parameters
from fedispace.api.people import profiles
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database


class Listed(Parameters, frozen=True, kw_only=True):
    order: Order = "active"
    local: bool = False
    offset: int = 0
    limit: int = 40


class DirectoryCalls(Calls):
    """Mastodon's `directory` method."""

    routes = Routes()

    def __init__(self, *, db: Database, presenter: AccountPresenter) -> None:
        self._db = db
        self._presenter = presenter

    @routes.get("/api/v1/directory", who=Who.ANYONE, scope=None)
    async def directory(self, call: Call[Listed]) -> list[Account]:
        """List people who want to be found."""
        given = call.given
        async with self._db.reading() as tx:
            people = await listed(
                tx, order=given.order, local=given.local, offset=given.offset, limit=given.limit
            )
            return await profiles(tx, self._presenter, people)
