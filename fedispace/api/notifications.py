"""Calls about what happened to the asker, one by one and in version 2's groups."""

from collections.abc import Sequence
from typing import Literal

from fedispace.accounts import notification_groups, notifications
from fedispace.accounts.gate import GROUPED
from fedispace.accounts.markers import read_up_to
from fedispace.accounts.models import Notification as Row
from fedispace.accounts.moved import successors
from fedispace.accounts.notification_groups import Group
from fedispace.accounts.people import People
from fedispace.api.entities.account import Account
from fedispace.api.entities.notification import (
    GroupedNotifications,
    Notification,
    UnreadCount,
)
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, NoParameters, Paged, Parameters, RowId
from fedispace.api.links import page_of
from fedispace.api.people import profiles
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.present.notifications import NotificationPresenter, grouped
from fedispace.api.routing import Call, Calls, Listing, Reply, Routes, Who
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound


class ListNotifications(Paged, frozen=True, kw_only=True):
    types: list[str] = []
    exclude_types: list[str] = []
    account_id: RowId | None = None
    include_filtered: bool = False


class ListGroups(ListNotifications, frozen=True, kw_only=True):
    grouped_types: list[str] | None = None


class ByGroup(Parameters, frozen=True, kw_only=True):
    group_key: str


class NotificationCalls(Calls):
    """Mastodon's `notifications` methods, both versions."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        posts: Posts,
        presenter: NotificationPresenter,
        accounts: AccountPresenter,
    ) -> None:
        self._db = db
        self._people = people
        self._posts = posts
        self._presenter = presenter
        self._accounts = accounts

    @routes.get("/api/v1/notifications", who=Who.PERSON, scope="read:notifications")
    async def notifications(self, call: Call[ListNotifications]) -> Listing[Notification]:
        """Return what happened, newest first."""
        async with self._db.reading() as tx:
            rows = await self._rows(tx, call)
            shown = await self._shown(tx, rows, call.person.account.id)
        return Listing(items=shown, cursors=[row.id for row in rows])

    @routes.get("/api/v1/notifications/unread_count", who=Who.PERSON, scope="read:notifications")
    async def unread_count(self, call: Call[NoParameters]) -> UnreadCount:
        """Count the notifications above the marker, up to a hundred."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            read = await read_up_to(tx, viewer, "notifications")
            return UnreadCount(count=await notifications.count_newer(tx, viewer, read, call.at))

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

    @routes.get("/api/v2/notifications", who=Who.PERSON, scope="read:notifications")
    async def groups(self, call: Call[ListGroups]) -> Reply[GroupedNotifications]:
        """Return what happened in groups, newest first."""
        given, viewer = call.given, call.person.account.id
        async with self._db.reading() as tx:
            found = await notification_groups.groups(
                tx,
                viewer,
                page_of(given, default=40, most=80),
                call.at,
                given.types,
                given.exclude_types,
                given.account_id,
                GROUPED if given.grouped_types is None else given.grouped_types,
                filtered=_held_back(given),
            )
            body = await self._grouped(tx, found, viewer)
        return Reply(body=body, cursors=[group.newest.id for group in found])

    @routes.get("/api/v2/notifications/unread_count", who=Who.PERSON, scope="read:notifications")
    async def unread_groups(self, call: Call[NoParameters]) -> UnreadCount:
        """Count the groups above the marker, up to a hundred."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            read = await read_up_to(tx, viewer, "notifications")
            return UnreadCount(count=await notification_groups.count_groups(tx, viewer, read, call.at))

    @routes.get("/api/v2/notifications/{group_key}", who=Who.PERSON, scope="read:notifications")
    async def group(self, call: Call[ByGroup]) -> GroupedNotifications:
        """Return one group."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            found = await notification_groups.group(tx, viewer, call.given.group_key, call.at)
            shown = await self._grouped(tx, [found] if found is not None else [], viewer)
        if not shown.notification_groups:
            raise NotFound("There is no such group.")
        return shown

    @routes.get("/api/v2/notifications/{group_key}/accounts", who=Who.PERSON, scope="read:notifications")
    async def group_accounts(self, call: Call[ByGroup]) -> list[Account]:
        """Return the accounts of one group, who was last first."""
        async with self._db.reading() as tx:
            ids = await notification_groups.accounts_of(
                tx, call.person.account.id, call.given.group_key, call.at
            )
            people = await self._people.by_ids(tx, ids)
            shown = await profiles(tx, self._accounts, (people[id_] for id_ in ids if id_ in people))
        if not ids:
            raise NotFound("There is no such group.")
        return shown

    @routes.post("/api/v2/notifications/{group_key}/dismiss", who=Who.PERSON, scope="write:notifications")
    async def dismiss_group(self, call: Call[ByGroup]) -> Nothing:
        """Remove one group."""
        async with self._db.transaction() as tx:
            await notification_groups.dismiss_group(tx, call.person.account.id, call.given.group_key)
        return Nothing()

    async def _grouped(self, tx: Tx, found: Sequence[Group], viewer_id: int) -> GroupedNotifications:
        people = await self._people.by_ids(tx, {id_ for group in found for id_ in group.from_ids})
        subjects = {group.newest.subject for group in found if group.newest.subject}
        posts = await self._posts.by_id(tx, subjects, viewer_id)
        rows = list(people.values())
        return grouped(found, rows, await successors(tx, rows), posts, self._accounts)

    async def _rows(self, tx: Tx, call: Call[ListNotifications]) -> list[Row]:
        given = call.given
        page = page_of(given, default=40, most=80)
        return await notifications.notifications(
            tx,
            call.person.account.id,
            page,
            call.at,
            given.types,
            given.exclude_types,
            given.account_id,
            filtered=_held_back(given),
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
        moved = await successors(tx, list(people.values()))
        return self._presenter.notifications(rows, people, moved, posts)


def _held_back(given: ListNotifications) -> Literal[False] | None:
    """Return whether what the asker's policy holds back is left out; who asks of one person wants it all."""
    return None if given.include_filtered or given.account_id is not None else False
