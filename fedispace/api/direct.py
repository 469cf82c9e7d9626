"""Mastodon's `conversations` methods: the direct posts somebody wrote and got, by conversation."""

from collections.abc import Sequence

from fedispace.accounts.moved import successors
from fedispace.accounts.people import People
from fedispace.api.entities.direct import DirectConversation
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, Paged
from fedispace.api.links import page_of
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database, Tx
from fedispace.threads.direct import DirectConversations, Held, held_by


class DirectCalls(Calls):
    """The list, and what is done with a row of it."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        posts: Posts,
        presenter: AccountPresenter,
        conversations: DirectConversations,
    ) -> None:
        self._db = db
        self._people = people
        self._posts = posts
        self._presenter = presenter
        self._conversations = conversations

    @routes.get("/api/v1/conversations", who=Who.PERSON, scope="read:statuses")
    async def conversations(self, call: Call[Paged]) -> Listing[DirectConversation]:
        """Return the asker's direct conversations, the one with the newest post first."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            rows = await held_by(tx, viewer, page_of(call.given), call.at)
            items = await self._shown(tx, rows, viewer)
        return Listing(items=items, cursors=[row.cursor for row in rows])

    @routes.post("/api/v1/conversations/{id}/read", who=Who.PERSON, scope="write:conversations")
    async def read(self, call: Call[ById]) -> DirectConversation:
        """Count a conversation as read."""
        person = call.person.account
        held = await self._conversations.read(person, call.given.id)
        async with self._db.reading() as tx:
            (shown,) = await self._shown(tx, [held], person.id)
        return shown

    @routes.delete("/api/v1/conversations/{id}", who=Who.PERSON, scope="write:conversations")
    async def remove(self, call: Call[ById]) -> Nothing:
        """Take a conversation off the list until somebody writes in it again; no post is deleted."""
        await self._conversations.remove(call.person.account, call.given.id)
        return Nothing()

    async def _shown(self, tx: Tx, rows: Sequence[Held], viewer_id: int) -> list[DirectConversation]:
        known = await self._people.by_ids(tx, {who for row in rows for who in row.participants})
        moved = await successors(tx, list(known.values()))
        lasts = await self._posts.many(tx, [row.last for row in rows], viewer_id)
        return [
            DirectConversation(
                id=str(row.id),
                unread=row.unread,
                accounts=self._presenter.accounts(
                    (known[who] for who in row.participants if who in known), moved
                ),
                last_status=last,
            )
            for row, last in zip(rows, lasts, strict=True)
        ]
