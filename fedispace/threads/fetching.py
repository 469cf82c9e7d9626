"""Fetching one post, and the posts above it.

A post is believed from its own server only: whatever named it, here it is asked for at its own
address. Nothing in here is called inside a transaction.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import exists, select

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import FedispaceError, Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.allowance import Allowance, Spent
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.objects import Note
from fedispace.threads import missing
from fedispace.threads.adoption import adopt
from fedispace.threads.ingest import Ingest
from fedispace.threads.models import MissingPost, Status
from fedispace.threads.quotes import MAX_DEPTH as MAX_QUOTES

log = structlog.get_logger()

MAX_DEPTH: Final = 20
"""How many unknown posts are fetched above one post, one after the other."""
MAX_KNOWN: Final = 200
"""How many known posts are passed on the way up."""
_NOT_MISSING: Final = frozenset({"vote", "repeated", "ours", "deleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A post that could not be had, and why (`missing.reason_of`)."""

    uri: str
    reason: str


class Fetching:
    """Fetches posts from where they live and stores them."""

    def __init__(
        self, db: Database, clock: Clock, addresses: Addresses, resolver: Resolver, ingest: Ingest
    ) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._resolver = resolver
        self._ingest = ingest
        self._climbing: dict[str, asyncio.Task[Status | Miss]] = {}

    async def note(self, uri: str, allowance: Allowance) -> Note | Miss:
        """Fetch a post; raises `Spent` when the allowance ends."""
        try:
            found = await self._resolver.document(uri, allowance=allowance)
        except (NotFound, Gone, Refused, Invalid, Unavailable) as error:
            return self._miss(uri, error)
        if not isinstance(found, Note) or not same_origin(found.id, found.attributed_to):
            return Miss(uri=uri, reason="not_a_post")
        return found

    async def store(
        self, note: Note, conversation_id: int | None = None, *, quotes: bool = False
    ) -> Status | Miss:
        """Store a post that was fetched; nothing more is fetched for it, except what it `quotes`."""
        try:
            async with self._db.transaction() as tx:
                return await self.store_in(tx, note, conversation_id, quotes=quotes)
        except (Refused, NotFound, Gone) as error:
            return self._miss(note.id, error)

    async def store_in(
        self,
        tx: Tx,
        note: Note,
        conversation_id: int | None = None,
        *,
        climbs: bool = False,
        quotes: bool = True,
    ) -> Status:
        status = await self._ingest.store_note(
            tx,
            note,
            delivered=False,
            climbs=climbs,
            conversation_id=conversation_id,
            quote_depth=MAX_QUOTES - 1 if quotes else MAX_QUOTES,
        )
        await missing.found(tx, note.id)
        return status

    async def record(self, miss: Miss, conversation_id: int) -> None:
        """Remember what could not be had; what is no post of the conversation at all is forgotten."""
        if miss.reason in _NOT_MISSING:
            return
        async with self._db.transaction() as tx:
            await missing.record(tx, miss.uri, conversation_id, miss.reason, self._clock.now())

    async def climb(self, uri: str | None, allowance: Allowance) -> Miss | None:
        """Fetch the post `uri`, what it answers, and so on up; tell where it ended, unless at the top.

        Known posts are passed, so that an interrupted climb goes on where it was. A circle ends it.
        """
        seen: set[str] = set()
        fetched = 0
        while uri is not None and uri not in seen and len(seen) < MAX_KNOWN and fetched < MAX_DEPTH:
            seen.add(uri)
            if self._addresses.is_ours(uri):
                return None
            if uri not in self._climbing:
                known, waits = await self._known(uri)
                if known is not None:
                    await self._reunite(known)
                    uri = _answered(known)
                    continue
                if waits:
                    return None
            stored = await self._step(uri, allowance)
            fetched += 1
            if isinstance(stored, Miss):
                await self._missed(stored)
                return stored
            uri = _answered(stored)
        return None

    async def _reunite(self, status: Status) -> None:
        """Hang the replies below a post that came in the same moment as it, neither seeing the other."""
        waiting = Status.in_reply_to_uri == status.uri, Status.in_reply_to_id.is_(None)
        async with self._db.reading() as tx:
            if not await tx.scalar(select(exists().where(*waiting, Status.id != status.id))):
                return
        async with self._db.transaction() as tx:
            await adopt(tx, status.id)

    async def _step(self, uri: str, allowance: Allowance) -> Status | Miss:
        """Fetch and store one post, together with whoever climbs past it at the same time."""
        task = self._climbing.get(uri)
        joined = task is not None
        if task is None:
            task = self._climbing[uri] = asyncio.ensure_future(self._bring(uri, allowance))
            task.add_done_callback(lambda _: self._climbing.pop(uri, None))
        try:
            return await asyncio.shield(task)
        except Spent:
            if not joined:
                raise
        return await self._step(uri, allowance)

    async def _bring(self, uri: str, allowance: Allowance) -> Status | Miss:
        found = await self.note(uri, allowance)
        return found if isinstance(found, Miss) else await self.store(found)

    async def _known(self, uri: str) -> tuple[Status | None, bool]:
        """Return a post if we have it; else whether its server refused it a short while ago."""
        async with self._db.reading() as tx:
            known = (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()
            miss = None if known is not None else await tx.get(MissingPost, uri)
        if miss is None or miss.reason == missing.UNAVAILABLE:
            return known, False
        return known, not missing.is_due(miss, self._clock.now())

    async def _missed(self, miss: Miss) -> None:
        """Remember that what a known post answers could not be had."""
        async with self._db.reading() as tx:
            conversation_id = await tx.scalar(
                select(Status.conversation_id).where(Status.in_reply_to_uri == miss.uri).limit(1)
            )
        if conversation_id is not None:
            await self.record(miss, conversation_id)

    def _miss(self, uri: str, error: FedispaceError) -> Miss:
        reason = missing.reason_of(error)
        log.info("fetching.missed", uri=uri, reason=reason)
        return Miss(uri=uri, reason=reason)


def _answered(status: Status) -> str | None:
    """Return what a post answers, if that is a post."""
    return status.in_reply_to_uri if status.in_reply_to_uri != status.subject_uri else None
