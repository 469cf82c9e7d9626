"""Deleting what one has written: one post, or a whole thread."""

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Delete
from fedispace.federation.vocab.objects import Tombstone
from fedispace.federation.vocab.uri import parse_uri
from fedispace.ids import Ids
from fedispace.threads.audience import is_distributable
from fedispace.threads.boost import Boosting
from fedispace.threads.models import Mention, Status
from fedispace.threads.removal import remove, told_of
from fedispace.threads.talk import Talk
from fedispace.threads.wire import addressees_of


class Deletion:
    """Deletes posts of our own people, here and wherever they were sent."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        boosting: Boosting,
        talk: Talk | None = None,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._boosting = boosting
        self._talk = talk

    async def delete(self, by: Account, status_id: int) -> Status:
        """Delete one of one's own posts and return what it was; deleting a boost takes it back.

        Raises `NotFound` for what is not there and for what is somebody else's.
        """
        async with self._db.transaction() as tx:
            status = await _own(tx, by, status_id)
            if status.boost_of_id is not None:
                original = await tx.get(Status, status.boost_of_id)
                assert original is not None
                await self._boosting.withdraw_in(tx, by, status, original)
            else:
                await self._delete(tx, by, status)
        return status

    async def delete_thread(self, by: Account, status_id: int) -> list[Status]:
        """Delete the whole thread one of one's own posts belongs to, its last post first."""
        async with self._db.transaction() as tx:
            status = await _own(tx, by, status_id)
            rows = await tx.scalars(
                select(Status)
                .where(Status.thread_id == status.thread_id, Status.account_id == by.id)
                .order_by(Status.thread_position.desc())
            )
            posts = list(rows)
            for post in posts:
                await self._delete(tx, by, post)
        return posts[::-1]

    async def _delete(self, tx: Tx, by: Account, status: Status) -> None:
        named = await tx.scalars(
            select(Account)
            .join(Mention, Mention.account_id == Account.id)
            .where(Mention.status_id == status.id)
        )
        told = addressees_of(status, by, named, self._addresses)
        is_open = is_distributable(status.visibility)
        # The followers of somebody who moved have gone along, and their servers still have the post.
        audience = Audience(
            public=is_open,
            everyone=is_open and by.moved_to_uri is not None,
            followers=status.visibility != "direct",
            actors=await told_of(tx, status),
        )
        uri = parse_uri(status.uri)
        delete = Delete(
            id=self._addresses.activity(self._ids.next()),
            actor=parse_uri(by.uri),
            object=uri,
            former=Tombstone(id=uri, former_type=status.type, deleted=self._clock.now()),
            to=told.to,
            cc=told.cc,
        )
        if self._talk is not None:
            await self._talk.unsaid(tx, status)
        await remove(tx, self._clock, status)
        await self._outbox.send(tx, by.id, delete, audience)


async def _own(tx: Tx, by: Account, status_id: int) -> Status:
    status = await tx.get(Status, status_id)
    if status is None or status.account_id != by.id:
        raise NotFound("There is no such post.")
    return status
