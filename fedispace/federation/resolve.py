"""Finds what an id stands for: an actor we know, or a document its own server shows us.

Every fetch is signed by the instance actor, bounded, and never happens inside a transaction. However
many ask for one document at once, it is fetched once; what could not be had is not asked for again
for a while.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import TypeVar, cast
from urllib.parse import quote

import structlog

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Gone, Invalid, NotFound, Refused
from fedispace.federation import codec
from fedispace.federation.actors import Actors
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import is_coherent
from fedispace.federation.requests import SignedRequests
from fedispace.federation.vocab.activities import Create, Object
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Event, Note
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.hosts import host_of
from fedispace.net import Net

log = structlog.get_logger()
T = TypeVar("T")

MISS_LASTS = timedelta(minutes=5)
MISSES = 4096
STALE_AFTER = timedelta(days=1)


class Fetched:
    """The documents fetched for one activity, as its handler sees them."""

    def __init__(self, documents: dict[Uri, Object]) -> None:
        self._documents = documents

    def note(self, uri: Uri) -> Note | None:
        found = self._documents.get(uri)
        return found if isinstance(found, Note) else None

    def event(self, uri: Uri) -> Event | None:
        found = self._documents.get(uri)
        return found if isinstance(found, Event) else None


class Resolver:
    """Turns ids into actors and documents."""

    def __init__(
        self,
        db: Database,
        actors: Actors,
        requests: SignedRequests,
        net: Net,
        addresses: Addresses,
        clock: Clock,
        *,
        plain_http: bool = False,
    ) -> None:
        self._db = db
        self._actors = actors
        self._requests = requests
        self._net = net
        self._addresses = addresses
        self._clock = clock
        self._scheme = "http" if plain_http else "https"
        self._under_way: dict[str, asyncio.Task[object]] = {}
        self._misses: OrderedDict[str, tuple[float, FedispaceError]] = OrderedDict()

    async def actor(self, uri: str, *, refresh: bool = False) -> ActorRow:
        """Return the actor `uri`, fetched when it is unknown (or when `refresh` asks for it).

        Raises `NotFound`, `Gone`, `Refused` (with the reason) or `Unavailable`.
        """
        async with self._db.reading() as tx:
            known = await self._actors.by_uri(tx, uri)
        if known is not None and (known.local or not refresh):
            return known
        if self._addresses.is_ours(uri):
            raise NotFound("There is no such account here.")
        return await self._once(f"actor {uri}", lambda: self._fetch_actor(uri), again=refresh)

    async def document(self, uri: str) -> Object:
        """Fetch the object `uri`; when it has an author, the author is made known too."""
        if self._addresses.is_ours(uri):
            raise NotFound("That is one of ours.")
        return await self._once(f"document {uri}", lambda: self._fetch_document(uri))

    async def key_document(self, location: str) -> Actor | Uri:
        """Fetch what stands where a key id points: its owner's actor document, or the owner's id."""
        fetched = await self._requests.document(location)
        owner = fetched.document.get("owner")
        if isinstance(owner, str):
            return parse_uri(owner)
        found = codec.read(fetched.document)
        if isinstance(found, Actor):
            return found
        raise NotFound("There is no key at that address.")

    async def documents(self, uris: Iterable[Uri]) -> Fetched:
        """Fetch what of `uris` can be had; what cannot is simply not among them."""
        found: dict[Uri, Object] = {}
        for uri in dict.fromkeys(uris):
            try:
                found[uri] = await self.document(uri)
            except (NotFound, Gone, Refused, Invalid) as error:
                log.info("resolve.unavailable", uri=uri, reason=_reason(error))
        return Fetched(found)

    async def webfinger(self, username: str, domain: str) -> Uri:
        """Return the actor id of `@username@domain` (RFC 7033).

        The name must loop back: the actor's own server has to give the same id for the name the
        answer states, or anybody could dress up as `@somebody@good.example`.
        """
        uri, subject = await self._finger(f"acct:{username}@{domain}", _domain(domain))
        name, at, home = subject.removeprefix("acct:").rpartition("@")
        if not at or _domain(home) != _domain(domain) or name.lower() != username.lower():
            again, repeated = await self._finger(f"acct:{name}@{home}", _domain(home))
            if again != uri or repeated.lower() != subject.lower():
                raise Refused("webfinger_mismatch", "That address does not lead back to the account.")
        return uri

    async def _finger(self, resource: str, host: str) -> tuple[Uri, str]:
        url = f"{self._scheme}://{host}/.well-known/webfinger?resource={quote(resource, safe='')}"
        answer = await self._net.fetch_json(url)
        subject = answer.get("subject")
        for link in answer.get("links") or ():
            if (
                isinstance(link, dict)
                and link.get("rel") == "self"
                and "json" in str(link.get("type"))
                and isinstance(link.get("href"), str)
            ):
                return parse_uri(link["href"]), subject if isinstance(subject, str) else resource
        raise NotFound("That server does not know the account.")

    async def _fetch_actor(self, uri: str) -> ActorRow:
        try:
            fetched = await self._requests.document(uri)
        except Gone:
            await self._mark_gone(uri)
            raise
        actor = codec.read(fetched.document)
        if not isinstance(actor, Actor):
            raise Refused("not_an_actor", "That address is not an account.", status=403)
        if not is_coherent(actor):
            raise Refused("origin_mismatch", "The account is spread over several servers.", status=403)
        async with self._db.transaction() as tx:
            return await self._actors.store(tx, actor)

    async def _fetch_document(self, uri: str) -> Object:
        fetched = await self._requests.document(uri)
        found = codec.read(fetched.document)
        if isinstance(found, Create) and isinstance(found.object, Note | Event):
            found = found.object
        if isinstance(found, Note | Event):
            if host_of(found.attributed_to) != host_of(found.id):
                raise Refused("attribution_mismatch", "The author is on another server.", status=403)
            await self.actor(found.attributed_to)
        if isinstance(found, Actor):
            async with self._db.transaction() as tx:
                await self._actors.store(tx, found)
        return found

    async def _mark_gone(self, uri: str) -> None:
        async with self._db.transaction() as tx:
            row = await self._actors.by_uri(tx, uri)
            if row is not None and not row.local:
                row.gone_at = self._clock.now()

    async def _once(self, key: str, fetch: Callable[[], Awaitable[T]], *, again: bool = False) -> T:
        """Share one fetch among all who ask at the same time; remember a refusal for a while."""
        missed = self._misses.get(key)
        if missed is not None and not again:
            if self._clock.monotonic() - missed[0] < MISS_LASTS.total_seconds():
                raise missed[1].with_traceback(None)
            del self._misses[key]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.ensure_future(_as_task(fetch()))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        try:
            return cast(T, await asyncio.shield(task))
        except (NotFound, Gone, Refused, Invalid) as error:
            self._misses[key] = (self._clock.monotonic(), error)
            if len(self._misses) > MISSES:
                self._misses.popitem(last=False)
            raise


async def _as_task(fetch: Awaitable[object]) -> object:
    return await fetch


def _domain(text: str) -> str:
    """Return the one spelling of the domain of an address, with its port if it has one."""
    return host_of(f"https://{text}")


def _reason(error: FedispaceError) -> str:
    return error.reason if isinstance(error, Refused) else type(error).__name__
