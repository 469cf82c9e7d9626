"""Finding a post by what somebody pastes: its id, its page, or our page of it."""

import re
from typing import Final

from sqlalchemy import select

from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import is_uri
from fedispace.threads.ingest import Ingest
from fedispace.threads.models import Status

_OUR_PATHS: Final = re.compile(r"/(?:users/[^/?#]+/statuses|@[^/?#]+)/(?P<id>\d{1,19})(?:/activity)?/?")


class StatusLookup:
    """Turns an address into a post, fetching what is not known.

    Whether the asker may see the post is for the caller to ask (`visibility.require_visible`).
    """

    def __init__(
        self, db: Database, resolver: Resolver, people: People, ingest: Ingest, addresses: Addresses
    ) -> None:
        self._db = db
        self._resolver = resolver
        self._people = people
        self._ingest = ingest
        self._addresses = addresses

    async def status(self, uri_or_url: str, *, resolve: bool = True) -> Status:
        """Return the post at an address; without `resolve` only one that is known.

        Raises `NotFound`, whatever the reason: what is not there, what refuses us and what does not
        prove itself look the same to the person who asked.
        """
        address = uri_or_url.strip()
        if not is_uri(address):
            raise NotFound("There is no such post.")
        async with self._db.reading() as tx:
            known = await known_at(tx, address, self._addresses)
        if known is not None:
            return known
        if not resolve or self._addresses.is_ours(address):
            raise NotFound("There is no such post.")
        try:
            note = await self._resolver.document(address)
            if not isinstance(note, Note) or not same_origin(note.id, note.attributed_to):
                raise NotFound("That address is not a post.")
            async with self._db.transaction() as tx:
                return await self._ingest.store_note(tx, note, delivered=False)
        except (Gone, Invalid, Refused, Unavailable) as error:
            raise NotFound("There is no such post.") from error


async def known_at(tx: Tx, address: str, addresses: Addresses) -> Status | None:
    """Return the post at an address, if it is known here; whether one may see it is for the caller to ask."""
    if addresses.is_ours(address):
        match = _OUR_PATHS.fullmatch(address.removeprefix(addresses.origin))
        return None if match is None else await tx.get(Status, min(int(match["id"]), 2**63 - 1))
    return (await tx.scalars(select(Status).where(Status.uri == address))).one_or_none()
