"""Calls about conversations: to hear no more of one, or of all of it without taking part."""

from fedispace.api.entities.shape import ById
from fedispace.api.entities.status import Status
from fedispace.api.posts import Posts
from fedispace.api.routing import Call, Calls, Dialect, Routes, Who
from fedispace.threads.attention import Attention


class FollowConversation(ById, frozen=True, kw_only=True):
    author_only: bool = False


class ConversationMuteCalls(Calls):
    """Mastodon's two."""

    routes = Routes()

    def __init__(self, *, posts: Posts, attention: Attention) -> None:
        self._posts = posts
        self._attention = attention

    @routes.post("/api/v1/statuses/{id}/mute", who=Who.PERSON, scope="write:mutes")
    async def mute(self, call: Call[ById]) -> Status:
        """Hear no more of the conversation a post is in, and read none of it at home."""
        row = await self._attention.mute(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)

    @routes.post("/api/v1/statuses/{id}/unmute", who=Who.PERSON, scope="write:mutes")
    async def unmute(self, call: Call[ById]) -> Status:
        """Hear of it again."""
        row = await self._attention.unmute(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)


class ConversationFollowCalls(Calls):
    """Our own two: each new post in the conversation is a notification of type `status`."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, posts: Posts, attention: Attention) -> None:
        self._posts = posts
        self._attention = attention

    @routes.post("/api/fedispace/v1/statuses/{id}/follow", who=Who.PERSON, scope="write:follows")
    async def follow(self, call: Call[FollowConversation]) -> Status:
        """Be told of each new post in the conversation a post is in, or of its author's only."""
        given = call.given
        row = await self._attention.follow(call.person.account, given.id, author_only=given.author_only)
        return await self._posts.one(call.viewer_id, row.id)

    @routes.delete("/api/fedispace/v1/statuses/{id}/follow", who=Who.PERSON, scope="write:follows")
    async def unfollow(self, call: Call[ById]) -> Status:
        """Be told of it no longer."""
        row = await self._attention.unfollow(call.person.account, call.given.id)
        return await self._posts.one(call.viewer_id, row.id)
