"""The `featured` collection: ours as other servers fetch it, theirs as they tell of it or show it.

`Add` and `Remove` on it pin and unpin (Mastodon, Misskey). GoToSocial sends neither, so the collection
of somebody elsewhere is also read, by a job, when one of our people looks at their profile; at most once
in six hours. Whatever fails there leaves the pins as they are.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import FedispaceError, Gone, NotFound, Refused
from fedispace.federation.actors import actor_of
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Asker, DocumentRoutes, Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Add, Remove
from fedispace.federation.vocab.objects import Collection, CollectionPage, Note
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads import pins
from fedispace.threads.ingest import Ingest
from fedispace.threads.models import FeaturedLook, Status
from fedispace.threads.relevance import is_followed_here

log = structlog.get_logger()

FETCH_FEATURED: Final = "threads.fetch_featured"
OF_EVENTS: Final = ("/organizers", "/attendees")
"""How the collections of an event end (FEP-8a8e): what is added to those is no post."""

FETCH_PINNED: Final = "threads.fetch_pinned"
LOOK_AGAIN_AFTER: Final = timedelta(hours=6)


class FeaturedDocuments:
    """Shows the pinned posts of our people, as far as the asker may see them."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, addresses: Addresses, people: People) -> None:
        self._db = db
        self._addresses = addresses
        self._people = people

    @routes.at("/users/{name}/featured")
    async def featured(self, path: Mapping[str, str], asker: Asker) -> Collection:
        """Return the ids of the pinned posts, last pinned first."""
        async with self._db.reading() as tx:
            account = await self._people.by_handle(tx, path["name"])
            if account is None or account.uri == self._addresses.instance_actor:
                raise NotFound("There is no such account.")
            if account.suspended_at is not None:
                raise Gone("This account was suspended.")
            viewer = await self._people.by_uri(tx, asker.actor) if asker.actor else None
            posts = await pins.pinned(tx, viewer.id if viewer else None, account.id)
        return Collection(
            id=self._addresses.collection(account.uri, "featured"),
            total_items=len(posts),
            items=tuple(Uri(status.uri) for status in posts),
        )


class FeaturedInbox:
    """Applies `Add` and `Remove`. One on another collection than the sender's `featured` is not ours."""

    routes = InboxRoutes()

    def __init__(self, ids: Ids, clock: Clock, people: People, jobs: Jobs) -> None:
        self._ids = ids
        self._clock = clock
        self._people = people
        self._jobs = jobs

    @routes.on(Add)
    async def added(self, tx: Tx, verified: Verified[Add], found: Found) -> None:
        """Pin a post; one that is not known yet is fetched by a job."""
        activity = verified.activity
        if activity.target.endswith(OF_EVENTS):
            return
        status = await self._own_post(tx, verified)
        if status is not None:
            await pins.pin_theirs(tx, self._ids, self._clock, status)
            return
        if not await is_followed_here(tx, verified.sender):
            raise Refused("unrelated", "Nobody here follows the one who pins it.", status=202)
        arguments = {"uri": activity.object, "by": verified.sender}
        await self._jobs.enqueue(tx, FETCH_PINNED, arguments, unique_key=f"{FETCH_PINNED} {activity.object}")

    @routes.on(Remove)
    async def removed(self, tx: Tx, verified: Verified[Remove], found: Found) -> None:
        """Unpin a post, and do not fetch one that was still to be pinned."""
        if verified.activity.target.endswith(OF_EVENTS):
            return
        status = await self._own_post(tx, verified)
        await self._jobs.cancel(tx, f"{FETCH_PINNED} {verified.activity.object}")
        if status is not None:
            await pins.unpin_theirs(tx, status)

    async def _own_post(self, tx: Tx, verified: Verified[Add] | Verified[Remove]) -> Status | None:
        """Return the post that is pinned; refuse what is not the sender's, be it collection or post."""
        activity = verified.activity
        row = (await tx.scalars(select(ActorRow).where(ActorRow.uri == verified.sender))).one_or_none()
        if row is None or row.local or actor_of(row).featured != activity.target:
            raise Refused("not_owner", "That is not the sender's collection.", status=202)
        status = (await tx.scalars(select(Status).where(Status.uri == activity.object))).one_or_none()
        if status is None:
            if not same_origin(activity.object, verified.sender):
                raise Refused("not_owner", "Only one's own posts are pinned.", status=202)
            return None
        author = await self._people.ensure(tx, verified.sender)
        if status.account_id != author.id or status.boost_of_id is not None:
            raise Refused("not_owner", "Only one's own posts are pinned.", status=202)
        return status


class Featured:
    """Reads the collections of people elsewhere."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        resolver: Resolver,
        people: People,
        ingest: Ingest,
        jobs: Jobs,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._resolver = resolver
        self._people = people
        self._ingest = ingest
        self._jobs = jobs

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {FETCH_FEATURED: self.fetch_featured, FETCH_PINNED: self.fetch_pinned}

    async def looked_at(self, account: Account) -> None:
        """Have the pins of a profile that one of our people looks at read anew, if that was long ago."""
        if account.local:
            return
        now = self._clock.now()
        async with self._db.reading() as tx:
            last = await tx.get(FeaturedLook, account.id)
        if last is not None and last.looked_at > now - LOOK_AGAIN_AFTER:
            return
        async with self._db.transaction() as tx:
            await tx.execute(
                insert(tx, FeaturedLook)
                .values(account_id=account.id, looked_at=now)
                .on_conflict_do_update(index_elements=["account_id"], set_={"looked_at": now})
            )
            key = f"{FETCH_FEATURED} {account.id}"
            await self._jobs.enqueue(tx, FETCH_FEATURED, {"uri": account.uri}, unique_key=key)

    async def fetch_featured(self, arguments: Arguments) -> None:
        """Read a collection and the posts in it, at most twenty, and make them the pins."""
        owner = arguments["uri"]
        async with self._db.reading() as tx:
            row = (await tx.scalars(select(ActorRow).where(ActorRow.uri == owner))).one_or_none()
        featured = actor_of(row).featured if row is not None and not row.local and not row.gone_at else None
        if featured is None or not same_origin(featured, owner):
            return
        try:
            uris = await self._items(featured)
        except FedispaceError as error:
            log.info("featured.unavailable", uri=featured, error=type(error).__name__)
            return
        notes = {uri: await self._note(uri, owner) for uri in uris}
        async with self._db.transaction() as tx:
            account = await self._people.ensure(tx, owner)
            posts = [await self._post(tx, account, uri, note) for uri, note in notes.items()]
            await pins.replace_theirs(
                tx, self._ids, self._clock, account.id, [post for post in posts if post is not None]
            )

    async def fetch_pinned(self, arguments: Arguments) -> None:
        """Fetch one post that its author has pinned, and pin it."""
        uri, owner = Uri(arguments["uri"]), arguments["by"]
        note = await self._note(uri, owner)
        async with self._db.transaction() as tx:
            account = await self._people.ensure(tx, owner)
            status = await self._post(tx, account, uri, note)
            if status is not None:
                await pins.pin_theirs(tx, self._ids, self._clock, status)

    async def _items(self, featured: Uri) -> tuple[Uri, ...]:
        found = await self._resolver.document(featured)
        if isinstance(found, Collection) and not found.items and found.first is not None:
            found = await self._resolver.document(found.first)
        if not isinstance(found, Collection | CollectionPage):
            raise NotFound("There is no collection at that address.")
        return tuple(uri for uri in found.items if same_origin(uri, featured))[: pins.MAX_THEIRS]

    async def _note(self, uri: Uri, owner: str) -> Note | None:
        """Fetch a post unless it is known; what is not there, or not theirs, is not pinned."""
        async with self._db.reading() as tx:
            if await tx.scalar(select(Status.id).where(Status.uri == uri)) is not None:
                return None
        try:
            found = await self._resolver.document(uri)
        except FedispaceError as error:
            log.info("featured.post_unavailable", uri=uri, error=type(error).__name__)
            return None
        if not isinstance(found, Note) or found.attributed_to != owner:
            return None
        return found

    async def _post(self, tx: Tx, account: Account, uri: Uri, note: Note | None) -> Status | None:
        status = (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()
        if status is None and note is not None and note.id == uri:
            try:
                status = await self._ingest.store_note(tx, note, delivered=False)
            except FedispaceError as error:
                log.info("featured.post_refused", uri=uri, error=type(error).__name__)
        if status is None or status.account_id != account.id or status.boost_of_id is not None:
            return None
        return status
