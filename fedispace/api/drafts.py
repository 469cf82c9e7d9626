"""Our own calls for threads that are not published yet, on whichever device they are written."""

from datetime import datetime
from typing import Annotated

import msgspec

from fedispace.api.entities import draft as entities
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, Paged, Parameters, RowId
from fedispace.api.entities.status import Status
from fedispace.api.links import page_of
from fedispace.api.polls import AskedPoll
from fedispace.api.polls import draft_of as draft_of_poll
from fedispace.api.posts import Posts
from fedispace.api.present.drafts import draft_of
from fedispace.api.routing import Call, Calls, Dialect, Listing, Reply, Routes, Who
from fedispace.api.statuses import Visibility
from fedispace.db.engine import Database
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.drafts import Drafts, drafts, own
from fedispace.threads.manuscript import Manuscript
from fedispace.threads.written import Draft

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_AT = "/api/fedispace/v1/drafts"


class WrittenPost(Parameters, frozen=True, kw_only=True):
    text: str = ""
    spoiler_text: str = ""
    sensitive: bool = False
    poll: AskedPoll | None = None


class KeepDraft(Parameters, frozen=True, kw_only=True):
    """A draft as a whole; with `scheduled_at` it publishes itself."""

    posts: Annotated[list[WrittenPost], msgspec.Meta(min_length=1, max_length=MAX_POSTS)]
    name: str = ""
    visibility: Visibility | None = None
    in_reply_to_id: RowId | None = None
    language: str | None = None
    quiet_continuation: bool = True
    quoted_status_id: RowId | None = None
    scheduled_at: Moment | None = None


class RewriteDraft(KeepDraft, frozen=True, kw_only=True):
    """`updated_at` is that of the draft one started from; a newer one is not overwritten."""

    id: RowId
    updated_at: Moment | None = None


class ListDrafts(Paged, frozen=True, kw_only=True):
    scheduled: bool | None = None


class DraftCalls(Calls):
    """The drafts API."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, drafts: Drafts, posts: Posts) -> None:
        self._db = db
        self._drafts = drafts
        self._posts = posts

    @routes.get(_AT, who=Who.PERSON, scope="read:statuses")
    async def listed(self, call: Call[ListDrafts]) -> Listing[entities.Draft]:
        """Return one's drafts and scheduled threads, newest first."""
        async with self._db.reading() as tx:
            rows = await drafts(
                tx, call.person.account.id, page_of(call.given), scheduled=call.given.scheduled
            )
        return Listing(items=[draft_of(row) for row in rows], cursors=[row.id for row in rows])

    @routes.post(_AT, who=Who.PERSON, scope="write:statuses")
    async def create(self, call: Call[KeepDraft]) -> Reply[entities.Draft]:
        """Keep a thread that is not finished, or whose time has not come."""
        row = await self._drafts.create(
            call.person.account,
            _manuscript(call.given, call.person.application),
            name=call.given.name,
            scheduled_at=call.given.scheduled_at,
            request_key=call.idempotency_key,
        )
        return Reply(body=draft_of(row), status=201)

    @routes.get(f"{_AT}/{{id}}", who=Who.PERSON, scope="read:statuses")
    async def draft(self, call: Call[ById]) -> entities.Draft:
        """Return a draft."""
        async with self._db.reading() as tx:
            return draft_of(await own(tx, call.person.account.id, call.given.id))

    @routes.put(f"{_AT}/{{id}}", who=Who.PERSON, scope="write:statuses")
    async def rewrite(self, call: Call[RewriteDraft]) -> entities.Draft:
        """Replace a draft."""
        row = await self._drafts.rewrite(
            call.person.account,
            call.given.id,
            _manuscript(call.given, call.person.application),
            name=call.given.name,
            scheduled_at=call.given.scheduled_at,
            seen_at=call.given.updated_at,
        )
        return draft_of(row)

    @routes.delete(f"{_AT}/{{id}}", who=Who.PERSON, scope="write:statuses")
    async def discard(self, call: Call[ById]) -> Nothing:
        """Throw a draft away."""
        await self._drafts.discard(call.person.account, call.given.id)
        return Nothing()

    @routes.post(f"{_AT}/{{id}}/publish", who=Who.PERSON, scope="write:statuses")
    async def publish(self, call: Call[ById]) -> Reply[list[Status]]:
        """Publish a draft now; its posts come back in their order."""
        account = call.person.account
        rows = await self._drafts.publish(account, call.given.id)
        async with self._db.reading() as tx:
            return Reply(body=await self._posts.many(tx, rows, account.id), status=201)


def _manuscript(given: KeepDraft, application: str | None) -> Manuscript:
    return Manuscript(
        posts=tuple(
            Draft(
                text=post.text,
                spoiler=post.spoiler_text,
                sensitive=post.sensitive,
                poll=draft_of_poll(post.poll),
            )
            for post in given.posts
        ),
        visibility=given.visibility,
        in_reply_to_id=given.in_reply_to_id,
        language=given.language,
        application=application,
        quiet_continuation=given.quiet_continuation,
        quoted_id=given.quoted_status_id,
    )
