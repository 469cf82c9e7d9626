"""Calls about leave: quotes and their revocation, policies, and the queue of those who ask."""

from collections.abc import Sequence

from fedispace.accounts.models import User
from fedispace.accounts.moved import successors
from fedispace.accounts.people import People
from fedispace.api.entities.interaction import (
    DefaultPolicies,
    GivenPolicy,
    InteractionPolicy,
    InteractionRequest,
)
from fedispace.api.entities.shape import ById, NoParameters, Paged, Parameters, RowId
from fedispace.api.entities.status import Status
from fedispace.api.links import page_of
from fedispace.api.posts import Posts
from fedispace.api.present import interactions as present
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.present.interactions import QuoteChoice
from fedispace.api.routing import Call, Calls, Dialect, Listing, Routes, Who
from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden, Invalid, NotFound
from fedispace.threads import approvals, quote_views
from fedispace.threads.approvals import Approvals
from fedispace.threads.audience import VISIBILITIES
from fedispace.threads.models import InteractionRequest as Row
from fedispace.threads.models import Status as StatusRow
from fedispace.threads.policies import Kind, chosen, default_policy, quote_choice, to_json
from fedispace.threads.policy_wire import policy_of
from fedispace.threads.visibility import require_visible


class QuotesOf(Paged, frozen=True, kw_only=True):
    id: RowId


class Revoked(ById, frozen=True, kw_only=True):
    quoting_id: RowId


class QuotePolicy(ById, frozen=True, kw_only=True):
    quote_approval_policy: QuoteChoice


class QuoteCalls(Calls):
    """Mastodon's `statuses` methods for quotes."""

    routes = Routes()

    def __init__(self, *, db: Database, posts: Posts, approvals: Approvals) -> None:
        self._db = db
        self._posts = posts
        self._approvals = approvals

    @routes.get("/api/v1/statuses/{id}/quotes", who=Who.PERSON, scope="read:statuses")
    async def quotes(self, call: Call[QuotesOf]) -> Listing[Status]:
        """Return the posts that quote one's own post."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer, call.given.id)
            if row.account_id != viewer:
                raise Forbidden("This action is not allowed")
            found = await quote_views.quotes_of(tx, viewer, row.id, page_of(call.given))
            return await self._posts.page(tx, found, viewer)

    @routes.post("/api/v1/statuses/{id}/quotes/{quoting_id}/revoke", who=Who.PERSON, scope="write:statuses")
    async def revoke(self, call: Call[Revoked]) -> Status:
        """Take back the leave to quote one's own post; returns the post that quoted it."""
        account = call.person.account
        row = await self._approvals.revoke_quote(account, call.given.id, call.given.quoting_id)
        return await self._posts.one(account.id, row.id)

    @routes.put("/api/v1/statuses/{id}/interaction_policy", who=Who.PERSON, scope="write:statuses")
    async def change(self, call: Call[QuotePolicy]) -> Status:
        """Change who may quote one's own post."""
        account = call.person.account
        choice = quote_choice(call.given.quote_approval_policy)
        row = await self._approvals.change_policy(account, call.given.id, choice)
        return await self._posts.one(account.id, row.id)


class Queue(Paged, frozen=True, kw_only=True):
    status_id: RowId | None = None
    favourites: bool = True
    replies: bool = True
    reblogs: bool = True
    quotes: bool = True


class RequestCalls(Calls):
    """GoToSocial's `interaction_requests` methods."""

    routes = Routes()

    def __init__(
        self, *, db: Database, people: People, posts: Posts, presenter: AccountPresenter, approvals: Approvals
    ) -> None:
        self._db = db
        self._people = people
        self._posts = posts
        self._presenter = presenter
        self._approvals = approvals

    @routes.get("/api/v1/interaction_requests", who=Who.PERSON, scope="read:notifications")
    async def requests(self, call: Call[Queue]) -> Listing[InteractionRequest]:
        """Return who waits for the asker's leave, newest first."""
        given, owner = call.given, call.person.account.id
        wanted: dict[Kind, bool] = {
            "favourite": given.favourites,
            "reply": given.replies,
            "boost": given.reblogs,
            "quote": given.quotes,
        }
        kinds = [kind for kind, is_wanted in wanted.items() if is_wanted]
        if not kinds:
            raise Invalid("At least one of favourites, replies, reblogs and quotes must be true.")
        async with self._db.reading() as tx:
            rows = await approvals.queue(
                tx,
                owner,
                page_of(given, default=40, most=80),
                kinds=kinds,
                status_id=given.status_id,
            )
            shown = await self._shown(tx, rows, owner)
        return Listing(items=shown, cursors=[row.id for row in rows])

    @routes.get("/api/v1/interaction_requests/{id}", who=Who.PERSON, scope="read:notifications")
    async def request(self, call: Call[ById]) -> InteractionRequest:
        """Return one request."""
        return await self._one(call.person.account.id, call.given.id)

    @routes.post("/api/v1/interaction_requests/{id}/authorize", who=Who.PERSON, scope="write:statuses")
    async def authorize(self, call: Call[ById]) -> InteractionRequest:
        """Let in what waits."""
        await self._approvals.authorize(call.person.account, call.given.id)
        return await self._one(call.person.account.id, call.given.id)

    @routes.post("/api/v1/interaction_requests/{id}/reject", who=Who.PERSON, scope="write:statuses")
    async def reject(self, call: Call[ById]) -> InteractionRequest:
        """Refuse what waits, for good."""
        shown = await self._one(call.person.account.id, call.given.id)
        row = await self._approvals.reject(call.person.account, call.given.id)
        return present.request(row, shown.account, shown.status, shown.reply or shown.quote)

    async def _one(self, owner_id: int, request_id: int) -> InteractionRequest:
        async with self._db.reading() as tx:
            row = await approvals.one(tx, owner_id, request_id)
            shown = await self._shown(tx, [row], owner_id)
        if not shown:
            raise NotFound("There is no such request.")
        return shown[0]

    async def _shown(self, tx: Tx, rows: Sequence[Row], owner_id: int) -> list[InteractionRequest]:
        people = await self._people.by_ids(tx, {row.account_id for row in rows})
        made = await approvals.made(tx, [row.uri for row in rows])
        ids = {row.status_id for row in rows} | {status.id for status in made.values()}
        posts = await self._posts.by_id(tx, ids, owner_id)
        moved = await successors(tx, list(people.values()))
        return [
            present.request(
                row,
                self._presenter.account(people[row.account_id], moved.get(row.account_id)),
                posts[row.status_id],
                posts.get(made[row.uri].id) if row.uri in made else None,
            )
            for row in rows
            if row.account_id in people and row.status_id in posts
        ]


class ChangePolicy(ById, frozen=True, kw_only=True):
    interaction_policy: GivenPolicy


class ChangeDefaults(Parameters, frozen=True, kw_only=True):
    public: GivenPolicy | None = None
    unlisted: GivenPolicy | None = None
    private: GivenPolicy | None = None
    direct: GivenPolicy | None = None


class PolicyCalls(Calls):
    """Our own calls for who may reply to, quote, favourite and boost what one writes."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, approvals: Approvals) -> None:
        self._db = db
        self._approvals = approvals

    @routes.get("/api/fedispace/v1/statuses/{id}/interaction_policy", who=Who.ANYONE, scope="read:statuses")
    async def policy(self, call: Call[ById]) -> InteractionPolicy:
        """Return the policy of a post."""
        async with self._db.reading() as tx:
            return present.policy(policy_of(await require_visible(tx, call.viewer_id, call.given.id)))

    @routes.put("/api/fedispace/v1/statuses/{id}/interaction_policy", who=Who.PERSON, scope="write:statuses")
    async def change(self, call: Call[ChangePolicy]) -> InteractionPolicy:
        """Change the policy of one's own post; a kind that is left out stays."""
        choice = present.choice_of(call.given.interaction_policy)
        row: StatusRow = await self._approvals.change_policy(call.person.account, call.given.id, choice)
        return present.policy(policy_of(row))

    @routes.get("/api/fedispace/v1/interaction_policies", who=Who.PERSON, scope="read:accounts")
    async def defaults(self, call: Call[NoParameters]) -> DefaultPolicies:
        """Return the policies one's new posts have, by visibility."""
        return await self._defaults(call.person.account.id)

    @routes.put("/api/fedispace/v1/interaction_policies", who=Who.PERSON, scope="write:accounts")
    async def change_defaults(self, call: Call[ChangeDefaults]) -> DefaultPolicies:
        """Change the policies one's new posts have; what is left out stays."""
        async with self._db.transaction() as tx:
            user = await tx.get(User, call.person.account.id)
            if user is None:
                raise NotFound("There is no such account.")
            stored = dict(user.default_policy or {})
            for visibility in VISIBILITIES:
                given = getattr(call.given, visibility)
                if given is not None:
                    policy = chosen(visibility, stored, present.choice_of(given))
                    stored[visibility] = policy or to_json(default_policy(visibility, {}))
            if call.given.public is not None and call.given.public.quote is not None:
                stored.pop("quote_policy", None)
            user.default_policy = stored
        return await self._defaults(call.person.account.id)

    async def _defaults(self, account_id: int) -> DefaultPolicies:
        async with self._db.reading() as tx:
            user = await tx.get(User, account_id)
        stored = {} if user is None else user.default_policy or {}
        shown = {name: present.policy(default_policy(name, stored)) for name in VISIBILITIES}
        return DefaultPolicies(**shown)
