"""Our own calls for a thread: several posts that become visible, and are deleted, together or not at all."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from fedispace.api.entities.interaction import GivenPolicy
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.entities.status import Status
from fedispace.api.polls import AskedPoll, draft_of
from fedispace.api.posts import Posts
from fedispace.api.present.interactions import choice_of
from fedispace.api.routing import Call, Calls, Dialect, Reply, Routes, Who
from fedispace.api.statuses import Visibility
from fedispace.db.engine import Database
from fedispace.threads import conversation
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.deletion import Deletion
from fedispace.threads.models import Status as Row
from fedispace.threads.publish import Publishing
from fedispace.threads.visibility import require_visible
from fedispace.threads.written import Draft


class ThreadPost(Parameters, frozen=True, kw_only=True):
    text: str
    spoiler_text: str = ""
    sensitive: bool = False
    poll: AskedPoll | None = None


class PublishThread(Parameters, frozen=True, kw_only=True):
    posts: Annotated[list[ThreadPost], msgspec.Meta(min_length=1, max_length=MAX_POSTS)]
    visibility: Visibility | None = None
    in_reply_to_id: RowId | None = None
    language: str | None = None
    quoted_status_id: RowId | None = None
    interaction_policy: GivenPolicy | None = None
    quiet_continuation: bool = True
    """Keep the second post and those after it out of public lists: one post there leads to all."""


class ContinueThread(ById, frozen=True, kw_only=True):
    posts: Annotated[list[ThreadPost], msgspec.Meta(min_length=1, max_length=MAX_POSTS)]
    language: str | None = None
    quiet_continuation: bool = True


class ThreadCalls(Calls):
    """The threads API."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, posts: Posts, publishing: Publishing, deletion: Deletion) -> None:
        self._db = db
        self._posts = posts
        self._publishing = publishing
        self._deletion = deletion

    @routes.post("/api/fedispace/v1/threads", who=Who.PERSON, scope="write:statuses")
    async def publish(self, call: Call[PublishThread]) -> Reply[list[Status]]:
        """Publish a thread; its posts come back in their order."""
        given, person = call.given, call.person
        rows = await self._publishing.publish(
            person.account,
            _drafts(given.posts),
            visibility=given.visibility,
            in_reply_to_id=given.in_reply_to_id,
            language=given.language,
            quiet_continuation=given.quiet_continuation,
            idempotency_key=call.idempotency_key,
            quoted_id=given.quoted_status_id,
            policy=choice_of(given.interaction_policy),
            application=person.application,
        )
        return await self._published(rows, person.account.id)

    @routes.post("/api/fedispace/v1/threads/{id}/posts", who=Who.PERSON, scope="write:statuses")
    async def go_on(self, call: Call[ContinueThread]) -> Reply[list[Status]]:
        """Add posts to one's own thread; what was added comes back."""
        given, person = call.given, call.person
        rows = await self._publishing.go_on(
            person.account,
            given.id,
            _drafts(given.posts),
            language=given.language,
            quiet_continuation=given.quiet_continuation,
            idempotency_key=call.idempotency_key,
            application=person.application,
        )
        return await self._published(rows, person.account.id)

    async def _published(self, rows: Sequence[Row], viewer_id: int) -> Reply[list[Status]]:
        async with self._db.reading() as tx:
            shown = await self._posts.many(tx, rows, viewer_id)
        return Reply(body=shown, status=201)

    @routes.get("/api/fedispace/v1/threads/{id}", who=Who.ANYONE, scope="read:statuses")
    async def thread(self, call: Call[ById]) -> list[Status]:
        """Return the thread a post belongs to, its first post first."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, call.viewer_id, call.given.id)
            rows = await conversation.thread_posts(tx, call.viewer_id, row)
            return await self._posts.many(tx, rows, call.viewer_id)

    @routes.delete("/api/fedispace/v1/threads/{id}", who=Who.PERSON, scope="write:statuses")
    async def delete(self, call: Call[ById]) -> list[Status]:
        """Delete one's own thread, every post of it; they come back as they were."""
        account = call.person.account
        async with self._db.reading() as tx:
            row = await require_visible(tx, account.id, call.given.id)
            rows = await conversation.thread_posts(tx, account.id, row)
            last = await self._posts.many(tx, rows, account.id)
        await self._deletion.delete_thread(account, call.given.id)
        return last


def _drafts(posts: Sequence[ThreadPost]) -> list[Draft]:
    return [
        Draft(
            text=post.text,
            spoiler=post.spoiler_text,
            sensitive=post.sensitive,
            poll=draft_of(post.poll),
        )
        for post in posts
    ]
