"""Calls about people: who they are, what they posted, how one stands to them."""

from fedispace.accounts import follows
from fedispace.accounts.following import Following
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.moved import moved_to
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.accounts.refreshing import Refreshing
from fedispace.accounts.relationships import relationships
from fedispace.api.entities import account as entities
from fedispace.api.entities.account import CredentialAccount, FamiliarFollowers, Preferences, Relationship
from fedispace.api.entities.shape import ById, NoParameters, Paged, Parameters, RowId
from fedispace.api.entities.status import Status
from fedispace.api.links import page_of
from fedispace.api.people import profiles
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter, preferences_of, relationship_of
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database
from fedispace.threads import timelines
from fedispace.threads.featured import Featured

_MAX_IDS = 100


class Acct(Parameters, frozen=True, kw_only=True):
    acct: str


class Ids(Parameters, frozen=True, kw_only=True):
    id: list[RowId] = []


class AccountStatuses(Paged, frozen=True, kw_only=True):
    id: RowId
    exclude_replies: bool = False
    exclude_reblogs: bool = False
    only_media: bool = False
    pinned: bool = False


class FollowAccount(ById, frozen=True, kw_only=True):
    reblogs: bool | None = None
    notify: bool | None = None
    languages: list[str] | None = None


class FindAccounts(Parameters, frozen=True, kw_only=True):
    q: str
    limit: int | None = None
    resolve: bool = False


class AccountCalls(Calls):
    """Mastodon's `accounts` methods."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        following: Following,
        lookup: Lookup,
        refreshing: Refreshing,
        posts: Posts,
        presenter: AccountPresenter,
        featured: Featured,
    ) -> None:
        self._db = db
        self._people = people
        self._following = following
        self._lookup = lookup
        self._refreshing = refreshing
        self._posts = posts
        self._presenter = presenter
        self._featured = featured

    @routes.get("/api/v1/accounts/verify_credentials", who=Who.PERSON, scope="profile")
    async def verify_credentials(self, call: Call[NoParameters]) -> CredentialAccount:
        """Tell who the token belongs to."""
        account = call.person.account
        async with self._db.reading() as tx:
            waiting = await follows.requests(tx, account.id, Page(limit=80))
            now_at = await moved_to(tx, account)
        return self._presenter.own(account, call.person.user, follow_requests=len(waiting), moved=now_at)

    @routes.get("/api/v1/preferences", who=Who.PERSON, scope="read:accounts")
    async def preferences(self, call: Call[NoParameters]) -> Preferences:
        """Tell the asker's defaults."""
        return preferences_of(call.person.user)

    @routes.get("/api/v1/accounts/lookup", who=Who.ANYONE, scope="read:accounts")
    async def lookup(self, call: Call[Acct]) -> entities.Account:
        """Find an account that is known here by its address; asks nobody else."""
        account = await self._lookup.known(call.given.acct)
        async with self._db.reading() as tx:
            return self._presenter.account(account, await moved_to(tx, account))

    @routes.get("/api/v1/accounts/relationships", who=Who.PERSON, scope="read:follows")
    async def relationships(self, call: Call[Ids]) -> list[Relationship]:
        """Tell how the asker stands to each of some accounts, in the order asked."""
        viewer, wanted = call.person.account.id, call.given.id[:_MAX_IDS]
        async with self._db.reading() as tx:
            known = await self._people.by_ids(tx, wanted)
            found = await relationships(tx, viewer, [id_ for id_ in wanted if id_ in known], call.at)
        return [relationship_of(each) for each in found]

    @routes.get("/api/v1/accounts/search", who=Who.PERSON, scope="read:accounts")
    async def search(self, call: Call[FindAccounts]) -> list[entities.Account]:
        """Find accounts whose name begins like the text, those known here first."""
        limit = max(1, min(call.given.limit or 40, 80))
        async with self._db.reading() as tx:
            found = await self._lookup.search_accounts(tx, call.given.q, limit)
            return await profiles(tx, self._presenter, found)

    @routes.get("/api/v1/accounts/familiar_followers", who=Who.PERSON, scope="read:follows")
    async def familiar_followers(self, call: Call[Ids]) -> list[FamiliarFollowers]:
        """Name nobody: who follows whom is not told to others."""
        return [FamiliarFollowers(id=str(id_), accounts=[]) for id_ in call.given.id[:_MAX_IDS]]

    @routes.get("/api/v1/accounts", who=Who.ANYONE, scope="read:accounts")
    async def accounts(self, call: Call[Ids]) -> list[entities.Account]:
        """Return those of some accounts that exist."""
        async with self._db.reading() as tx:
            known = await self._people.by_ids(tx, call.given.id[:_MAX_IDS])
            rows = [known[id_] for id_ in call.given.id if id_ in known]
            return await profiles(tx, self._presenter, rows)

    @routes.get("/api/v1/accounts/{id}", who=Who.ANYONE, scope="read:accounts")
    async def account(self, call: Call[ById]) -> entities.Account:
        """Return a profile."""
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, call.given.id)
            now_at = await moved_to(tx, account)
        if call.bearer is not None:
            await self._refreshing.seen(account)
        return self._presenter.account(account, now_at)

    @routes.get("/api/v1/accounts/{id}/statuses", who=Who.ANYONE, scope="read:statuses")
    async def statuses(self, call: Call[AccountStatuses]) -> Listing[Status]:
        """Return what an account posted, as far as the asker may see it."""
        given = call.given
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, given.id)
            rows = await timelines.of_account(
                tx,
                call.viewer_id,
                account.id,
                page_of(given),
                exclude_replies=given.exclude_replies,
                exclude_reblogs=given.exclude_reblogs,
                only_media=given.only_media,
                pinned=given.pinned,
            )
            shown = await self._posts.page(tx, rows, call.viewer_id)
        if given.pinned and call.viewer_id is not None:
            await self._featured.looked_at(account)
        return shown

    @routes.post("/api/v1/accounts/{id}/follow", who=Who.PERSON, scope="write:follows")
    async def follow(self, call: Call[FollowAccount]) -> Relationship:
        """Follow an account, or ask to; or change what of it one sees and is told."""
        given = call.given
        made = await self._following.follow(
            call.person.account,
            given.id,
            boosts=given.reblogs,
            notify=given.notify,
            languages=given.languages,
        )
        return relationship_of(made)

    @routes.post("/api/v1/accounts/{id}/unfollow", who=Who.PERSON, scope="write:follows")
    async def unfollow(self, call: Call[ById]) -> Relationship:
        """Follow an account no longer, or withdraw the request."""
        return relationship_of(await self._following.unfollow(call.person.account, call.given.id))
