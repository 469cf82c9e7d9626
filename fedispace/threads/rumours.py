"""Looks after hearsay about posts (`federation/rumours.py`): one GET from where the post lives, or none."""

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.resolve import Resolver
from fedispace.federation.rumours import TASK
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import PUBLIC
from fedispace.queue.jobs import Arguments, Task
from fedispace.threads.arrival import look
from fedispace.threads.ingest import Ingest
from fedispace.threads.models import Status
from fedispace.threads.relevance import concerns_us
from fedispace.threads.vanished import vanished


class RumouredPosts:
    """Asks whether what was said of a post is so, and takes over what its own server says."""

    def __init__(
        self, db: Database, clock: Clock, addresses: Addresses, resolver: Resolver, ingest: Ingest
    ) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._resolver = resolver
        self._ingest = ingest

    def tasks(self) -> dict[str, Task]:
        return {TASK: self.look_after}

    async def look_after(self, arguments: Arguments) -> None:
        """Fetch the post if it matters here: it answers one that is known, is known, or came by a relay."""
        uri, parent = arguments["uri"], arguments["in_reply_to"]
        relayed = bool(arguments.get("relayed", False))
        async with self._db.reading() as tx:
            known = await _is_known(tx, uri)
            matters = known != (arguments["kind"] == "Create")
            if matters and not known and not relayed:
                matters = parent is not None and await _is_known(tx, parent)
        if not matters:
            return
        try:
            found = await self._resolver.document(uri)
        except (Gone, NotFound) as answer:
            await vanished(self._db, self._clock, uri, answer)
            return
        except (Refused, Invalid):
            return
        if isinstance(found, Note) and found.id == uri:
            await self._take_over(found, relayed=relayed)

    async def _take_over(self, note: Note, *, relayed: bool) -> None:
        async with self._db.transaction() as tx:
            status = await _by_uri(tx, note.id)
            if status is None:
                arrival = await look(tx, note)
                wanted = relayed and PUBLIC in note.to
                if wanted or await concerns_us(tx, self._addresses, note, is_followed=arrival.is_followed):
                    await self._ingest.store(tx, note, arrival)
                return
            author = await tx.scalar(select(Account.uri).where(Account.id == status.account_id))
            if author == note.attributed_to and status.boost_of_id is None:
                await self._ingest.update_note(tx, status, note)


async def _by_uri(tx: Tx, uri: str) -> Status | None:
    return (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()


async def _is_known(tx: Tx, uri: str) -> bool:
    return await tx.scalar(select(Status.id).where(Status.uri == uri)) is not None
