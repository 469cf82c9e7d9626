"""The messages page: with whom somebody talks in direct posts."""

from aiohttp import web

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.threads.direct import DirectConversations, Held, held_by
from fedispace.threads.sanitize import plain
from fedispace.web.cards import Message
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.reading import page_of
from fedispace.web.routing import Asked, Pages

_EXCERPT = 200
_FACES = 5


class MessagePages:
    """The list, and the two forms in it."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        conversations: DirectConversations,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._people = people
        self._conversations = conversations
        self._presenter = presenter
        self._frame = frame

    @pages.get("/messages", stranger=False)
    async def listed(self, asked: Asked) -> web.Response:
        viewer, page = asked.who.account, page_of(asked)
        async with self._db.reading() as tx:
            rows = await held_by(tx, viewer.id, page, asked.at)
            who = {id_ for row in rows for id_ in (*row.participants, row.last.account_id)}
            known = await self._people.by_ids(tx, who)
        return await self._frame.page(
            asked,
            "messages.html",
            messages=[self._message(row, known, viewer.id) for row in rows],
            more=f"/messages?max_id={rows[-1].cursor}" if len(rows) == page.limit else "",
        )

    @pages.post("/messages/{id}/read")
    async def read(self, asked: Asked) -> web.Response:
        await self._conversations.read(asked.who.account, asked.id())
        return redirect("/messages")

    @pages.post("/messages/{id}/remove")
    async def remove(self, asked: Asked) -> web.Response:
        await self._conversations.remove(asked.who.account, asked.id())
        return redirect("/messages")

    def _message(self, row: Held, known: dict[int, Account], viewer_id: int) -> Message:
        last = row.last
        faces = [self._presenter.face(known[id_]) for id_ in row.participants if id_ in known]
        return Message(
            id=row.id,
            faces=tuple(faces[:_FACES]),
            others=len(faces) - 1,
            unread=row.unread,
            at=last.created_at,
            path=f"{self._presenter.face(known[last.account_id]).path}/{last.id}",
            excerpt=(last.spoiler or plain(last.content))[:_EXCERPT],
            mine=last.account_id == viewer_id,
        )
