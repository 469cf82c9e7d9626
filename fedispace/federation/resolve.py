"""Finds what an id stands for: an actor we know, or a document its own server shows us.

Every fetch is signed by the instance actor, bounded, and never happens inside a transaction. However
many ask for one document at once, it is fetched once; what could not be had is not asked for again
for a while, and a server that did not answer a few times in a row is not asked for anything.
"""

import asyncio
import contextlib
import copy
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TypeVar, cast
from urllib.parse import quote

import structlog

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation import codec
from fedispace.federation.actors import Actors
from fedispace.federation.addresses import Addresses
from fedispace.federation.allowance import Allowance, Spent
from fedispace.federation.codec_objects import key_owner
from fedispace.federation.happenings import as_note
from fedispace.federation.host_meta import MAX_HOST_META, XRD_TYPES, lrdd_address
from fedispace.federation.models import ActorRow
from fedispace.federation.newcomers import Newcomers
from fedispace.federation.origin import is_own_word, same_origin
from fedispace.federation.requests import SignedRequests
from fedispace.federation.vocab.activities import Create, Object
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.interactions import Authorization
from fedispace.federation.vocab.objects import Event, Note
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.hosts import host_of
from fedispace.net import Document, Net

log = structlog.get_logger()
T = TypeVar("T")

MISS_LASTS = timedelta(minutes=5)
MISSES = 4096
AWAY_AFTER = 3
AWAY_LASTS = timedelta(seconds=30)
AWAY = 4096
MAX_FETCHES = 30
"""Requests made for one activity, the authors of what it names included."""


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

    def actor(self, uri: Uri) -> Actor | None:
        found = self._documents.get(uri)
        return found if isinstance(found, Actor) else None

    def authorization(self, uri: Uri) -> Authorization | None:
        found = self._documents.get(uri)
        return found if isinstance(found, Authorization) and found.id == uri else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom an address leads to, and the address its own server gives: `@username@domain`."""

    uri: Uri
    username: str
    domain: str


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
        self._newcomers = Newcomers(db, clock)
        self._scheme = "http" if plain_http else "https"
        self._under_way: dict[str, asyncio.Task[object]] = {}
        self._gets: dict[str, asyncio.Task[Document]] = {}
        self._misses: OrderedDict[str, tuple[float, FedispaceError]] = OrderedDict()
        self._away: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def actor(self, uri: str, *, refresh: bool = False, allowance: Allowance | None = None) -> ActorRow:
        """Return the actor `uri`, fetched when it is unknown (or when `refresh` asks for it).

        Raises `NotFound`, `Gone`, `Refused` (with the reason), `Unavailable`, or `Spent` when the
        `allowance` ends.
        """
        async with self._db.reading() as tx:
            known = await self._actors.by_uri(tx, uri)
        if known is not None and (known.local or not refresh):
            return known
        if self._addresses.is_ours(uri):
            raise NotFound("There is no such account here.")
        return await self._once(f"actor {uri}", lambda: self._fetch_actor(uri, allowance), again=refresh)

    async def document(self, uri: str, *, allowance: Allowance | None = None) -> Object:
        """Fetch the object `uri`; when it has an author, the author is made known too."""
        if self._addresses.is_ours(uri):
            raise NotFound("That is one of ours.")
        return await self._once(f"document {uri}", lambda: self._fetch_document(uri, allowance))

    async def key_owner(self, key_id: str) -> ActorRow:
        """Fetch anew whose key `key_id` is, and store that actor with the keys it lists now.

        The id leads to the actor itself, or to a key document that names its owner. The owner must be on
        the key's own server; whether it lists the key is for the caller to see.
        """
        location = key_id.partition("#")[0]
        return await self._once(f"key {location}", lambda: self._fetch_key_owner(location), again=True)

    async def documents(self, uris: Iterable[Uri]) -> Fetched:
        """Fetch what of `uris` can be had; what cannot is simply not among them."""
        found: dict[Uri, Object] = {}
        allowance = Allowance(MAX_FETCHES)
        for uri in islice(dict.fromkeys(uris), MAX_FETCHES):
            try:
                found[uri] = await self.document(uri, allowance=allowance)
            except (NotFound, Gone, Refused, Invalid, Spent) as error:
                log.info("resolve.unavailable", uri=uri, reason=_reason(error))
        return Fetched(found)

    async def webfinger(self, username: str, domain: str) -> Named:
        """Return whom `@username@domain` names (RFC 7033).

        The name must loop back, or anybody could dress up as `@somebody@good.example`, or give an
        account of good.example a name of their own: the domain that the answer states, and the server
        the account is on, have to say the same.
        """
        uri, subject = await self._finger(f"acct:{username}@{domain}", _domain(domain))
        name, at, home = subject.removeprefix("acct:").rpartition("@")
        if not at:
            raise Refused("webfinger_mismatch", "That address does not lead back to the account.")
        asked = {(username.lower(), _domain(domain))}
        for witness in (_domain(home), host_of(uri)):
            if (name.lower(), witness) in asked:
                continue
            asked.add((name.lower(), witness))
            again, repeated = await self._finger(f"acct:{name}@{witness}", witness)
            if again != uri or repeated.lower() != subject.lower():
                raise Refused("webfinger_mismatch", "That address does not lead back to the account.")
        return Named(uri=uri, username=name, domain=_domain(home))

    async def _finger(self, resource: str, host: str) -> tuple[Uri, str]:
        url = f"{self._scheme}://{host}/.well-known/webfinger?resource={quote(resource, safe='')}"
        await self._requests.refuse_blocked(url)
        try:
            answer = await self._net.fetch_json(url)
        except NotFound:
            answer = await self._net.fetch_json(await self._described_at(host, resource, url))
        subject = answer.get("subject")
        links = answer.get("links")
        for link in links if isinstance(links, list) else ():
            if (
                isinstance(link, dict)
                and link.get("rel") == "self"
                and "json" in str(link.get("type"))
                and isinstance(link.get("href"), str)
            ):
                return parse_uri(link["href"]), subject if isinstance(subject, str) else resource
        raise NotFound("That server does not know the account.")

    async def _described_at(self, host: str, resource: str, tried: str) -> str:
        """Return where host-meta says that `resource` is described (RFC 6415), if it is elsewhere."""
        meta = await self._net.get(
            f"{self._scheme}://{host}/.well-known/host-meta", accept=XRD_TYPES, limit=MAX_HOST_META
        )
        found = lrdd_address(meta.body, resource)
        if found is None or found == tried:
            raise NotFound("That server does not know the account.")
        await self._requests.refuse_blocked(found)
        return found

    async def _fetched(self, uri: str, allowance: Allowance | None = None) -> Document:
        """Fetch a document once, whoever asks for it at the same time and whatever for."""
        task = self._gets.get(uri)
        if task is None:
            host = host_of(uri)
            self._refuse_if_away(host)
            if allowance is not None:
                allowance.spend(host)
            task = self._gets[uri] = asyncio.ensure_future(self._get(uri, host))
            task.add_done_callback(lambda _: self._gets.pop(uri, None))
        return await asyncio.shield(task)

    async def _get(self, uri: str, host: str) -> Document:
        """Fetch a document; what its own server calls gone is gone here too, if it was an actor."""
        await self._newcomers.admit(host)
        try:
            fetched = await self._requests.document(uri)
        except Gone:
            async with self._db.transaction() as tx:
                await self._actors.forget(tx, uri)
            raise
        except Unavailable:
            self._missed(host)
            raise
        self._away.pop(host, None)
        return fetched

    async def _fetch_actor(self, uri: str, allowance: Allowance | None = None) -> ActorRow:
        found = codec.read((await self._fetched(uri, allowance)).document)
        if not isinstance(found, Actor):
            raise Refused("not_an_actor", "That address is not an account.", status=403)
        return await self._store(found)

    async def _fetch_key_owner(self, location: str) -> ActorRow:
        fetched = await self._fetched(location)
        with contextlib.suppress(Invalid):  # a key document, or a stub of the actor
            found = codec.read(fetched.document)
            if isinstance(found, Actor):
                return await self._store(found)
        owner = key_owner(fetched.document)
        if owner is None:
            raise NotFound("There is no key at that address.")
        if not same_origin(owner, location):
            raise Refused("key_not_confirmed", "The key names an owner on another server.")
        return await self._once(f"actor {owner}", lambda: self._fetch_actor(owner), again=True)

    async def _fetch_document(self, uri: str, allowance: Allowance | None = None) -> Object:
        """Fetch an object; of a Create what it published, if that is its own server's word.

        Or a Create on evil.example could speak for a post of good.example.
        """
        fetched = await self._fetched(uri, allowance)
        found = codec.read(fetched.document)
        if isinstance(found, Create) and isinstance(found.object, Note | Event):
            if not (is_own_word(found) and same_origin(found.object.id, fetched.url)):
                raise Refused("origin_mismatch", "The post is said to be of another server.", status=403)
            found = found.object
        if isinstance(found, Note | Event):
            if not same_origin(found.attributed_to, found.id):
                raise Refused("attribution_mismatch", "The author is on another server.", status=403)
            await self.actor(found.attributed_to, allowance=allowance)
        if isinstance(found, Actor):
            await self._store(found)
        return as_note(found) if isinstance(found, Event) and found.space is None else found

    async def _store(self, actor: Actor) -> ActorRow:
        async with self._db.transaction() as tx:
            return await self._actors.store(tx, actor)

    def _refuse_if_away(self, host: str) -> None:
        times, last = self._away.get(host, (0, 0.0))
        if times >= AWAY_AFTER and self._clock.monotonic() - last < AWAY_LASTS.total_seconds():
            raise Unavailable("That server did not answer just now.")

    def _missed(self, host: str) -> None:
        times, _ = self._away.get(host, (0, 0.0))
        self._away[host] = (times + 1, self._clock.monotonic())
        self._away.move_to_end(host)
        if len(self._away) > AWAY:
            self._away.popitem(last=False)

    async def _once(self, key: str, fetch: Callable[[], Awaitable[T]], *, again: bool = False) -> T:
        """Share one fetch among all who ask at the same time; remember a refusal for a while.

        A copy of the error is kept, because the error itself holds on to everything its raising saw.
        """
        missed = self._misses.get(key)
        if missed is not None and not again:
            if self._clock.monotonic() - missed[0] < MISS_LASTS.total_seconds():
                raise copy.copy(missed[1])
            del self._misses[key]
        task = self._under_way.get(key)
        joined = task is not None
        if task is None:
            task = asyncio.ensure_future(_as_task(fetch()))
            self._under_way[key] = task
            task.add_done_callback(lambda ended: self._ended(key, ended))
        try:
            return cast(T, await asyncio.shield(task))
        except Spent:
            if not joined:
                raise
        return await self._once(key, fetch, again=again)  # it was somebody else's allowance that ended

    def _ended(self, key: str, task: asyncio.Task[object]) -> None:
        self._under_way.pop(key, None)
        self._misses.pop(key, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, NotFound | Gone | Refused | Invalid):
            self._misses[key] = (self._clock.monotonic(), copy.copy(error))
            if len(self._misses) > MISSES:
                self._misses.popitem(last=False)


async def _as_task(fetch: Awaitable[object]) -> object:
    return await fetch


def _domain(text: str) -> str:
    """Return the one spelling of the domain of an address, with its port if it has one."""
    return host_of(f"https://{text}")


def _reason(error: FedispaceError) -> str:
    return error.reason if isinstance(error, Refused) else type(error).__name__
