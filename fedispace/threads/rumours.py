"""Looks after hearsay about posts (`federation/rumours.py`): one GET from where the post lives, or none."""

from typing import Final

from sqlalchemy import ColumnElement, or_, select

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
from fedispace.threads.audience import is_distributable
from fedispace.threads.effects import Effects
from fedispace.threads.ingest import Ingest
from fedispace.threads.models import Status
from fedispace.threads.relevance import concerns_us
from fedispace.threads.vanished import vanished

_AT_MOST: Final = 100


class RumouredPosts:
    """Asks whether what was said of a post is so, and takes over what its own server says."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        addresses: Addresses,
        resolver: Resolver,
        ingest: Ingest,
        effects: Effects,
    ) -> None:
        self._db = db
        self._effects = effects
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
            await self._revoked(uri, answer)
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

    async def _revoked(self, uri: str, answer: NotFound | Gone) -> None:
        """Show no more what its author's server authorized by that; a 404 counts as for posts."""
        async with self._db.transaction() as tx:
            for post in (await tx.scalars(select(Status).where(_is_by_leave(uri)).limit(_AT_MOST))).all():
                if not (isinstance(answer, Gone) or is_distributable(post.visibility)):
                    continue
                if post.quote_approved_by == uri:
                    await self._effects.hide_quote(tx, post, "revoked")
                else:
                    await self._effects.withhold(tx, post)


async def _by_uri(tx: Tx, uri: str) -> Status | None:
    return (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()


async def _is_known(tx: Tx, uri: str) -> bool:
    """Tell whether that is a post we have, or an authorization on whose word we show one."""
    known = select(Status.id).where(or_(Status.uri == uri, _is_by_leave(uri))).limit(1)
    return await tx.scalar(known) is not None


def _is_by_leave(uri: str) -> ColumnElement[bool]:
    return or_(Status.quote_approved_by == uri, Status.approved_by == uri)
