"""Gathering the rest of a conversation from the servers it is scattered over.

First the posts above (`fetching.climb`), so that the top is known. Then, from the top, whoever knows
most: the collection of the conversation's activities (`contextHistory`), else that of its posts
(`context`), else the `replies` of every post, from the top down (FEP-f228's order). Every post is
fetched from its own server, once, and stored in the order of the list.

Bounded in every direction: requests in all and to one host, time, pages and members of a collection,
posts of a conversation. What was fetched is stored at once, so that whatever ends a run (a kill too)
loses nothing: the next run passes what is there. When the allowance ends, another run follows a little
later, a few times; after that the conversation rests (`looking.py`). What could not be had is written
down with its reason (`missing.py`).
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import func, select

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.allowance import Allowance, Spent
from fedispace.federation.models import Tombstone
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.objects import CollectionPage, Note
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads import looking, missing
from fedispace.threads.fetching import Fetching, Miss
from fedispace.threads.listing import Listed, listed
from fedispace.threads.models import ConversationState, MissingPost, Status

log = structlog.get_logger()

MAX_REQUESTS: Final = 120
MAX_REQUESTS_ON_ARRIVAL: Final = 20
MAX_PER_HOST: Final = 60
MAX_POSTS: Final = 500
MAX_SECONDS: Final = 30.0
MAX_CLAIMED: Final = 10_000
_AT_ONCE: Final = 6


@dataclass(slots=True)
class _Run:
    """One run: which conversation by one of its posts, what may be spent, what came of it."""

    seed: int
    allowance: Allowance
    until: float
    is_arrival: bool
    listed: set[str] = field(default_factory=set)
    claimed: int | None = None
    stored: int = 0
    is_cut_short: bool = False
    pages: dict[str, CollectionPage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Top:
    """The first post we have of a conversation, and where the rest of it is listed."""

    conversation_id: int
    parent_uri: str | None
    sources: tuple[Uri, ...]
    is_full: bool


class Gathering:
    """Runs the jobs that complete conversations."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        addresses: Addresses,
        resolver: Resolver,
        jobs: Jobs,
        fetching: Fetching,
    ) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._resolver = resolver
        self._jobs = jobs
        self._fetching = fetching

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {looking.GATHER: self.gather}

    async def gather(self, arguments: Arguments) -> None:
        """Fetch what is missing of the conversation of one post."""
        most = MAX_REQUESTS_ON_ARRIVAL if arguments.get("arrival") else MAX_REQUESTS
        run = _Run(
            seed=int(arguments["status"]),
            allowance=Allowance(most, per_host=min(MAX_PER_HOST, most)),
            until=self._clock.monotonic() + MAX_SECONDS,
            is_arrival=bool(arguments.get("arrival")),
        )
        top = await self._top(run.seed)
        if top is None:
            return
        try:
            await self._fetching.climb(top.parent_uri, run.allowance)
            top = await self._top(run.seed) or top
            if not top.is_full and not await self._by_list(run, top):
                await self._by_replies(run)
        except Spent:
            run.is_cut_short = True
        await self._finish(run, int(arguments.get("run", 0)))

    async def _top(self, seed: int) -> _Top | None:
        async with self._db.reading() as tx:
            status = await tx.get(Status, seed)
            if status is None:
                return None
            top, seen = status, {seed}
            while top.in_reply_to_id is not None and top.in_reply_to_id not in seen:
                seen.add(top.in_reply_to_id)
                parent = await tx.get(Status, top.in_reply_to_id)
                if parent is None:
                    break
                top = parent
            state = await tx.get(ConversationState, status.conversation_id)
            number = await _number_of_posts(tx, status.conversation_id)
        named = (state.history_uri if state else None, top.context_uri, status.context_uri)
        sources = dict.fromkeys(Uri(uri) for uri in named if uri and not self._addresses.is_ours(uri))
        return _Top(
            conversation_id=status.conversation_id,
            parent_uri=top.in_reply_to_uri if top.in_reply_to_uri != top.subject_uri else None,
            sources=tuple(sources),
            is_full=number >= MAX_POSTS,
        )

    async def _by_list(self, run: _Run, top: _Top) -> bool:
        """Fetch what the conversation's own collection names; tell whether there was one."""
        for source in top.sources:
            found = await self._read(run, source)
            if found is None or not found.posts:
                continue
            run.claimed = _claimed(found)
            run.is_cut_short |= not found.is_whole and run.allowance.is_spent
            await self._fetch(run, found.posts, keep_together=True)
            return True
        return False

    async def _by_replies(self, run: _Run) -> None:
        """Fetch the replies of every post, from the top down."""
        waiting = deque(await self._with_replies(run.seed))
        seen: set[str] = set()
        while waiting and not self._is_over(run):
            collection = waiting.popleft()
            if collection in seen:
                continue
            seen.add(collection)
            found = await self._read(run, Uri(collection), run.pages.get(collection))
            if found is not None and found.posts:
                run.listed.update(found.posts)
                for status in await self._fetch(run, found.posts, keep_together=False):
                    if status.replies_uri is not None:
                        waiting.append(status.replies_uri)

    async def _with_replies(self, seed: int) -> Sequence[str]:
        async with self._db.reading() as tx:
            conversation = select(Status.conversation_id).where(Status.id == seed).scalar_subquery()
            rows = await tx.scalars(
                select(Status.replies_uri)
                .where(
                    Status.conversation_id == conversation,
                    Status.local.is_(False),
                    Status.replies_uri.is_not(None),
                )
                .order_by(Status.id)
                .limit(MAX_POSTS)
            )
            return [uri for uri in rows if uri is not None]

    async def _read(self, run: _Run, uri: Uri, page: CollectionPage | None = None) -> Listed | None:
        """Read a collection, or nothing when it cannot be had."""
        if not run.allowance.may_ask(host_of(uri)):
            run.is_cut_short = True
            return None
        try:
            return await listed(self._resolver, run.allowance, uri, page)
        except (NotFound, Gone, Refused, Invalid, Unavailable) as error:
            log.info("gathering.unlisted", uri=uri, reason=missing.reason_of(error))
            return None

    async def _fetch(self, run: _Run, uris: Iterable[Uri], *, keep_together: bool) -> list[Status]:
        """Fetch and store those of the posts that are not here; return the new ones, in their order."""
        stored: list[Status] = []
        wanted = await self._wanted(uris)
        for start in range(0, len(wanted), _AT_ONCE):
            if self._is_over(run):
                break
            some = wanted[start : start + _AT_ONCE]
            found = await asyncio.gather(*(self._note(run, uri) for uri in some))
            for one in found:
                if one is not None and (status := await self._keep(run, one, keep_together)) is not None:
                    stored.append(status)
        return stored

    async def _wanted(self, uris: Iterable[Uri]) -> list[Uri]:
        """Return those of the posts that are worth asking for: not known, deleted, or refused just now."""
        theirs = [uri for uri in dict.fromkeys(uris) if not self._addresses.is_ours(uri)]
        now = self._clock.now()
        async with self._db.reading() as tx:
            known = set(await tx.scalars(select(Status.uri).where(Status.uri.in_(theirs))))
            known |= set(await tx.scalars(select(Tombstone.uri).where(Tombstone.uri.in_(theirs))))
            misses = await tx.scalars(select(MissingPost).where(MissingPost.uri.in_(theirs)))
            known |= {miss.uri for miss in misses if not missing.is_due(miss, now)}
        return [uri for uri in theirs if uri not in known]

    async def _note(self, run: _Run, uri: Uri) -> Note | Miss | None:
        """Fetch a post; nothing comes back when the allowance does not reach that far."""
        try:
            return await self._fetching.note(uri, run.allowance)
        except Spent:
            run.is_cut_short = True
            return None

    async def _keep(self, run: _Run, found: Note | Miss, keep_together: bool) -> Status | None:
        """Store a post of the conversation, or that it could not be had.

        One that answers nothing we have is put beside the others if the conversation's owner lists it
        as a reply; a conversation cannot be filled with other people's posts that answer nobody.
        """
        async with self._db.reading() as tx:
            seed = await tx.get(Status, run.seed)
            belongs = seed is not None and (
                isinstance(found, Miss)
                or (keep_together and found.in_reply_to is not None)
                or (found.context is not None and found.context == seed.context_uri and keep_together)
                or await _answers(tx, found, seed.conversation_id)
            )
        if seed is None or not belongs:
            return None
        kept = found
        if not isinstance(found, Miss):
            stored = await self._fetching.store(found, seed.conversation_id, quotes=not run.is_arrival)
            if not isinstance(stored, Miss):
                run.stored += 1
                if found.replies is not None and found.replies_page is not None:
                    run.pages[found.replies] = found.replies_page
                return stored
            kept = stored
        assert isinstance(kept, Miss)
        await self._fetching.record(kept, seed.conversation_id)
        return None

    def _is_over(self, run: _Run) -> bool:
        over = run.allowance.is_spent or self._clock.monotonic() >= run.until
        run.is_cut_short |= over
        return over

    async def _finish(self, run: _Run, number: int) -> None:
        """Write down how complete the conversation is now, and have the rest fetched, or let it rest."""
        async with self._db.transaction() as tx:
            status = await tx.get(Status, run.seed)
            if status is None:
                return
            conversation_id, now = status.conversation_id, self._clock.now()
            state = await tx.get(ConversationState, conversation_id)
            if state is None:
                state = ConversationState(id=conversation_id, looks=0, requests=0)
                tx.add(state)
            if run.claimed is not None:
                state.claimed = run.claimed
            state.looked_at = now
            state.requests = run.allowance.used if number == 0 else state.requests + run.allowance.used
            goes_on = run.is_cut_short and number < looking.MAX_RUNS and not run.is_arrival
            if goes_on:
                await self._jobs.enqueue(
                    tx,
                    looking.GATHER,
                    {"status": run.seed, "run": number + 1},
                    run_at=now + looking.BETWEEN_RUNS,
                    unique_key=looking.key_of(conversation_id, number + 1),
                )
            if number == 0:
                state.looks = min(state.looks, 1) + 1 if run.stored else state.looks + 1
            state.look_again_at = now + looking.pause_after(state.looks)
        log.info(
            "gathering.done",
            conversation=conversation_id,
            run=number,
            requests=run.allowance.used,
            stored=run.stored,
            goes_on=goes_on,
        )


def _claimed(found: Listed) -> int:
    """Return how many posts a collection says there are: what it lists, or what it counts if that is more.

    A joke of a number is not repeated to readers.
    """
    counted = found.total or 0
    return max(len(found.posts), counted if counted <= MAX_CLAIMED else 0)


async def _number_of_posts(tx: Tx, conversation_id: int) -> int:
    posts = select(func.count()).select_from(Status)
    here = Status.conversation_id == conversation_id, Status.boost_of_id.is_(None)
    return await tx.scalar(posts.where(*here)) or 0


async def _answers(tx: Tx, note: Note, conversation_id: int) -> bool:
    """Tell whether a note answers a post of the conversation."""
    if note.in_reply_to is None:
        return False
    found = await tx.scalar(
        select(Status.id).where(Status.uri == note.in_reply_to, Status.conversation_id == conversation_id)
    )
    return found is not None
