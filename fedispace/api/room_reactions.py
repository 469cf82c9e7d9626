"""Reactions in a room."""

from fedispace.api.entities.room import Reacted
from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.routing import Besides, Call, Calls, Dialect, Reply, Routes, Who
from fedispace.spaces.events.reactions import Reactions


class React(Parameters, frozen=True, kw_only=True):
    id: RowId
    emoji: str


class RoomReactionCalls(Calls):
    """An emoji for a moment."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, reactions: Reactions) -> None:
        self._reactions = reactions

    @routes.post(
        "/api/fedispace/v1/spaces/{id}/room/reactions",
        who=Who.PERSON,
        scope="write:statuses",
        besides=Besides.PASS,
    )
    async def react(self, call: Call[React]) -> Reply[Reacted]:
        """React in a room, at most five times in two seconds; everybody there sees it within a second."""
        await self._reactions.react(call.account.id, call.given.id, call.given.emoji)
        return Reply(body=Reacted(), status=202)
