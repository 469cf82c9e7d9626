"""Telling others of a Space: a page of ways, its QR code, a message to somebody."""

import io
from typing import Final

import segno
from aiohttp import web

from fedispace.accounts.lookup import Lookup
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.spaces import queries
from fedispace.spaces.models import Space
from fedispace.threads.publish import Publishing
from fedispace.threads.written import Draft
from fedispace.web.cards import SpaceCard
from fedispace.web.embedding import embed_of
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.rooms import RoomReader
from fedispace.web.routing import Asked, Pages

_MAX_HANDLE: Final = 300


class SharingPages:
    """The ways to share a Space."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        addresses: Addresses,
        lookup: Lookup,
        publishing: Publishing,
        presenter: Presenter,
        rooms: RoomReader,
        frame: Frame,
    ) -> None:
        self._db = db
        self._ids = ids
        self._addresses = addresses
        self._lookup = lookup
        self._publishing = publishing
        self._presenter = presenter
        self._rooms = rooms
        self._frame = frame

    @pages.get("/stage/{id}/share")
    async def ways(self, asked: Asked) -> web.Response:
        """The share sheet as a page, for browsers without scripts."""
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.person_id)
            card = await self._presenter.space(tx, space, asked.person_id)
            room = await self._rooms.room(tx, space, asked.person_id)
        embed = embed_of(space, card, self._addresses) if space.local and room.is_for_strangers else None
        return await self._frame.page(
            asked,
            "share.html",
            space=card,
            room=room,
            link=self._link(space, card),
            embed=embed,
            standing=True,
            indexable=False,
        )

    @pages.get("/stage/{id}/qr.svg")
    async def code(self, asked: Asked) -> web.Response:
        """The address as a picture that cameras read."""
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.person_id)
            card = await self._presenter.space(tx, space, asked.person_id)
        drawn = io.BytesIO()
        segno.make(self._link(space, card), error="m", micro=False).save(
            drawn, kind="svg", scale=4, border=2, light="white", xmldecl=False
        )
        return web.Response(
            body=drawn.getvalue(),
            content_type="image/svg+xml",
            headers={
                "Cache-Control": "private, max-age=3600",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            },
        )

    @pages.post("/stage/{id}/tell")
    async def tell(self, asked: Asked) -> web.Response:
        """Send somebody the address, as a direct message."""
        whom = asked.text("whom").strip().lstrip("@")
        if not whom or len(whom) > _MAX_HANDLE or any(char.isspace() for char in whom):
            raise Invalid("Name one person, like @somebody@server.example.", field="whom")
        await self._lookup.account(whom)
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.who.account.id)
            card = await self._presenter.space(tx, space, asked.viewer_id)
        text = f"@{whom} {card.title}\n{self._link(space, card)}"
        await self._publishing.publish(
            asked.who.account, [Draft(text=text)], visibility="direct", idempotency_key=self._ids.token()
        )
        if asked.piece:
            return web.Response(status=201)
        return redirect(f"{card.path}?did=told")

    def _link(self, space: Space, card: SpaceCard) -> str:
        return self._addresses.origin + card.path if space.local else space.url
