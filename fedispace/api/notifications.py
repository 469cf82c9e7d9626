"""Calls about what happened to the asker, one by one and in version 2's groups."""

from collections.abc import Sequence

from fedispace.accounts import notifications
from fedispace.accounts.models import Notification as Row
from fedispace.accounts.people import People
from fedispace.api.entities.account import Account
from fedispace.api.entities.notification import (
    GroupedNotifications,
    Notification,
    NotificationPolicy,
    UnreadCount,
)
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, NoParameters, Paged, Parameters
from fedispace.api.links import page_of
from fedispace.api.posts import Posts
from fedispace.api.present.notifications import POLICY, NotificationPresenter, grouped, id_in
from fedispace.api.routing import Call, Calls, Listing, Reply, Routes, Who
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound


class ListNotifications(Paged, frozen=True, kw_only=True):
    types: list[str] = []
    exclude_types: list[str] = []


class ByGroup(Parameters, frozen=True, kw_only=True):
    group_key: str


class NotificationCalls(Calls):
    """Mastodon's `notifications` methods, both versions."""

    routes = Routes()

    def __init__(
        self, *, db: Database, people: People, posts: Posts, presenter: NotificationPresenter
    ) -> None:
        self._db = db
        self._people = people
        self._posts = posts
        self._presenter = presenter

    @routes.get("/api/v1/notifications", who=Who.PERSON, scope="read:notifications")
    async def notifications(self, call: Call[ListNotifications]) -> Listing[Notification]:
        """Return what happened, newest first."""
        async with self._db.reading() as tx:
            rows = await self._rows(tx, call)
            shown = await self._shown(tx, rows, call.person.account.id)
        return Listing(items=shown, cursors=[row.id for row in rows])

    @routes.get("/api/v1/notifications/unread_count", who=Who.PERSON, scope="read:notifications")
    async def unread_count(self, call: Call[NoParameters]) -> UnreadCount:
        """Count the notifications there are, up to a hundred."""
        async with self._db.reading() as tx:
            return UnreadCount(count=await notifications.count_newer(tx, call.person.account.id, 0, call.at))

    @routes.post("/api/v1/notifications/clear", who=Who.PERSON, scope="write:notifications")
    async def clear(self, call: Call[NoParameters]) -> Nothing:
        """Remove all notifications."""
        async with self._db.transaction() as tx:
            await notifications.dismiss(tx, call.person.account.id)
        return Nothing()

    @routes.get("/api/v1/notifications/{id}", who=Who.PERSON, scope="read:notifications")
    async def notification(self, call: Call[ById]) -> Notification:
        """Return one notification."""
        return await self._one(call.person.account.id, call.given.id)

    @routes.post("/api/v1/notifications/{id}/dismiss", who=Who.PERSON, scope="write:notifications")
    async def dismiss(self, call: Call[ById]) -> Nothing:
        """Remove one notification."""
        async with self._db.transaction() as tx:
            await notifications.dismiss(tx, call.person.account.id, call.given.id)
        return Nothing()

    @routes.get("/api/v2/notifications/policy", who=Who.PERSON, scope="read:notifications")
    async def policy(self, call: Call[NoParameters]) -> NotificationPolicy:
        """Tell that every notification is accepted."""
        return POLICY

    @routes.get("/api/v2/notifications", who=Who.PERSON, scope="read:notifications")
    async def groups(self, call: Call[ListNotifications]) -> Reply[GroupedNotifications]:
        """Return what happened in groups, newest first."""
        async with self._db.reading() as tx:
            rows = await self._rows(tx, call)
            shown = await self._shown(tx, rows, call.person.account.id)
        return Reply(body=grouped(shown), cursors=[row.id for row in rows])

    @routes.get("/api/v2/notifications/unread_count", who=Who.PERSON, scope="read:notifications")
    async def unread_groups(self, call: Call[NoParameters]) -> UnreadCount:
        """Count the groups there are, up to a hundred."""
        return await self.unread_count(call)

    @routes.get("/api/v2/notifications/{group_key}", who=Who.PERSON, scope="read:notifications")
    async def group(self, call: Call[ByGroup]) -> GroupedNotifications:
        """Return one group."""
        return grouped([await self._one(call.person.account.id, id_in(call.given.group_key))])

    @routes.get("/api/v2/notifications/{group_key}/accounts", who=Who.PERSON, scope="read:notifications")
    async def group_accounts(self, call: Call[ByGroup]) -> list[Account]:
        """Return the accounts of one group."""
        return [(await self._one(call.person.account.id, id_in(call.given.group_key))).account]

    @routes.post("/api/v2/notifications/{group_key}/dismiss", who=Who.PERSON, scope="write:notifications")
    async def dismiss_group(self, call: Call[ByGroup]) -> Nothing:
        """Remove one group."""
        async with self._db.transaction() as tx:
            await notifications.dismiss(tx, call.person.account.id, id_in(call.given.group_key))
        return Nothing()

    async def _rows(self, tx: Tx, call: Call[ListNotifications]) -> list[Row]:
        given = call.given
        page = page_of(given, default=40, most=80)
        return await notifications.notifications(
            tx, call.person.account.id, page, call.at, given.types, given.exclude_types
        )

    async def _one(self, account_id: int, notification_id: int) -> Notification:
        async with self._db.reading() as tx:
            row = await tx.get(Row, notification_id)
            shown = (
                await self._shown(tx, [row], account_id)
                if row is not None and row.account_id == account_id
                else []
            )
        if not shown:
            raise NotFound("There is no such notification.")
        return shown[0]

    async def _shown(self, tx: Tx, rows: Sequence[Row], viewer_id: int) -> list[Notification]:
        people = await self._people.by_ids(tx, {row.from_id for row in rows})
        posts = await self._posts.by_id(tx, {row.subject for row in rows if row.subject}, viewer_id)
        return self._presenter.notifications(rows, people, posts)
