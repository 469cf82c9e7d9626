"""A Space inside the page of somebody else: a player that listens, and the code that puts it there."""

from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from markupsafe import escape

from fedispace.db.engine import Database
from fedispace.federation.addresses import Addresses
from fedispace.spaces import queries
from fedispace.spaces.access import OPEN_TO_ALL, no_such_space
from fedispace.spaces.models import Space
from fedispace.spaces.oembed import HEIGHT, WIDTH, player_address
from fedispace.web.cards import SpaceCard
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.rooms import RoomReader
from fedispace.web.routing import Asked, Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed:
    """`code` is what one pastes into a page, `oembed` where programs ask for it."""

    code: str
    oembed: str


def embed_of(space: Space, card: SpaceCard, addresses: Addresses) -> Embed:
    """Return how a Space of ours is put into another page."""
    source = player_address(addresses, space.id)
    code = (
        f'<iframe src="{escape(source)}" width="{WIDTH}" height="{HEIGHT}" '
        f'title="{escape(card.title)}" allow="autoplay" loading="lazy"></iframe>'
    )
    page = quote(addresses.origin + card.path, safe="")
    return Embed(code=code, oembed=f"{addresses.origin}/api/oembed?url={page}")


class EmbeddingPages:
    """The player. It reads no cookie and shows every reader the same, so anybody may frame it."""

    pages = Pages()

    def __init__(
        self, *, db: Database, addresses: Addresses, presenter: Presenter, rooms: RoomReader, frame: Frame
    ) -> None:
        self._db = db
        self._addresses = addresses
        self._presenter = presenter
        self._rooms = rooms
        self._frame = frame

    @pages.get("/embed/spaces/{id}")
    async def player(self, asked: Asked) -> web.Response:
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), None)
            card = await self._presenter.space(tx, space, None)
        if not space.local or space.access not in OPEN_TO_ALL:
            raise no_such_space()
        plays = self._rooms.is_for_strangers(space)
        return self._frame.framed(
            asked, "embed.html", space=card, link=self._addresses.origin + card.path, plays=plays
        )
