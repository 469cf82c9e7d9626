"""What groups pass on: activities of their members, wrapped in an `Announce` (FEP-1b12: Lemmy, PieFed).

Only a `Group` may wrap, and only one that somebody here follows is listened to. What is wrapped is the
group's word and no more: each is asked for where it lives, by a job, and counts as far as its own server
confirms it.

- `Create` of a post that answers nothing: the post, and the group's boost of it. Of a reply: the reply,
  in its conversation; a group with a lively thread would else fill the home timeline with it.
- `Update`, `Delete`: the post is fetched again; what its server shows counts, or that it is gone.
- `Like`, and `EmojiReact`: the activity itself is fetched. One of a post of ours has to be sent to us.

Anything else that is wrapped is ignored (votes down, locks, moderators' doings).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import select

from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import FedispaceError, Gone, NotFound, Refused, Unavailable
from fedispace.federation import rumours
from fedispace.federation.addresses import Addresses
from fedispace.federation.allowance import Allowance
from fedispace.federation.hints import Hints
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.tombstones import tombstone
from fedispace.federation.vocab.activities import Announce, Like, Wrapped
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads import boost, favourite, reactions
from fedispace.threads.audience import is_distributable
from fedispace.threads.backfill import MAX_REQUESTS
from fedispace.threads.fetching import Fetching, Miss
from fedispace.threads.missing import UNAVAILABLE
from fedispace.threads.models import Status
from fedispace.threads.relevance import is_followed_here
from fedispace.threads.visibility import may_see

log = structlog.get_logger()

FETCH_POST: Final = "threads.fetch_post_of_group"
FETCH_LIKE: Final = "threads.fetch_like_of_group"
HINTS: Final = 300
"""How often in five minutes all groups together may make us ask one host; as many as a relay may."""
_LIKES: Final = frozenset({"Like", "EmojiReact"})


class GroupInbox:
    """Takes wrapped activities in, and has them looked after."""

    routes = InboxRoutes()

    def __init__(self, clock: Clock, addresses: Addresses, jobs: Jobs) -> None:
        self._clock = clock
        self._addresses = addresses
        self._jobs = jobs
        self._hints = Hints(clock)

    @routes.on(Announce, Wrapped)
    async def passed_on(self, tx: Tx, verified: Verified[Announce], found: Found) -> None:
        """Have what a group passes on asked for at its origin."""
        activity = verified.activity
        inner = activity.inner
        assert inner is not None
        kind = await tx.scalar(select(ActorRow.type).where(ActorRow.uri == verified.sender))
        if kind != "Group":
            raise Refused("not_a_group", "Only a group passes on activities of others.", status=202)
        if not await is_followed_here(tx, verified.sender):
            raise Refused("unrelated", "Nobody here follows that group.", status=202)
        if self._addresses.is_ours(inner.id):
            return  # what our own people did there comes back
        if inner.type == "Create" and not self._addresses.is_ours(inner.object):
            self._count(inner.object)
            await self._fetch_post(tx, activity, inner)
        elif inner.type in ("Update", "Delete") and not self._addresses.is_ours(inner.object):
            self._count(inner.object)
            arguments = {"kind": inner.type, "uri": inner.object, "in_reply_to": None}
            await self._jobs.enqueue(tx, rumours.TASK, arguments, unique_key=f"{inner.type} {inner.object}")
        elif inner.type in _LIKES:
            theirs = (Status.uri == inner.object) & Status.local.is_(False)
            known = await tx.scalar(select(Status.id).where(theirs))
            if known is not None:
                self._count(inner.id)
                key = f"{FETCH_LIKE} {inner.id}"
                await self._jobs.enqueue(tx, FETCH_LIKE, {"uri": inner.id}, unique_key=key)

    def _count(self, uri: str) -> None:
        """Count what we are made to ask the host of `uri`; raises `Refused` for more than `HINTS`."""
        if not self._hints.may_ask(host_of(uri), HINTS):
            raise Refused("too_many", "Groups made us ask that server too often just now.", status=202)

    async def _fetch_post(self, tx: Tx, activity: Announce, inner: Wrapped) -> None:
        now = self._clock.now()
        arguments: dict[str, Any] = {
            "uri": inner.object,
            "boost": activity.id,
            "by": activity.actor,
            "at": min(activity.published or now, now).isoformat(),
        }
        await self._jobs.enqueue(tx, FETCH_POST, arguments, unique_key=f"{FETCH_POST} {activity.id}")


class GroupNews:
    """Asks the origins of what groups pass on."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        resolver: Resolver,
        people: People,
        notifier: Notifier,
        fetching: Fetching,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._resolver = resolver
        self._people = people
        self._notifier = notifier
        self._fetching = fetching

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {FETCH_POST: self.fetch_post, FETCH_LIKE: self.fetch_like}

    async def fetch_post(self, arguments: Arguments) -> None:
        """Fetch and store a post; unless it is a reply, write the group's boost of it."""
        uri = arguments["uri"]
        async with self._db.reading() as tx:
            known = await _by_uri(tx, uri)
        note = None if known is not None else await self._fetching.note(uri, Allowance(MAX_REQUESTS))
        if isinstance(note, Miss):
            if note.reason == UNAVAILABLE:
                raise Unavailable("The server of the post did not answer.")
            return
        try:
            async with self._db.transaction() as tx:
                original = await _by_uri(tx, uri)
                if original is None and note is not None:
                    original = await self._fetching.store_in(tx, note, climbs=True)
                if original is not None and original.boost_of_id is None:
                    await self._boost(tx, arguments, original)
        except (Refused, NotFound, Gone) as error:
            log.info("groups.refused", uri=uri, error=type(error).__name__)

    async def _boost(self, tx: Tx, arguments: Arguments, original: Status) -> None:
        if original.in_reply_to_uri is not None or not is_distributable(original.visibility):
            return
        if await tombstone(tx, arguments["boost"]) is not None:
            return
        group = await self._people.ensure(tx, arguments["by"])
        new = boost.NewBoost(
            id=self._ids.next(),
            uri=arguments["boost"],
            visibility="public",
            at=min(datetime.fromisoformat(arguments["at"]), self._clock.now()),
            local=False,
        )
        await boost.record(tx, self._notifier, group, original, new)

    async def fetch_like(self, arguments: Arguments) -> None:
        """Fetch a Like from where its actor lives, and keep it as if it had been sent."""
        uri = arguments["uri"]
        try:
            like = await self._resolver.document(uri)
            if not isinstance(like, Like) or like.id != uri or not same_origin(like.actor, uri):
                return
            await self._resolver.actor(like.actor)
        except Unavailable:
            raise
        except FedispaceError as error:
            log.info("groups.like_unavailable", uri=uri, error=type(error).__name__)
            return
        try:
            async with self._db.transaction() as tx:
                await self._keep(tx, like)
        except (Refused, NotFound, Gone) as error:
            log.info("groups.refused", uri=uri, error=type(error).__name__)

    async def _keep(self, tx: Tx, like: Like) -> None:
        status = await _by_uri(tx, like.object)
        by = await self._people.ensure(tx, like.actor)
        if status is None or status.local or status.boost_of_id is not None:
            return
        if not await may_see(tx, by.id, status):
            return
        said: dict[str, Any] = {"id": self._ids.next(), "uri": like.id, "at": self._clock.now()}
        chosen = await reactions.understood(tx, like, self._addresses)
        if chosen is not None:
            await reactions.record(tx, self._notifier, by, status, chosen, **said)
        elif like.type == "Like":
            await favourite.record(tx, self._notifier, by, status, **said)


async def _by_uri(tx: Tx, uri: str) -> Status | None:
    return (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()
