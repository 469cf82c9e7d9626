"""The collections of a post and of a conversation, as other servers read them to complete a thread.

Pages begin after an id, not at a number, so that a post that is deleted or arrives between two pages
neither hides another nor shows one twice. Everybody is shown what they may see, and told how many
that are.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, func, select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker, DocumentRoutes
from fedispace.federation.vocab.objects import Collection, CollectionPage, Tombstone
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.threads.models import Status
from fedispace.threads.showing import number, shown, viewer_of
from fedispace.threads.visibility import visible

PAGE: Final = 50


class ThreadCollections:
    """Serves `replies`, `likes` and `shares` of our posts, and the `context` of our conversations."""

    routes = DocumentRoutes()

    def __init__(self, db: Database, addresses: Addresses, people: People) -> None:
        self._db = db
        self._addresses = addresses
        self._people = people

    @routes.at("/users/{name}/statuses/{id}/replies")
    async def replies(self, path: Mapping[str, str], asker: Asker) -> Collection | CollectionPage | Tombstone:
        """Return the replies to a post: the author's own first, a page of them inside, then the others'."""
        async with self._db.reading() as tx:
            found = await shown(tx, self._people, self._addresses, path, asker)
            if isinstance(found, Tombstone):
                return found
            status, _ = found
            viewer_id = await viewer_of(tx, self._people, asker)
            if "page" in path:
                return await replies_page(
                    tx, viewer_id, status, after=_after(path), of_others="others" in path
                )
            total = await tx.scalar(
                select(func.count()).select_from(Status).where(*_answers(status, viewer_id))
            )
            return Collection(
                id=parse_uri(f"{status.uri}/replies"),
                type="Collection",
                total_items=total or 0,
                first_page=await replies_page(tx, viewer_id, status),
            )

    @routes.at("/users/{name}/statuses/{id}/likes")
    async def likes(self, path: Mapping[str, str], asker: Asker) -> Collection | Tombstone:
        """Return how many like a post, never who."""
        return await self._total(path, asker, "likes")

    @routes.at("/users/{name}/statuses/{id}/shares")
    async def shares(self, path: Mapping[str, str], asker: Asker) -> Collection | Tombstone:
        """Return how many passed a post on, never who."""
        return await self._total(path, asker, "shares")

    async def _total(self, path: Mapping[str, str], asker: Asker, name: str) -> Collection | Tombstone:
        async with self._db.reading() as tx:
            found = await shown(tx, self._people, self._addresses, path, asker)
        if isinstance(found, Tombstone):
            return found
        status, _ = found
        total = status.favourites_count if name == "likes" else status.boosts_count
        return Collection(id=parse_uri(f"{status.uri}/{name}"), type="Collection", total_items=total)

    @routes.at("/contexts/{id}")
    async def context(self, path: Mapping[str, str], asker: Asker) -> Collection | CollectionPage:
        """Return the posts of a conversation that is ours, oldest first (FEP-7888, FEP-f228).

        It belongs to whoever of ours began it. A conversation may have become part of another since:
        its address still leads there.
        """
        uri = self._addresses.context(number(path["id"]))
        async with self._db.reading() as tx:
            first = (
                await tx.execute(
                    select(Status.conversation_id, Account.uri)
                    .join(Account, Account.id == Status.account_id)
                    .where(Status.context_uri == uri)
                    .order_by(Account.domain != "", Status.id)
                    .limit(1)
                )
            ).one_or_none()
            if first is None:
                raise NotFound("There is no such conversation.")
            conversation_id, owner = first
            viewer_id = await viewer_of(tx, self._people, asker)
            here = (
                Status.conversation_id == conversation_id,
                Status.boost_of_id.is_(None),
                visible(viewer_id),
            )
            if "page" in path:
                return await _context_page(tx, uri, here, _after(path))
            total = await tx.scalar(select(func.count()).select_from(Status).where(*here))
            if not total:
                raise NotFound("There is no such conversation.")
            return Collection(
                id=uri,
                total_items=total,
                attributed_to=parse_uri(owner),
                first_page=await _context_page(tx, uri, here, 0),
            )


async def replies_page(
    tx: Tx, viewer_id: int | None, status: Status, *, after: int = 0, of_others: bool = False
) -> CollectionPage:
    """Return a page of the replies to a post of ours: its author's own, or those `of_others`.

    After the author's own the others' follow: whoever reads one page has the author's whole thread.
    """
    base = f"{status.uri}/replies"
    own = Status.account_id == status.account_id
    rows = (
        await tx.execute(
            select(Status.id, Status.uri)
            .where(*_answers(status, viewer_id), ~own if of_others else own, Status.id > after)
            .order_by(Status.id)
            .limit(PAGE + 1)
        )
    ).all()
    shown_, more = rows[:PAGE], len(rows) > PAGE
    kind = "&others=true" if of_others else ""
    following = None
    if more:
        following = f"{base}?page=true{kind}&min_id={shown_[-1].id}"
    elif not of_others:
        following = f"{base}?page=true&others=true"
    return CollectionPage(
        id=parse_uri(f"{base}?page=true{kind}" + (f"&min_id={after}" if after else "")),
        type="CollectionPage",
        items=tuple(Uri(row.uri) for row in shown_),
        next=parse_uri(following) if following else None,
        part_of=parse_uri(base),
    )


async def _context_page(tx: Tx, uri: Uri, here: Sequence[ColumnElement[bool]], after: int) -> CollectionPage:
    rows = (
        await tx.execute(
            select(Status.id, Status.uri).where(*here, Status.id > after).order_by(Status.id).limit(PAGE + 1)
        )
    ).all()
    more = len(rows) > PAGE
    return CollectionPage(
        id=parse_uri(f"{uri}?page=true" + (f"&min_id={after}" if after else "")),
        items=tuple(Uri(row.uri) for row in rows[:PAGE]),
        next=parse_uri(f"{uri}?page=true&min_id={rows[PAGE - 1].id}") if more else None,
        part_of=uri,
    )


def _answers(status: Status, viewer_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return (Status.in_reply_to_id == status.id, Status.boost_of_id.is_(None), visible(viewer_id))


def _after(path: Mapping[str, str]) -> int:
    return number(path["min_id"]) if path.get("min_id") else 0
