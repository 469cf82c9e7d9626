"""The call for our custom emojis."""

from fedispace.accounts import emojis
from fedispace.api.entities.account import CustomEmoji
from fedispace.api.entities.shape import NoParameters
from fedispace.api.present.emojis import emoji
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database


class EmojiCalls(Calls):
    """Mastodon's `custom_emojis`."""

    routes = Routes()

    def __init__(self, *, db: Database) -> None:
        self._db = db

    @routes.get("/api/v1/custom_emojis", who=Who.ANYONE)
    async def custom_emojis(self, call: Call[NoParameters]) -> list[CustomEmoji]:
        """Return the custom emojis of this server."""
        async with self._db.reading() as tx:
            return [emoji(row) for row in await emojis.ours(tx)]
