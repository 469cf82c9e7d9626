"""Finds the Space an address stands for: ours, one we know, or one its server shows us."""

import re
from typing import Final
from urllib.parse import urlsplit

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.objects import Event
from fedispace.federation.vocab.uri import parse_uri
from fedispace.spaces import queries
from fedispace.spaces.access import OPEN_TO_ALL, no_such_space, parse_access
from fedispace.spaces.fediverse.arrival import Arrivals
from fedispace.spaces.models import Space

_OURS: Final = re.compile(r"(?:/@[^/]+)?/spaces/([0-9]{1,19})")


class SpaceLookup:
    """Looks Spaces up for somebody."""

    def __init__(
        self, db: Database, resolver: Resolver, people: People, addresses: Addresses, arrivals: Arrivals
    ) -> None:
        self._db = db
        self._resolver = resolver
        self._people = people
        self._addresses = addresses
        self._arrivals = arrivals

    async def space(self, address: str, viewer_id: int | None) -> Space:
        """Return the Space of this id or page, fetched anew when it is another server's.

        A server that does not answer leaves us what we knew; so does one that shows us nothing of what is
        not for everybody, because it is the instance that asks and not a guest of the Space. Raises
        `NotFound`, also for what the viewer may not see, and `Unavailable`.
        """
        uri = parse_uri(address.strip())
        if self._addresses.is_ours(uri):
            space_id = _id_in(uri)
        else:
            space_id = await self._fetched(uri)
        async with self._db.reading() as tx:
            return await queries.space(tx, space_id, viewer_id)

    async def _fetched(self, uri: str) -> int:
        try:
            event = await self._resolver.document(parse_uri(uri))
        except Gone as error:
            raise no_such_space() from error
        except (NotFound, Unavailable, Refused, Invalid) as error:
            async with self._db.reading() as tx:
                known = await queries.of_others_at(tx, uri)
            if known is not None and not (isinstance(error, NotFound) and _is_open(known)):
                return known.id
            if isinstance(error, Unavailable):
                raise
            raise no_such_space() from error
        if not isinstance(event, Event):
            raise no_such_space()
        async with self._db.transaction() as tx:
            host = await self._people.ensure(tx, event.attributed_to)
            try:
                return (await self._arrivals.store(tx, event, host)).id
            except Refused as error:
                raise no_such_space() from error


def _is_open(space: Space) -> bool:
    return parse_access(space.access) in OPEN_TO_ALL


def _id_in(uri: str) -> int:
    found = _OURS.fullmatch(urlsplit(uri).path.rstrip("/"))
    if found is None:
        raise no_such_space()
    return int(found[1])
