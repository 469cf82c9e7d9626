"""Our custom emojis as other servers fetch them."""

from collections.abc import Mapping

from fedispace.accounts import emojis
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker, DocumentRoutes
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.uri import Uri


class EmojiDocuments:
    """Shows an emoji to anybody."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, addresses: Addresses) -> None:
        self._db = db
        self._addresses = addresses

    @routes.at("/emojis/{shortcode}")
    async def emoji(self, path: Mapping[str, str], asker: Asker) -> Emoji:
        """Return one of our emojis."""
        async with self._db.reading() as tx:
            row = await emojis.known(tx, path["shortcode"], "")
        if row is None:
            raise NotFound("There is no such emoji.")
        return Emoji(
            name=row.shortcode,
            icon=Uri(row.icon),
            id=self._addresses.emoji(row.shortcode),
            media_type=row.media_type,
            updated=row.updated_at,
        )
