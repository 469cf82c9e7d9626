"""Mastodon's `scheduled_statuses`: drafts that have a time."""

from datetime import datetime
from typing import Annotated

import msgspec

from fedispace.accounts.models import Account
from fedispace.api.entities.draft import ScheduledStatus
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, Paged, Parameters, RowId
from fedispace.api.links import page_of
from fedispace.api.present.drafts import scheduled_of
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.threads.drafts import Drafts, drafts, own
from fedispace.threads.models import ThreadDraft


class Reschedule(Parameters, frozen=True, kw_only=True):
    id: RowId
    scheduled_at: Annotated[datetime, msgspec.Meta(tz=True)]


class ScheduledCalls(Calls):
    """What is yet to be published."""

    routes = Routes()

    def __init__(self, *, db: Database, drafts: Drafts) -> None:
        self._db = db
        self._drafts = drafts

    @routes.get("/api/v1/scheduled_statuses", who=Who.PERSON, scope="read:statuses")
    async def listed(self, call: Call[Paged]) -> Listing[ScheduledStatus]:
        """Return what is scheduled, newest first."""
        async with self._db.reading() as tx:
            rows = await drafts(tx, call.person.account.id, page_of(call.given), scheduled=True)
        return Listing(items=[scheduled_of(row) for row in rows], cursors=[row.id for row in rows])

    @routes.get("/api/v1/scheduled_statuses/{id}", who=Who.PERSON, scope="read:statuses")
    async def one(self, call: Call[ById]) -> ScheduledStatus:
        """Return a scheduled post."""
        return scheduled_of(await self._scheduled(call.person.account, call.given.id))

    @routes.put("/api/v1/scheduled_statuses/{id}", who=Who.PERSON, scope="write:statuses")
    async def move(self, call: Call[Reschedule]) -> ScheduledStatus:
        """Give a scheduled post another time."""
        account = call.person.account
        await self._scheduled(account, call.given.id)
        return scheduled_of(await self._drafts.schedule(account, call.given.id, call.given.scheduled_at))

    @routes.delete("/api/v1/scheduled_statuses/{id}", who=Who.PERSON, scope="write:statuses")
    async def cancel(self, call: Call[ById]) -> Nothing:
        """Throw a scheduled post away."""
        account = call.person.account
        await self._scheduled(account, call.given.id)
        await self._drafts.discard(account, call.given.id)
        return Nothing()

    async def _scheduled(self, account: Account, id_: int) -> ThreadDraft:
        async with self._db.reading() as tx:
            row = await own(tx, account.id, id_)
        if row.scheduled_at is None:
            raise NotFound("There is no such scheduled post.")
        return row
