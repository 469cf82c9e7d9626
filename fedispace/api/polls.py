"""Calls about polls, and how one is asked for with a post."""

from typing import Annotated

import msgspec

from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.entities.status import Poll
from fedispace.api.posts import Posts
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.threads.poll_news import PollNews
from fedispace.threads.polls import PollDraft
from fedispace.threads.visibility import require_visible
from fedispace.threads.votes import Voting

_MOST = 100


class AskedPoll(Parameters, frozen=True, kw_only=True):
    """A poll of a post that is written or edited."""

    options: Annotated[list[str], msgspec.Meta(max_length=_MOST)] = []
    expires_in: int = 0
    multiple: bool = False
    hide_totals: bool = False


def draft_of(asked: AskedPoll | None) -> PollDraft | None:
    """Return a poll as it is to be made."""
    if asked is None:
        return None
    return PollDraft(
        options=tuple(asked.options),
        expires_in=asked.expires_in,
        multiple=asked.multiple,
        hides_totals=asked.hide_totals,
    )


class Vote(Parameters, frozen=True, kw_only=True):
    id: RowId
    choices: Annotated[list[int], msgspec.Meta(max_length=500)] = []


class PollCalls(Calls):
    """Mastodon's `polls` methods. A poll has the id of the post that asks."""

    routes = Routes()

    def __init__(self, *, db: Database, posts: Posts, voting: Voting, news: PollNews) -> None:
        self._db = db
        self._posts = posts
        self._voting = voting
        self._news = news

    @routes.get("/api/v1/polls/{id}", who=Who.ANYONE, scope="read:statuses")
    async def poll(self, call: Call[ById]) -> Poll:
        """Return a poll; one of another server is fetched anew for the next who asks, when it is old."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, call.viewer_id, call.given.id)
        await self._news.look([row])
        return await self._shown(call.viewer_id, row.id)

    @routes.post("/api/v1/polls/{id}/votes", who=Who.PERSON, scope="write:statuses")
    async def vote(self, call: Call[Vote]) -> Poll:
        """Vote in a poll."""
        row = await self._voting.vote(call.person.account, call.given.id, call.given.choices)
        return await self._shown(call.viewer_id, row.id)

    async def _shown(self, viewer_id: int | None, status_id: int) -> Poll:
        shown = await self._posts.one(viewer_id, status_id)
        if shown.poll is None:
            raise NotFound("There is no such poll.")
        return shown.poll
