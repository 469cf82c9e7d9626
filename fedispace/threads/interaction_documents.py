"""The authorizations our people gave, as other servers fetch them to see for themselves."""

from collections.abc import Mapping

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.db.engine import Database
from fedispace.errors import Gone, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker, DocumentRoutes
from fedispace.federation.tombstones import tombstone
from fedispace.federation.vocab.interactions import Authorization
from fedispace.hosts import host_of
from fedispace.threads.answering import authorization_of
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import InteractionRequest, Status


class InteractionDocuments:
    """Shows authorizations while they are good."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, addresses: Addresses) -> None:
        self._db = db
        self._addresses = addresses

    @routes.at("/users/{name}/authorizations/{id}")
    async def authorization(self, path: Mapping[str, str], asker: Asker) -> Authorization:
        """Return an authorization; one that was taken back is gone.

        It names two posts and shows neither. That of a post which not everybody may see is shown to the
        server of whoever was let in, which has both.
        """
        number = path["id"]
        if not number.isascii() or not number.isdecimal() or len(number) > 19:
            raise NotFound("There is no such authorization.")
        uri = self._addresses.authorization(path["name"], int(number))
        async with self._db.reading() as tx:
            entry = (
                await tx.scalars(
                    select(InteractionRequest).where(InteractionRequest.authorization_uri == uri)
                )
            ).one_or_none()
            if entry is None:
                if await tombstone(tx, uri) is not None:
                    raise Gone("What was authorized is deleted.")
                raise NotFound("There is no such authorization.")
            target = await tx.get(Status, entry.status_id)
            owner = await tx.get(Account, entry.owner_id)
            by = await tx.get(Account, entry.account_id)
        if target is None or owner is None or by is None or not owner.local:
            raise NotFound("There is no such authorization.")
        theirs = asker.actor is not None and not by.local and host_of(asker.actor) == host_of(by.uri)
        if not theirs and not is_distributable(target.visibility):
            raise NotFound("There is no such authorization.")
        if entry.state != "accepted":
            raise Gone("The authorization was taken back.")
        return authorization_of(entry, owner, target)
