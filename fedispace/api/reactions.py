"""Calls about emoji reactions: Pleroma's, which some of Mastodon's clients know, and our own.

A post under /api/v1 has no key for them; who wants to show them asks here.
"""

from fedispace.accounts.moved import successors
from fedispace.api.entities.reaction import Reaction
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.entities.status import Status
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Dialect, Routes, Who
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.threads import reaction_views
from fedispace.threads.reaction_names import shown
from fedispace.threads.reactions import Reacting
from fedispace.threads.visibility import require_visible


class OneReaction(Parameters, frozen=True, kw_only=True):
    id: RowId
    emoji: str


class Reactions:
    """Reads the reactions to a post for both tables of calls."""

    def __init__(self, db: Database, clock: Clock, presenter: AccountPresenter) -> None:
        self._db = db
        self._clock = clock
        self._presenter = presenter

    async def of(self, viewer_id: int | None, status_id: int) -> list[Reaction]:
        """Return the reactions to a post the viewer may see, the most used first."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer_id, status_id)
            if row.boost_of_id is not None:
                row = await require_visible(tx, viewer_id, row.boost_of_id)
            found = (await reaction_views.tallies(tx, [row.id], viewer_id)).get(row.id, [])
            people = await reaction_views.who(tx, viewer_id, row.id, self._clock.now())
            moved = await successors(tx, [who for each in people.values() for who in each])
        return [
            Reaction(
                name=_name(tally),
                count=tally.count,
                me=tally.mine,
                url=tally.icon,
                accounts=self._presenter.accounts(people.get((tally.name, tally.domain), []), moved),
            )
            for tally in found
        ]


def _name(tally: reaction_views.Tally) -> str:
    if tally.icon is None:
        return shown(tally.name)
    return f"{tally.name}@{tally.domain}" if tally.domain else tally.name


class PleromaReactionCalls(Calls):
    """Pleroma's `reactions` methods."""

    routes = Routes()

    def __init__(self, *, posts: Posts, reacting: Reacting, reactions: Reactions) -> None:
        self._posts = posts
        self._reacting = reacting
        self._reactions = reactions

    @routes.get("/api/v1/pleroma/statuses/{id}/reactions", who=Who.ANYONE, scope="read:statuses")
    async def reactions(self, call: Call[ById]) -> list[Reaction]:
        """Return the emoji reactions to a post, each with those whose it is."""
        return await self._reactions.of(call.viewer_id, call.given.id)

    @routes.get("/api/v1/pleroma/statuses/{id}/reactions/{emoji}", who=Who.ANYONE, scope="read:statuses")
    async def reactions_with(self, call: Call[OneReaction]) -> list[Reaction]:
        """Return the reactions to a post with one emoji."""
        wanted = call.given.emoji.strip(":").replace("\ufe0f", "")
        found = await self._reactions.of(call.viewer_id, call.given.id)
        return [each for each in found if each.name.replace("\ufe0f", "") == wanted]

    @routes.put("/api/v1/pleroma/statuses/{id}/reactions/{emoji}", who=Who.PERSON, scope="write:statuses")
    async def react(self, call: Call[OneReaction]) -> Status:
        """Answer a post with an emoji."""
        row_id = await self._reacting.react(call.person.account, call.given.id, call.given.emoji)
        return await self._posts.one(call.viewer_id, row_id)

    @routes.delete("/api/v1/pleroma/statuses/{id}/reactions/{emoji}", who=Who.PERSON, scope="write:statuses")
    async def unreact(self, call: Call[OneReaction]) -> Status:
        """Take an emoji reaction back."""
        row_id = await self._reacting.unreact(call.person.account, call.given.id, call.given.emoji)
        return await self._posts.one(call.viewer_id, row_id)


class ReactionCalls(Calls):
    """The same as an API of ours."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, reacting: Reacting, reactions: Reactions) -> None:
        self._reacting = reacting
        self._reactions = reactions

    @routes.get("/api/fedispace/v1/statuses/{id}/reactions", who=Who.ANYONE, scope="read:statuses")
    async def reactions(self, call: Call[ById]) -> list[Reaction]:
        """Return the emoji reactions to a post."""
        return await self._reactions.of(call.viewer_id, call.given.id)

    @routes.post("/api/fedispace/v1/statuses/{id}/reactions", who=Who.PERSON, scope="write:favourites")
    async def react(self, call: Call[OneReaction]) -> list[Reaction]:
        """Answer a post with an emoji; returns all reactions to it."""
        row_id = await self._reacting.react(call.person.account, call.given.id, call.given.emoji)
        return await self._reactions.of(call.viewer_id, row_id)

    @routes.delete(
        "/api/fedispace/v1/statuses/{id}/reactions/{emoji}", who=Who.PERSON, scope="write:favourites"
    )
    async def unreact(self, call: Call[OneReaction]) -> list[Reaction]:
        """Take an emoji reaction back; returns those that are left."""
        row_id = await self._reacting.unreact(call.person.account, call.given.id, call.given.emoji)
        return await self._reactions.of(call.viewer_id, row_id)
