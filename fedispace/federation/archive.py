"""Our activities by their ids, as they were sent (ActivityPub section 3.2).

Those that have no better address of their own (`/activities/{id}`: follows, likes, undos, deletions)
are shown from the outbox: the public ones to everybody, the others to those they were sent to.
"""

from collections.abc import Mapping

from sqlalchemy import select

from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, OutboxItem
from fedispace.federation.routes import Asker, DocumentRoutes, Stored


class Archive:
    """Serves what the outbox keeps."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, addresses: Addresses) -> None:
        self._db = db
        self._addresses = addresses

    @routes.at(r"/activities/{id:[0-9]{1,20}}")
    async def activity(self, params: Mapping[str, str], asker: Asker) -> Stored:
        uri = self._addresses.activity(int(params["id"]))
        async with self._db.reading() as tx:
            item = (await tx.scalars(select(OutboxItem).where(OutboxItem.uri == uri))).one_or_none()
            if item is None:
                raise NotFound("There is no such activity.")
            if not item.public:
                asking = await tx.scalar(select(ActorRow.id).where(ActorRow.uri == (asker.actor or "")))
                if asking is None or asking not in item.audience["actors"]:
                    raise NotFound("There is no such activity.")
        return Stored(item.body)
