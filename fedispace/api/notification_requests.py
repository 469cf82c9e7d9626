"""Calls about what one wants to be told of people one does not know, and what was held back of it."""

from collections.abc import Sequence
from typing import Literal

from fedispace.accounts import notification_policy
from fedispace.accounts.moved import successors
from fedispace.accounts.notification_policy import KINDS, NotificationPolicies, Request
from fedispace.accounts.people import People
from fedispace.api.entities.notification import Merged, NotificationPolicy, NotificationRequest
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, NoParameters, Paged, Parameters, RowId
from fedispace.api.links import page_of
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.present.notifications import policy
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.clock import iso
from fedispace.db.engine import Database, Tx

Decision = Literal["accept", "filter", "drop"]
_MAX_IDS = 80


class ChangePolicy(Parameters, frozen=True, kw_only=True):
    for_not_following: Decision | None = None
    for_not_followers: Decision | None = None
    for_new_accounts: Decision | None = None
    for_private_mentions: Decision | None = None
    for_limited_accounts: Decision | None = None


class RequestIds(Parameters, frozen=True, kw_only=True):
    id: list[RowId] = []


class NotificationPolicyCalls(Calls):
    """Mastodon's `notifications/policy` and `notifications/requests`; a request has its sender's id."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        posts: Posts,
        accounts: AccountPresenter,
        policies: NotificationPolicies,
    ) -> None:
        self._db = db
        self._people = people
        self._posts = posts
        self._accounts = accounts
        self._policies = policies

    @routes.get("/api/v2/notifications/policy", who=Who.PERSON, scope="read:notifications")
    async def policy(self, call: Call[NoParameters]) -> NotificationPolicy:
        """Return what is accepted, filtered and dropped, and how much is held back."""
        return await self._policy(call)

    @routes.patch("/api/v2/notifications/policy", who=Who.PERSON, scope="write:notifications")
    async def change(self, call: Call[ChangePolicy]) -> NotificationPolicy:
        """Change what is accepted, filtered and dropped; what is left out stays."""
        wanted = {kind: getattr(call.given, kind) for kind in KINDS}
        said = {kind: decision for kind, decision in wanted.items() if decision is not None}
        await self._policies.change(call.person.account.id, said)
        return await self._policy(call)

    @routes.get("/api/v1/notifications/requests", who=Who.PERSON, scope="read:notifications")
    async def requests(self, call: Call[Paged]) -> Listing[NotificationRequest]:
        """Return of whom something is held back."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            found = await notification_policy.requests(
                tx, viewer, call.at, page_of(call.given, default=40, most=80)
            )
            shown = await self._shown(tx, found, viewer)
        return Listing(items=shown, cursors=[each.from_id for each in found])

    @routes.get("/api/v1/notifications/requests/merged", who=Who.PERSON, scope="read:notifications")
    async def merged(self, call: Call[NoParameters]) -> Merged:
        """Tell that what was accepted is told: it is at once."""
        return Merged(merged=True)

    @routes.get("/api/v1/notifications/requests/{id}", who=Who.PERSON, scope="read:notifications")
    async def request(self, call: Call[ById]) -> NotificationRequest:
        """Return what is held back of one person."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            found = await notification_policy.request(tx, viewer, call.at, call.given.id)
            return (await self._shown(tx, [found], viewer))[0]

    @routes.post("/api/v1/notifications/requests/accept", who=Who.PERSON, scope="write:notifications")
    async def accept_several(self, call: Call[RequestIds]) -> Nothing:
        """Be told of some people, now and from now on."""
        await self._policies.accept(call.person.account.id, call.given.id[:_MAX_IDS])
        return Nothing()

    @routes.post("/api/v1/notifications/requests/dismiss", who=Who.PERSON, scope="write:notifications")
    async def dismiss_several(self, call: Call[RequestIds]) -> Nothing:
        """Forget what is held back of some people."""
        await self._policies.dismiss(call.person.account.id, call.given.id[:_MAX_IDS])
        return Nothing()

    @routes.post("/api/v1/notifications/requests/{id}/accept", who=Who.PERSON, scope="write:notifications")
    async def accept(self, call: Call[ById]) -> Nothing:
        """Be told of one person, now and from now on."""
        await self._require(call)
        await self._policies.accept(call.person.account.id, [call.given.id])
        return Nothing()

    @routes.post("/api/v1/notifications/requests/{id}/dismiss", who=Who.PERSON, scope="write:notifications")
    async def dismiss(self, call: Call[ById]) -> Nothing:
        """Forget what is held back of one person."""
        await self._require(call)
        await self._policies.dismiss(call.person.account.id, [call.given.id])
        return Nothing()

    async def _require(self, call: Call[ById]) -> None:
        async with self._db.reading() as tx:
            await notification_policy.request(tx, call.person.account.id, call.at, call.given.id)

    async def _policy(self, call: Call[NoParameters] | Call[ChangePolicy]) -> NotificationPolicy:
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            says = await notification_policy.policy_of(tx, viewer)
            return policy(says, await notification_policy.summary(tx, viewer, call.at))

    async def _shown(self, tx: Tx, found: Sequence[Request], viewer_id: int) -> list[NotificationRequest]:
        people = await self._people.by_ids(tx, {each.from_id for each in found})
        posts = await self._posts.by_id(tx, {each.subject for each in found if each.subject}, viewer_id)
        moved = await successors(tx, list(people.values()))
        return [
            NotificationRequest(
                id=str(each.from_id),
                created_at=iso(each.first_at),
                updated_at=iso(each.last_at),
                notifications_count=str(each.count),
                account=self._accounts.account(people[each.from_id], moved.get(each.from_id)),
                last_status=posts.get(each.subject),
            )
            for each in found
            if each.from_id in people
        ]
