"""Liking a post, and taking that back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import String, bindparam, select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People, Somebody
from fedispace.clock import Clock
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.removing import take_out
from fedispace.db.upsert import add_new
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Like, Undo
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.threads import counts
from fedispace.threads.asking import Asking, waits
from fedispace.threads.audience import is_distributable
from fedispace.threads.boost import original_of
from fedispace.threads.known import Post
from fedispace.threads.models import Favourite, Status
from fedispace.threads.wire import like_of

_OF: Final = select(Favourite).where(
    Favourite.status_id == bindparam("post", type_=BigId),
    Favourite.account_id == bindparam("by", type_=BigId),
)
_favourites: Final = table_of(Favourite).c
_LIKED: Final = select(_favourites.id, _favourites.account_id, _favourites.status_id).where(
    _favourites.uri == bindparam("uri", type_=String())
)


@dataclass(frozen=True, slots=True)
class Liked:
    """A favourite, as far as taking it back takes."""

    id: int
    account_id: int
    status_id: int


async def record(
    tx: Tx, notifier: Notifier, by: Account, status: Status, *, id: int, uri: str, at: datetime
) -> Favourite | None:
    """Write a favourite; None when `by` likes the post already."""
    if not await write(tx, notifier, by, status, id=id, uri=uri, at=at):
        return None
    return await tx.get(Favourite, id)


async def write(
    tx: Tx, notifier: Notifier, by: Somebody, status: Post, *, id: int, uri: str, at: datetime
) -> bool:
    """Write a favourite; False when `by` likes the post already."""
    await tx.flush()
    row = {"id": id, "account_id": by.id, "status_id": status.id, "uri": uri, "created_at": at}
    if await add_new(tx, Favourite, row) == 0:
        return False
    await counts.favourited(tx, status.id)
    if status.local:
        await notifier.notify_ours(
            tx, to_id=status.account_id, type="favourite", by_id=by.id, subject=status.id
        )
    return True


async def withdraw(tx: Tx, notifier: Notifier, favourite: Favourite | Liked, status: Post) -> None:
    """Remove a favourite and what was counted and told because of it."""
    await take_out(tx, Favourite, favourite.id)
    await counts.unfavourited(tx, status.id)
    await notifier.withdraw(
        tx, to_id=status.account_id, type="favourite", by_id=favourite.account_id, subject=status.id
    )


async def favourite_by(tx: Tx, account_id: int, status_id: int) -> Favourite | None:
    """Return the account's favourite of a post, if it has one."""
    rows = await tx.scalars(_OF, {"post": status_id, "by": account_id})
    return rows.one_or_none()


async def by_uri(tx: Tx, uri: str) -> Liked | None:
    """Return the favourite that a Like of that id was."""
    await tx.flush()
    row = (await tx.core(_LIKED, {"uri": uri})).one_or_none()
    return None if row is None else Liked(*row)


class Favouriting:
    """Favourites by our own people. Both steps may be repeated; the repeat does nothing."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._people = people
        self._asking = Asking(ids, clock, addresses, outbox, notifier, people)

    async def favourite(self, by: Account, status_id: int) -> Status:
        """Like a post and return it; the like waits when its author has yet to give leave.

        Raises `NotFound` when `by` may not see it, and `Forbidden` when its author wants no likes.
        """
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            answer = await self._asking.may(tx, "favourite", by, status)
            id_ = self._ids.next()
            if waits(answer, status):
                if await favourite_by(tx, by.id, status.id) is None:
                    await self._ask(tx, by, status, self._addresses.activity(id_))
                return status
            favourite = await record(
                tx,
                self._notifier,
                by,
                status,
                id=id_,
                uri=self._addresses.activity(id_),
                at=self._clock.now(),
            )
            if favourite is not None:
                author = await self._people.by_id(tx, status.account_id)
                like = like_of(favourite, by, status, author)
                await self._outbox.send(tx, by.id, like, _to(author, status))
        return status

    async def unfavourite(self, by: Account, status_id: int) -> Status:
        """Take a favourite of the post back, if there is one, and return the post."""
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            favourite = await favourite_by(tx, by.id, status.id)
            if favourite is not None:
                author = await self._people.by_id(tx, status.account_id)
                like = like_of(favourite, by, status, author)
                undo = Undo(
                    id=self._addresses.activity(self._ids.next()),
                    actor=like.actor,
                    object=like.id,
                    inner=like,
                    to=like.to,
                )
                await withdraw(tx, self._notifier, favourite, status)
                await self._outbox.send(tx, by.id, undo, _to(author, status))
            else:
                await self._asking.withdraw(tx, "favourite", by, status)
        return status

    async def _ask(self, tx: Tx, by: Account, status: Status, uri: Uri) -> None:
        author = await self._people.by_id(tx, status.account_id)
        like = Like(
            id=uri, actor=parse_uri(by.uri), object=parse_uri(status.uri), to=(parse_uri(author.uri),)
        )
        await self._asking.act(tx, "favourite", by, status, like, subject=status.id)


def _to(author: Account, status: Status) -> Audience:
    return Audience(about_public=is_distributable(status.visibility), actors=(author.id,))
