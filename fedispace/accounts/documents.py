"""Our people as other servers see them: the actor, and the lists that hang from it."""

from collections.abc import Mapping

from sqlalchemy import func, select

from fedispace.accounts.follows import followers, following
from fedispace.accounts.handles import is_username
from fedispace.accounts.models import Account, Follow
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.accounts.wire import actor_document
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, NotFound, Refused
from fedispace.federation.actors import Actors
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, OutboxItem
from fedispace.federation.routes import Asker, DocumentRoutes
from fedispace.federation.synchronization import MAX_FOLLOWERS
from fedispace.federation.tombstones import has_left, tombstone
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Collection, CollectionPage, Tombstone
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of

PAGE_SIZE = 40

Params = Mapping[str, str]
Shelf = Collection | CollectionPage


class AccountDocuments:
    """Loads the documents of accounts. They are public, but for the list that two servers compare."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, addresses: Addresses, people: People, actors: Actors) -> None:
        self._db = db
        self._addresses = addresses
        self._people = people
        self._actors = actors

    @routes.at("/users/{name}")
    async def actor(self, params: Params, asker: Asker) -> Actor | Tombstone:
        """Return the actor, or the tombstone of one that was deleted."""
        async with self._db.reading() as tx:
            uri = self._addresses.actor(params["name"].lower())
            if is_username(params["name"]) and (grave := await tombstone(tx, uri)) is not None:
                return Tombstone(id=uri, former_type=grave.former_type, deleted=grave.deleted_at)
            account = await self._local(tx, params["name"], even_suspended=True)
            return await self._described(tx, account)

    @routes.at("/actor")
    async def instance_actor(self, params: Params, asker: Asker) -> Actor:
        account = await self._instance()
        async with self._db.reading() as tx:
            return await self._described(tx, account)

    @routes.at("/users/{name}/followers")
    async def followers(self, params: Params, asker: Asker) -> Shelf:
        async with self._db.reading() as tx:
            account = await self._local(tx, params["name"])
            return await self._relations(tx, account, "followers", params)

    @routes.at("/users/{name}/followers_synchronization")
    async def followers_synchronization(self, params: Params, asker: Asker) -> Collection:
        """Return the followers on the asker's own server, and to nobody else's (FEP-8fcf)."""
        if asker.actor is None:
            raise Refused("sig_missing", "This list is for the server whose people are in it.")
        async with self._db.reading() as tx:
            account = await self._local(tx, params["name"])
            theirs = await tx.scalars(
                select(ActorRow.uri)
                .join(Follow, Follow.account_id == ActorRow.id)
                .where(
                    Follow.target_id == account.id,
                    Follow.accepted.is_(True),
                    ~ActorRow.local,
                    ActorRow.host == host_of(asker.actor),
                )
                .order_by(Follow.id)
                .limit(MAX_FOLLOWERS)
            )
            ids = tuple(Uri(uri) for uri in theirs)
        here = self._addresses.collection(account.uri, "followers_synchronization")
        return Collection(id=here, total_items=len(ids), items=ids)

    @routes.at("/users/{name}/following")
    async def following(self, params: Params, asker: Asker) -> Shelf:
        async with self._db.reading() as tx:
            account = await self._local(tx, params["name"])
            return await self._relations(tx, account, "following", params)

    @routes.at("/users/{name}/mutuals")
    async def mutuals(self, params: Params, asker: Asker) -> Collection:
        """Return the group that policies name; who is in it, and how many, is not told."""
        async with self._db.reading() as tx:
            account = await self._local(tx, params["name"])
        return Collection(id=self._addresses.collection(account.uri, "mutuals"))

    @routes.at("/actor/followers")
    async def instance_followers(self, params: Params, asker: Asker) -> Shelf:
        account = await self._instance()
        async with self._db.reading() as tx:
            return await self._relations(tx, account, "followers", params)

    @routes.at("/actor/following")
    async def instance_following(self, params: Params, asker: Asker) -> Shelf:
        account = await self._instance()
        async with self._db.reading() as tx:
            return await self._relations(tx, account, "following", params)

    @routes.at("/actor/featured")
    async def instance_featured(self, params: Params, asker: Asker) -> Collection:
        here = self._addresses.collection(self._addresses.instance_actor, "featured")
        return Collection(id=here, total_items=0)

    @routes.at("/actor/outbox")
    async def instance_outbox(self, params: Params, asker: Asker) -> Collection:
        """Return the latest public activities of the instance itself."""
        account = await self._instance()
        async with self._db.reading() as tx:
            said = (OutboxItem.actor_id == account.id) & OutboxItem.public.is_(True)
            total = await tx.scalar(select(func.count()).select_from(OutboxItem).where(said))
            latest = await tx.scalars(
                select(OutboxItem.uri).where(said).order_by(OutboxItem.id.desc()).limit(PAGE_SIZE)
            )
            return Collection(
                id=self._addresses.collection(account.uri, "outbox"),
                total_items=total,
                items=tuple(Uri(uri) for uri in latest),
            )

    async def _instance(self) -> Account:
        """Return the instance's own profile, which is written when it is first wanted."""
        uri = self._addresses.instance_actor
        async with self._db.reading() as tx:
            account = await self._people.by_uri(tx, uri)
        if account is not None:
            return account
        async with self._db.transaction() as tx:
            return await self._people.ensure(tx, uri)

    async def _local(self, tx: Tx, name: str, *, even_suspended: bool = False) -> Account:
        """Return one of our people. Of a suspended one only the actor is served, which says so."""
        if is_username(name) and await has_left(tx, self._addresses, name):
            raise Gone("This account was deleted.")
        account = await self._people.by_handle(tx, name)
        if account is None or account.uri == self._addresses.instance_actor:
            raise NotFound("There is no such account.")
        if account.suspended_at is not None and not even_suspended:
            raise NotFound("This account is suspended.")
        return account

    async def _described(self, tx: Tx, account: Account) -> Actor:
        row = await self._actors.by_id(tx, account.id)
        keys = await self._actors.public_keys(tx, account.id)
        kind = "" if row.type == "Person" else row.type
        return actor_document(account, keys, self._addresses, type=kind)

    async def _relations(self, tx: Tx, account: Account, name: str, params: Params) -> Shelf:
        """Return the size of a list of people, or its page of the newest when that is asked for."""
        here = self._addresses.collection(account.uri, name)
        column = Follow.target_id if name == "followers" else Follow.account_id
        total = await tx.scalar(
            select(func.count()).select_from(Follow).where(column == account.id, Follow.accepted.is_(True))
        )
        if account.hides_relations:
            if params.get("page"):
                raise NotFound("This list is not shown.")
            return Collection(id=here, total_items=total)
        first = Uri(f"{here}?page=1")
        if not params.get("page"):
            return Collection(id=here, total_items=total, first=first)
        newest = await (followers if name == "followers" else following)(
            tx, account.id, Page(limit=PAGE_SIZE)
        )
        return CollectionPage(
            id=first,
            total_items=total,
            items=tuple(Uri(person.uri) for _, person in newest),
            part_of=here,
        )
