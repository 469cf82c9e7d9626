"""From the address an object has among servers to its page, for who comes there and may see it."""

import re
from typing import Final

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.spaces import queries
from fedispace.web.present import Presenter
from fedispace.web.rooms import path_of
from fedispace.web.routing import number

_POST: Final = re.compile(r"/users/(?P<name>[^/]+)/statuses/(?P<id>[0-9]+)/?")
_SPACE: Final = re.compile(r"/spaces/(?P<id>[0-9]+)/?")


class Leading:
    """Knows the way. Servers that ask there are answered as strangers; people may be known here."""

    def __init__(self, db: Database, people: People, presenter: Presenter) -> None:
        self._db = db
        self._people = people
        self._presenter = presenter

    async def page_of(self, path: str, viewer_id: int) -> str | None:
        """Return the page of the object at `path`; none for what is not there, or not for the viewer.

        The page of a post has its author in its address already, and says itself whom it is for.
        """
        if (post := _POST.fullmatch(path)) is not None:
            return f"/@{post['name']}/{post['id']}"
        space = _SPACE.fullmatch(path)
        space_id = None if space is None else number(space["id"])
        return None if space_id is None else await self._space(space_id, viewer_id)

    async def _space(self, space_id: int, viewer_id: int) -> str | None:
        async with self._db.reading() as tx:
            try:
                space = await queries.space(tx, space_id, viewer_id)
            except NotFound:
                return None
            host = await self._people.by_id(tx, space.host_id)
        return path_of(self._presenter, host, space) if space.local else None
