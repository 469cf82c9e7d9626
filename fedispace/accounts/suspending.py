"""Suspending a person, ours or another server's, and letting them back.

A suspended person is shown nowhere and does nothing here. One of ours is signed out, and other servers
are told by `suspended` in the actor; the account stays and may come back. With one of another server
every follow between us ends, so that nothing meant for followers goes there any more.
"""

from typing import Final

from sqlalchemy import delete, or_, select

from fedispace.accounts.follows import Follows
from fedispace.accounts.models import Account, Follow, OAuthCode, OAuthToken, Session
from fedispace.accounts.news import ProfileNews
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.tombstones import has_left
from fedispace.federation.vocab.activities import Follow as FollowActivity
from fedispace.federation.vocab.activities import Reject, Undo
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids

BATCH: Final = 200


class Suspending:
    """Decides about people, for the operator."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        follows: Follows,
        news: ProfileNews,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._follows = follows
        self._news = news

    async def suspend(self, account_id: int) -> Account:
        """Suspend a person; repeating it is fine."""
        async with self._db.transaction() as tx:
            account = await self._people.by_id(tx, account_id)
            if account.suspended_at is None:
                account.suspended_at = self._clock.now()
                await tx.flush()
                if account.local:
                    for table in (Session, OAuthCode, OAuthToken):
                        await tx.execute(delete(table).where(table.user_id == account.id))
                    await self._news.tell(tx, account)
        while not account.local:
            async with self._db.transaction() as tx:
                if not await self._part(tx, account):
                    break
        return account

    async def restore(self, account_id: int) -> Account:
        """Let a person back; raises `Conflict` for one of ours who left."""
        async with self._db.transaction() as tx:
            account = await self._people.by_id(tx, account_id)
            if account.local and await has_left(tx, self._addresses, account.username):
                raise Conflict("This account was deleted.")
            if account.suspended_at is not None:
                account.suspended_at = None
                if account.local:
                    await self._news.tell(tx, account)
        return account

    async def _part(self, tx: Tx, account: Account) -> bool:
        """End some of the follows between a remote account and ours; tell whether there were any."""
        rows = await tx.scalars(
            select(Follow)
            .where(or_(Follow.account_id == account.id, Follow.target_id == account.id))
            .limit(BATCH)
        )
        follows = rows.all()
        for follow in follows:
            other = await self._people.by_id(
                tx, follow.target_id if follow.account_id == account.id else follow.account_id
            )
            await self._follows.end(tx, follow)
            if other.local:
                await self._tell(tx, follow, other, account)
        return bool(follows)

    async def _tell(self, tx: Tx, follow: Follow, ours: Account, theirs: Account) -> None:
        asked_by_us = follow.account_id == ours.id
        follower, followed = (ours, theirs) if asked_by_us else (theirs, ours)
        inner = FollowActivity(id=Uri(follow.uri), actor=Uri(follower.uri), object=Uri(followed.uri))
        kind = Undo if asked_by_us else Reject
        end = kind(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(ours.uri),
            object=inner.id,
            inner=inner,
            to=(Uri(theirs.uri),),
        )
        await self._outbox.send(tx, ours.id, end, Audience(actors=(theirs.id,)))
