"""Posts, and collections of posts, as other servers fetch them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import Select, func, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker, DocumentRoutes
from fedispace.federation.vocab.activities import Announce, Create
from fedispace.federation.vocab.objects import Collection, CollectionPage, Note, Tombstone
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.threads.collections import replies_page
from fedispace.threads.models import Mention, Status
from fedispace.threads.polls import poll_of, poll_on_the_wire
from fedispace.threads.showing import shown, viewer_of
from fedispace.threads.visibility import visible
from fedispace.threads.wire import announce_of, create_of, note_of

PAGE: Final = 20


class ThreadDocuments:
    """Shows what the asker may see; everything else is not found, or gone if it was deleted."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, clock: Clock, addresses: Addresses, people: People) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._people = people

    @routes.at("/users/{name}/statuses/{id}")
    async def note(self, path: Mapping[str, str], asker: Asker) -> Note | Tombstone:
        """Return a post, with the first of its replies inside."""
        async with self._db.reading() as tx:
            found = await shown(tx, self._people, self._addresses, path, asker)
            if isinstance(found, Tombstone):
                return found
            status, author = found
            if status.boost_of_id is not None:
                raise NotFound("There is no such post.")
            note = await self._note(tx, status, author)
            viewer_id = await viewer_of(tx, self._people, asker)
            return replace(note, replies_page=await replies_page(tx, viewer_id, status))

    @routes.at("/users/{name}/statuses/{id}/activity")
    async def activity(self, path: Mapping[str, str], asker: Asker) -> Create | Announce | Tombstone:
        """Return the activity that published a post, or the boost of that id."""
        async with self._db.reading() as tx:
            found = await shown(tx, self._people, self._addresses, path, asker)
            if isinstance(found, Tombstone):
                return found
            status, author = found
            if status.boost_of_id is None:
                return create_of(await self._note(tx, status, author))
            original = await tx.get(Status, status.boost_of_id)
            assert original is not None
            by = await self._people.by_id(tx, original.account_id)
            return announce_of(status, author, original, by, self._addresses)

    @routes.at("/users/{name}/outbox")
    async def outbox(self, path: Mapping[str, str], asker: Asker) -> Collection | CollectionPage:
        """Return what a person of ours published for everybody: its activities, newest first."""
        async with self._db.reading() as tx:
            account = await self._people.by_handle(tx, path["name"])
            if account is None:
                raise NotFound("There is no such account.")
            outbox = self._addresses.collection(account.uri, "outbox")
            if "page" not in path:
                total = await tx.scalar(_published(account.id).with_only_columns(func.count()))
                return Collection(id=outbox, total_items=total or 0, first=parse_uri(f"{outbox}?page=true"))
            max_id = path.get("max_id", "")
            page = Page(max_id=int(max_id[:19]) if max_id.isdecimal() else None, limit=PAGE)
            rows = (await tx.scalars(page.apply(_published(account.id), Status.id))).all()
            last = rows[-1].id if len(rows) == PAGE else None
            return CollectionPage(
                id=parse_uri(f"{outbox}?page=true" + (f"&max_id={page.max_id}" if page.max_id else "")),
                items=tuple(_activity_id(status) for status in rows),
                next=parse_uri(f"{outbox}?page=true&max_id={last}") if last else None,
                part_of=outbox,
            )

    async def _note(self, tx: Tx, status: Status, author: Account) -> Note:
        poll = await poll_of(tx, status)
        asked = None if poll is None else poll_on_the_wire(poll, self._clock.now())
        return note_of(status, author, await self._mentioned(tx, status), self._addresses, poll=asked)

    async def _mentioned(self, tx: Tx, status: Status) -> list[Account]:
        rows = await tx.scalars(
            select(Account)
            .join(Mention, Mention.account_id == Account.id)
            .where(Mention.status_id == status.id, Mention.silent.is_(False))
            .order_by(Account.id)
        )
        return list(rows)


def _published(account_id: int) -> Select[Status]:
    """Select what an account shows to everybody."""
    return select(Status).where(Status.account_id == account_id, visible(None))


def _activity_id(status: Status) -> Uri:
    return parse_uri(status.uri if status.boost_of_id is not None else f"{status.uri}/activity")
