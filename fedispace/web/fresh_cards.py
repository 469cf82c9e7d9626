"""Cards of Spaces that have changed while a page was open: a script asks now and then, and says what it has.

Whoever has what is true is answered with nothing, for the price of one short statement.
"""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from sqlalchemy import select

from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.spaces import queries
from fedispace.spaces.models import Space
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages, number

_MOST: Final = 20
_HAS: Final = re.compile(r"(\d{1,19})\.([a-z]{1,20})\.(\d{1,10})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Has:
    """A card as a page shows it."""

    id: int
    state: str
    listeners: int


class FreshCardPages:
    """The answer to that script."""

    pages = Pages()

    def __init__(self, *, db: Database, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._presenter = presenter
        self._frame = frame

    @pages.get("/stage/cards")
    async def cards(self, asked: Asked) -> web.Response:
        """Draw those cards anew that are not as the page has them."""
        async with self._db.reading() as tx:
            changed = await _changed(tx, has_of(asked.query("have")))
            seen = [space for id_ in changed if (space := await _seen(tx, id_, asked.person_id)) is not None]
            cards = await self._presenter.spaces(tx, seen, asked.person_id)
        drawn = (self._frame.piece(asked, "space_card.html", "card", card, here=card.path) for card in cards)
        return self._frame.fragment(asked, "".join(drawn))


def has_of(text: str) -> list[Has]:
    """Return what a page says that it shows: `ID.STATE.LISTENERS`, with commas between."""
    found = [_HAS.fullmatch(part) for part in text.split(",")[:_MOST]]
    return [
        Has(id=id_, state=part[2], listeners=int(part[3]))
        for part in found
        if part is not None and (id_ := number(part[1])) is not None
    ]


async def _changed(tx: Tx, has: list[Has]) -> list[int]:
    """Return which are not so any more; how many listen counts while it is live."""
    if not has:
        return []
    rows = await tx.execute(
        select(Space.id, Space.state, Space.listener_count).where(Space.id.in_([one.id for one in has]))
    )
    now = {row.id: (row.state, row.listener_count if row.state == "live" else 0) for row in rows}
    return [
        one.id
        for one in has
        if one.id in now and now[one.id] != (one.state, one.listeners if one.state == "live" else 0)
    ]


async def _seen(tx: Tx, space_id: int, viewer_id: int | None) -> Space | None:
    try:
        return await queries.space(tx, space_id, viewer_id)
    except NotFound:
        return None
