"""Calls about who follows whom, who asks to, and who is blocked."""

from fedispace.accounts import follows
from fedispace.accounts.blocking import Blocking
from fedispace.accounts.following import Following
from fedispace.accounts.models import Account as AccountRow
from fedispace.accounts.people import People
from fedispace.api.entities.account import Account, Relationship
from fedispace.api.entities.shape import ById, Paged, RowId
from fedispace.api.links import page_of
from fedispace.api.people import profiles
from fedispace.api.present.accounts import AccountPresenter, relationship_of
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database


class PagedOf(Paged, frozen=True, kw_only=True):
    id: RowId


class RelationCalls(Calls):
    """Mastodon's `follow_requests` methods, and the lists of followers."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        following: Following,
        blocking: Blocking,
        presenter: AccountPresenter,
    ) -> None:
        self._db = db
        self._people = people
        self._following = following
        self._blocking = blocking
        self._presenter = presenter

    @routes.get("/api/v1/accounts/{id}/followers", who=Who.ANYONE, scope="read:accounts")
    async def followers(self, call: Call[PagedOf]) -> Listing[Account]:
        """Return who follows an account, as far as we know."""
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, call.given.id)
            if not _may_list(account, call.viewer_id):
                return Listing(items=[], cursors=[])
            rows = await follows.followers(tx, account.id, page_of(call.given, default=40, most=80))
            items = await profiles(tx, self._presenter, (who for _, who in rows))
        return Listing(items=items, cursors=[row.id for row, _ in rows])

    @routes.get("/api/v1/accounts/{id}/following", who=Who.ANYONE, scope="read:accounts")
    async def followed(self, call: Call[PagedOf]) -> Listing[Account]:
        """Return whom an account follows, as far as we know."""
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, call.given.id)
            if not _may_list(account, call.viewer_id):
                return Listing(items=[], cursors=[])
            rows = await follows.following(tx, account.id, page_of(call.given, default=40, most=80))
            items = await profiles(tx, self._presenter, (who for _, who in rows))
        return Listing(items=items, cursors=[row.id for row, _ in rows])

    @routes.get("/api/v1/follow_requests", who=Who.PERSON, scope="read:follows")
    async def requests(self, call: Call[Paged]) -> Listing[Account]:
        """Return who asks to follow the asker."""
        async with self._db.reading() as tx:
            page = page_of(call.given, default=40, most=80)
            rows = await follows.requests(tx, call.person.account.id, page)
            items = await profiles(tx, self._presenter, (who for _, who in rows))
        return Listing(items=items, cursors=[row.id for row, _ in rows])

    @routes.post("/api/v1/follow_requests/{id}/authorize", who=Who.PERSON, scope="write:follows")
    async def authorize(self, call: Call[ById]) -> Relationship:
        """Let an account follow."""
        return relationship_of(await self._following.authorize(call.person.account, call.given.id))

    @routes.post("/api/v1/follow_requests/{id}/reject", who=Who.PERSON, scope="write:follows")
    async def reject(self, call: Call[ById]) -> Relationship:
        """Turn a request to follow down."""
        return relationship_of(await self._following.reject(call.person.account, call.given.id))

    @routes.post("/api/v1/accounts/{id}/remove_from_followers", who=Who.PERSON, scope="write:follows")
    async def remove_follower(self, call: Call[ById]) -> Relationship:
        """Be followed by an account no longer."""
        return relationship_of(await self._following.reject(call.person.account, call.given.id))

    @routes.post("/api/v1/accounts/{id}/block", who=Who.PERSON, scope="write:blocks")
    async def block(self, call: Call[ById]) -> Relationship:
        """Have nothing to do with an account."""
        return relationship_of(await self._blocking.block(call.person.account, call.given.id))

    @routes.post("/api/v1/accounts/{id}/unblock", who=Who.PERSON, scope="write:blocks")
    async def unblock(self, call: Call[ById]) -> Relationship:
        """Block an account no longer."""
        return relationship_of(await self._blocking.unblock(call.person.account, call.given.id))


def _may_list(account: AccountRow, viewer_id: int | None) -> bool:
    """Tell whether the viewer may read who follows an account; its owner always may."""
    return account.id == viewer_id or not (account.hides_relations or account.is_suspended)
