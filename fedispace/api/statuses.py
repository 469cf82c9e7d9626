"""Calls about posts: write, read, delete, favourite, boost."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from fedispace.api.entities.draft import ScheduledStatus
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.entities.status import Context, Status, StatusSource
from fedispace.api.polls import AskedPoll, draft_of
from fedispace.api.posts import Posts
from fedispace.api.present.drafts import scheduled_of
from fedispace.api.present.interactions import QuoteChoice
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import Invalid, NotFound
from fedispace.threads import conversation
from fedispace.threads.boost import Boosting
from fedispace.threads.deletion import Deletion
from fedispace.threads.drafts import Drafts
from fedispace.threads.favourite import Favouriting
from fedispace.threads.looking import Looking
from fedispace.threads.manuscript import Manuscript
from fedispace.threads.policies import quote_choice
from fedispace.threads.poll_news import PollNews
from fedispace.threads.publish import Publishing
from fedispace.threads.visibility import require_visible
from fedispace.threads.written import Draft

Visibility = Literal["public", "unlisted", "private", "direct"]

_MAX_IDS = 40
_STRANGER_ANCESTORS = 40
_STRANGER_DESCENDANTS = 60
_MAX_ANCESTORS = 200
_MAX_DESCENDANTS = 500


class PostStatus(Parameters, frozen=True, kw_only=True):
    """What a post is made of. `media_ids` and the rest are named to be refused, not lost."""

    status: str = ""
    spoiler_text: str = ""
    sensitive: bool = False
    visibility: Visibility | None = None
    in_reply_to_id: RowId | None = None
    language: str | None = None
    media_ids: list[str] = []
    scheduled_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    poll: AskedPoll | None = None
    quoted_status_id: RowId | None = None
    quote_approval_policy: QuoteChoice | None = None


class StatusIds(Parameters, frozen=True, kw_only=True):
    id: list[RowId] = []


class StatusCalls(Calls):
    """Mastodon's `statuses` methods."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        posts: Posts,
        publishing: Publishing,
        deletion: Deletion,
        boosting: Boosting,
        favouriting: Favouriting,
        drafts: Drafts,
        poll_news: PollNews,
        looking: Looking,
    ) -> None:
        self._db = db
        self._posts = posts
        self._publishing = publishing
        self._deletion = deletion
        self._boosting = boosting
        self._favouriting = favouriting
        self._drafts = drafts
        self._poll_news = poll_news
        self._looking = looking

    @routes.post("/api/v1/statuses", who=Who.PERSON, scope="write:statuses")
    async def publish(self, call: Call[PostStatus]) -> Status | ScheduledStatus:
        """Publish a post; with `scheduled_at`, at that time."""
        given, person = call.given, call.person
        _refuse_what_is_not_here(given)
        if given.scheduled_at is not None:
            return await self._schedule(call, given.scheduled_at)
        (row,) = await self._publishing.publish(
            person.account,
            [_draft(given)],
            visibility=given.visibility,
            in_reply_to_id=given.in_reply_to_id,
            language=given.language,
            idempotency_key=call.idempotency_key,
            application=person.application,
            quoted_id=given.quoted_status_id,
            policy=quote_choice(given.quote_approval_policy),
        )
        return await self._posts.one(person.account.id, row.id)

    async def _schedule(self, call: Call[PostStatus], at: datetime) -> ScheduledStatus:
        given, person = call.given, call.person
        manuscript = Manuscript(
            posts=(_draft(given),),
            visibility=given.visibility,
            in_reply_to_id=given.in_reply_to_id,
            language=given.language,
            application=person.application,
            quoted_id=given.quoted_status_id,
            policy=quote_choice(given.quote_approval_policy),
        )
        row = await self._drafts.create(
            person.account, manuscript, scheduled_at=at, request_key=call.idempotency_key
        )
        return scheduled_of(row)

    @routes.get("/api/v1/statuses", who=Who.ANYONE, scope="read:statuses")
    async def statuses(self, call: Call[StatusIds]) -> list[Status]:
        """Return those of some posts that the asker may see."""
        wanted = list(dict.fromkeys(call.given.id[:_MAX_IDS]))
        async with self._db.reading() as tx:
            found = await self._posts.by_id(tx, wanted, call.viewer_id)
        return [found[status_id] for status_id in wanted if status_id in found]

    @routes.get("/api/v1/statuses/{id}", who=Who.ANYONE, scope="read:statuses")
    async def status(self, call: Call[ById]) -> Status:
        """Return a post."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, call.viewer_id, call.given.id)
        await self._poll_news.look([row])
        await self._looking.quotes_viewed(row, call.viewer_id)
        return await self._posts.one(call.viewer_id, call.given.id)

    @routes.delete("/api/v1/statuses/{id}", who=Who.PERSON, scope="write:statuses")
    async def delete(self, call: Call[ById]) -> Status:
        """Delete one's own post; its text comes back, to be written again."""
        account = call.person.account
        last = await self._posts.deleted(account.id, call.given.id)
        await self._deletion.delete(account, call.given.id)
        return last

    @routes.get("/api/v1/statuses/{id}/context", who=Who.ANYONE, scope="read:statuses")
    async def context(self, call: Call[ById]) -> Context:
        """Return what a post answers and what answers it; strangers get the nearer part.

        Whatever else there is of the conversation is fetched, for the next time it is asked for.
        """
        viewer = call.viewer_id
        above = _MAX_ANCESTORS if viewer is not None else _STRANGER_ANCESTORS
        below = _MAX_DESCENDANTS if viewer is not None else _STRANGER_DESCENDANTS
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer, call.given.id)
            before = await conversation.ancestors(tx, viewer, row, above)
            after = await conversation.descendants(tx, viewer, row, call.at, below)
            shown = await self._posts.many(tx, [*before, *after], viewer)
        await self._looking.viewed(row, viewer)
        return Context(ancestors=shown[: len(before)], descendants=shown[len(before) :])

    @routes.get("/api/v1/statuses/{id}/source", who=Who.PERSON, scope="read:statuses")
    async def source(self, call: Call[ById]) -> StatusSource:
        """Return one's own post as it was written."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer, call.given.id)
        if row.account_id != viewer:
            raise NotFound("There is no such post.")
        return StatusSource(id=str(row.id), text=row.source or "", spoiler_text=row.spoiler)

    @routes.post("/api/v1/statuses/{id}/favourite", who=Who.PERSON, scope="write:favourites")
    async def favourite(self, call: Call[ById]) -> Status:
        """Favourite a post."""
        row = await self._favouriting.favourite(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)

    @routes.post("/api/v1/statuses/{id}/unfavourite", who=Who.PERSON, scope="write:favourites")
    async def unfavourite(self, call: Call[ById]) -> Status:
        """Take a favourite back."""
        row = await self._favouriting.unfavourite(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)

    @routes.post("/api/v1/statuses/{id}/reblog", who=Who.PERSON, scope="write:statuses")
    async def reblog(self, call: Call[ById]) -> Status:
        """Boost a post; returns the boost, with the post inside."""
        row = await self._boosting.boost(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)

    @routes.post("/api/v1/statuses/{id}/unreblog", who=Who.PERSON, scope="write:statuses")
    async def unreblog(self, call: Call[ById]) -> Status:
        """Take a boost back; returns the post."""
        row = await self._boosting.unboost(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)


def _draft(given: PostStatus) -> Draft:
    return Draft(
        text=given.status,
        spoiler=given.spoiler_text,
        sensitive=given.sensitive,
        poll=draft_of(given.poll),
    )


def _refuse_what_is_not_here(given: PostStatus) -> None:
    """Refuse a post with parts that would be lost: half a post is worse than none."""
    if given.media_ids:
        raise Invalid("Attachments cannot be uploaded to this server.", field="media_ids")
