"""New keys for one of our people, because the old ones may have been seen.

Peers know the old key, so the news of the new one is signed with the old: an `Update` of the person. All
that was on its way before goes out under the old key as well, everything later under the new. Whoever
asked for the actor in between has the new key already and is tried with that.

The RSA key keeps its id, as Mastodon's does when it is changed: many peers take one `publicKey` only, and
all of them ask again when a signature fails. The Ed25519 key has a new id, and the old one stays listed for
two weeks, so that proofs already made hold while they travel.
"""

from fedispace.accounts.news import ProfileNews
from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.actors import Actors, new_keys


class KeyRotation:
    """Changes the keys of people here."""

    def __init__(self, db: Database, people: People, actors: Actors, news: ProfileNews) -> None:
        self._db = db
        self._people = people
        self._actors = actors
        self._news = news

    async def rotate(self, name: str) -> None:
        """Give the person `name` new keys, and tell everybody who knows the old ones."""
        keys = await new_keys()
        async with self._db.transaction() as tx:
            account = await self._people.by_handle(tx, name)
            if account is None:
                raise NotFound(f"There is no user {name}.")
            await self._actors.change_keys(tx, account.id, keys)
            await self._news.tell(tx, account)
            await self._actors.keys_are_told(tx, account.id)
