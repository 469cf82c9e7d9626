"""The room's conversation, with the moment of each post."""

from fedispace.api.entities.room import TimedReply
from fedispace.api.entities.shape import Paged, RowId
from fedispace.api.links import page_of
from fedispace.api.posts import Posts
from fedispace.api.routing import Besides, Call, Calls, Dialect, Listing, Routes, Who
from fedispace.db.engine import Database
from fedispace.spaces.events.replies import moment_of, replies
from fedispace.spaces.events.welcome import require_welcome


class ListReplies(Paged, frozen=True, kw_only=True):
    id: RowId


class RoomThreadCalls(Calls):
    """What is written about a Space while it is live, and afterwards."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, posts: Posts) -> None:
        self._db = db
        self._posts = posts

    @routes.get(
        "/api/fedispace/v1/spaces/{id}/replies",
        who=Who.ANYONE,
        scope="read:statuses",
        besides=Besides.PASS,
    )
    async def replies(self, call: Call[ListReplies]) -> Listing[TimedReply]:
        """Return the posts of the room's conversation, newest first, each with its offset in the Space.

        What others than its hosts write while the room is paused is there when it goes on.
        """
        async with self._db.reading() as tx:
            space = await require_welcome(tx, call.given.id, call.viewer_id)
            rows = await replies(tx, space, call.viewer_id, page_of(call.given))
            shown = await self._posts.many(tx, rows, call.viewer_id)
        moments = [moment_of(space.started_at, space.ended_at, row.created_at) for row in rows]
        return Listing(
            items=[
                TimedReply(status=status, offset_seconds=at.offset, is_after=at.is_after)
                for status, at in zip(shown, moments, strict=True)
            ],
            cursors=[row.id for row in rows],
        )
