"""A Space of ours as ActivityPub documents: the Event and its four collections.

Who is listening is nobody's business: `attendees` says how many, never who. Speakers are heard, so
they are named.
"""

from collections.abc import Mapping

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone
from fedispace.federation import tombstones
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker, DocumentRoutes
from fedispace.federation.vocab.objects import Collection, Event
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.spaces import queries
from fedispace.spaces.access import no_such_space
from fedispace.spaces.fediverse.our_events import OurEvents
from fedispace.spaces.models import Space
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible

_MAX_REPLIES = 100
_LARGEST_ID = 2**63 - 1
_MOST_DIGITS = 19

Parameters = Mapping[str, str]


class SpaceDocuments:
    """The loaders."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, people: People, addresses: Addresses, events: OurEvents) -> None:
        self._db = db
        self._people = people
        self._addresses = addresses
        self._events = events

    @routes.at("/spaces/{id:[^/.]+}")
    async def event(self, parameters: Parameters, asker: Asker) -> Event:
        async with self._db.reading() as tx:
            space = await self._space(tx, parameters, asker)
            host = await self._people.by_id(tx, space.host_id)
            return await self._events.of(tx, space, host)

    @routes.at("/spaces/{id}/organizers")
    async def organizers(self, parameters: Parameters, asker: Asker) -> Collection:
        async with self._db.reading() as tx:
            space = await self._space(tx, parameters, asker)
            hosts = await queries.organizers(tx, space)
        return _collection(space, "organizers", [host.uri for host in hosts])

    @routes.at("/spaces/{id}/attendees")
    async def attendees(self, parameters: Parameters, asker: Asker) -> Collection:
        async with self._db.reading() as tx:
            space = await self._space(tx, parameters, asker)
            coming = await queries.count_attendances(tx, space.id)
        return _collection(space, "attendees", [], total=coming)

    @routes.at("/spaces/{id}/speakers")
    async def speakers(self, parameters: Parameters, asker: Asker) -> Collection:
        async with self._db.reading() as tx:
            space = await self._space(tx, parameters, asker)
            ids = (await queries.speakers_in(tx, [space.id])).get(space.id, [])
            accounts = await self._people.by_ids(tx, ids)
        return _collection(space, "speakers", [accounts[id_].uri for id_ in ids if id_ in accounts])

    @routes.at("/spaces/{id}/replies")
    async def replies(self, parameters: Parameters, asker: Asker) -> Collection:
        """The first posts that answer the Event, of those anybody may read."""
        async with self._db.reading() as tx:
            space = await self._space(tx, parameters, asker)
            answers = await tx.scalars(
                select(Status.uri)
                .where(Status.in_reply_to_uri == space.uri, visible(None))
                .order_by(Status.id)
                .limit(_MAX_REPLIES)
            )
            uris = list(answers)
        return _collection(space, "replies", uris)

    async def _space(self, tx: Tx, parameters: Parameters, asker: Asker) -> Space:
        """Return our Space for whoever asks; a follower proves it by the signature of the GET."""
        id_ = parameters["id"]
        if not (id_.isascii() and id_.isdigit() and len(id_) <= _MOST_DIGITS and int(id_) <= _LARGEST_ID):
            raise no_such_space()
        if await tombstones.tombstone(tx, self._addresses.space(int(id_))) is not None:
            raise Gone("This Space was deleted.")
        viewer = None if asker.actor is None else await self._viewer(tx, asker.actor)
        space = await queries.space(tx, int(id_), None if viewer is None else viewer.id)
        if not space.local:
            raise no_such_space()
        return space

    async def _viewer(self, tx: Tx, actor: Uri) -> Account | None:
        return await self._people.by_uri(tx, actor)


def _collection(space: Space, name: str, items: list[str], *, total: int | None = None) -> Collection:
    return Collection(
        id=parse_uri(f"{space.uri}/{name}"),
        total_items=len(items) if total is None else total,
        items=tuple(parse_uri(item) for item in items),
    )
