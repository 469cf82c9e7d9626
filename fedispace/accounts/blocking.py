"""Wanting nothing to do with somebody."""

from sqlalchemy import delete, select

from fedispace.accounts.follows import Follows
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.models import Block as BlockRow
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.accounts.relationships import Relationship, relationship
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Block, Undo
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids


class Blocking:
    """Blocks and unblocks. A peer is told, because it must stop delivering and showing."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        follows: Follows,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._follows = follows

    async def block(self, by: Account, target_id: int) -> Relationship:
        """Block an account: follows end both ways, its notifications go; repeating it is fine."""
        if target_id == by.id:
            raise Forbidden("One cannot block oneself.")
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            if await find(tx, by.id, target.id) is None:
                id_ = self._ids.next()
                uri = self._addresses.activity(id_)
                await write(tx, id_, uri, by.id, target.id, self._clock)
                await self._follows.sever(tx, by.id, target.id)
                await tx.execute(
                    delete(Notification).where(
                        Notification.account_id == by.id, Notification.from_id == target.id
                    )
                )
                if not target.local:
                    block = _block(uri, by, target)
                    await self._outbox.send(tx, by.id, block, Audience(actors=(target.id,)))
            return await relationship(tx, by.id, target.id, self._clock.now())

    async def unblock(self, by: Account, target_id: int) -> Relationship:
        """Lift a block; repeating it is fine."""
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            row = await find(tx, by.id, target.id)
            if row is not None:
                await tx.delete(row)
                await tx.flush()
                if not target.local:
                    undo = Undo(
                        id=self._addresses.activity(self._ids.next()),
                        actor=Uri(by.uri),
                        object=Uri(row.uri),
                        inner=_block(Uri(row.uri), by, target),
                        to=(Uri(target.uri),),
                    )
                    await self._outbox.send(tx, by.id, undo, Audience(actors=(target.id,)))
            return await relationship(tx, by.id, target.id, self._clock.now())


async def find(tx: Tx, account_id: int, target_id: int) -> BlockRow | None:
    """Return the block of `target_id` by `account_id`."""
    return (
        await tx.scalars(
            select(BlockRow).where(BlockRow.account_id == account_id, BlockRow.target_id == target_id)
        )
    ).one_or_none()


async def blocked(tx: Tx, account_id: int, page: Page) -> list[tuple[BlockRow, Account]]:
    """Return whom an account blocks, newest first; pages go by the id of the block."""
    statement = (
        select(BlockRow, Account)
        .join(Account, Account.id == BlockRow.target_id)
        .where(BlockRow.account_id == account_id)
    )
    rows = (await tx.execute(page.apply(statement, BlockRow.id))).all()
    return page.newest_first([(block, account) for block, account in rows])


async def by_uri(tx: Tx, uri: str) -> BlockRow | None:
    """Return the block whose activity has that id."""
    return (await tx.scalars(select(BlockRow).where(BlockRow.uri == uri))).one_or_none()


async def write(tx: Tx, id_: int, uri: str, account_id: int, target_id: int, clock: Clock) -> None:
    """Write a block."""
    tx.add(BlockRow(id=id_, account_id=account_id, target_id=target_id, uri=uri, created_at=clock.now()))
    await tx.flush()


def _block(uri: Uri, by: Account, target: Account) -> Block:
    return Block(id=uri, actor=Uri(by.uri), object=Uri(target.uri), to=(Uri(target.uri),))
