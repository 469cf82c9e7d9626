"""The page from which a speaker copies address and token into OBS or FFmpeg."""

from aiohttp import web

from fedispace.db.engine import Database
from fedispace.errors import Conflict
from fedispace.federation.addresses import Addresses
from fedispace.spaces import queries
from fedispace.spaces.endpoints import endpoints_of
from fedispace.spaces.entry.stream_keys import StreamKeys
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages


class StreamKeyPages:
    """One's own stream keys for one Space."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        keys: StreamKeys,
        addresses: Addresses,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._keys = keys
        self._addresses = addresses
        self._presenter = presenter
        self._frame = frame

    @pages.get("/stage/{id}/stream_keys")
    async def listed(self, asked: Asked) -> web.Response:
        return await self._page(asked)

    @pages.post("/stage/{id}/stream_keys", guests=True)
    async def make(self, asked: Asked) -> web.Response:
        """Make a key and show it: this page is the only place where it is told."""
        try:
            made = await self._keys.make(asked.id(), asked.person.id, asked.text("label"))
        except Conflict as error:
            return await self._page(asked, error=error.detail, status=409)
        return await self._page(asked, fresh=made.secret, status=201)

    @pages.post("/stage/{id}/stream_keys/{key_id}/revoke", guests=True)
    async def revoke(self, asked: Asked) -> web.Response:
        await self._keys.revoke(asked.id(), asked.person.id, asked.id("key_id"))
        return redirect(f"/stage/{asked.id()}/stream_keys")

    async def _page(
        self, asked: Asked, *, fresh: str = "", error: str = "", status: int = 200
    ) -> web.Response:
        space_id, person = asked.id(), asked.person
        keys = await self._keys.listed(space_id, person.id)
        async with self._db.reading() as tx:
            space = await queries.space(tx, space_id, person.id)
            card = await self._presenter.space(tx, space, person.id)
        answer = await self._frame.page(
            asked,
            "stream_keys.html",
            status=status,
            beside=False,
            space=card,
            keys=keys,
            whip_url=endpoints_of(self._addresses, space_id).whip,
            fresh=fresh,
            error=error,
        )
        answer.headers["Cache-Control"] = "private, no-store"
        return answer
