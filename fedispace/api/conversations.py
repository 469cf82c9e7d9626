"""Our own call for a conversation: everything we have of it, and how complete that is."""

from fedispace.api.entities.conversation import Conversation
from fedispace.api.entities.shape import ById
from fedispace.api.posts import Posts
from fedispace.api.routing import Call, Calls, Dialect, Routes, Who
from fedispace.db.engine import Database
from fedispace.threads import conversation
from fedispace.threads.completeness import completeness
from fedispace.threads.looking import Looking
from fedispace.threads.visibility import require_visible


class ConversationCalls(Calls):
    """Whole conversations."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, posts: Posts, looking: Looking) -> None:
        self._db = db
        self._posts = posts
        self._looking = looking

    @routes.get("/api/fedispace/v1/statuses/{id}/conversation", who=Who.ANYONE, scope="read:statuses")
    async def conversation(self, call: Call[ById]) -> Conversation:
        """Return the conversation a post is part of; a signed-in reader has its rest fetched."""
        viewer = call.viewer_id
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer, call.given.id)
        await self._looking.viewed(row, viewer)
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer, call.given.id)
            tops = await conversation.whole(tx, viewer, row, call.at)
            rows = [node.status for top in tops for node in top.walk() if node.status is not None]
            how = await completeness(tx, viewer, row.conversation_id)
            posts = await self._posts.many(tx, rows, viewer)
        return Conversation(
            posts=posts,
            known=how.known,
            claimed=how.claimed,
            unavailable=how.unavailable,
            complete=how.is_complete,
            fetching=how.is_being_fetched,
        )
