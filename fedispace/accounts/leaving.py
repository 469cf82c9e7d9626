"""Deleting one's own account, and removing what one of another server's that is gone left here.

One transaction makes it gone: nothing of it is shown any more, every session and token ends, and a
Delete to every server that knows us at all is on its way, because any of them may hold a copy. A job
then removes what the account left here, some hundred rows at a time, and last the profile; a tombstone
keeps the name from being used again and answers 410. The keys stay a month longer: deliveries are
signed when they leave, and a server that was down must be able to hear of it.

If the process dies anywhere, the job goes on where it was: every batch removes what it counted.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, or_, select

from fedispace.accounts.departures import ERASE, Departures
from fedispace.accounts.models import Account, OAuthCode, OAuthToken, Session, User
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorKey, ActorRow, ActorSecret, FollowerInbox, OutboxItem
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.tombstones import bury, tombstone
from fedispace.federation.vocab.activities import Delete
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs, Task

log = structlog.get_logger()

FORGET_KEYS: Final = "accounts.forget_keys"
KEYS_KEPT_FOR: Final = timedelta(days=31)
BATCHES_AT_ONCE: Final = 40
_ITEMS: Final = 500

Eraser = Callable[[Tx, int], Awaitable[bool]]
"""Removes one batch of what an account left in a feature; tells whether there is more."""

Farewell = Callable[[Account], Awaitable[None]]
"""Ends what somebody is in the middle of, while they are still here."""


class Leaving:
    """Deletes accounts of our own people."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        departures: Departures,
        jobs: Jobs,
        farewells: Sequence[Farewell],
        erasers: Sequence[Eraser],
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._departures = departures
        self._jobs = jobs
        self._farewells = farewells
        self._erasers = (
            self._erase_sent,
            *erasers,
            departures.forget_follows,
            departures.forget_notices,
        )

    def tasks(self) -> dict[str, Task]:
        return {ERASE: self.erase, FORGET_KEYS: self.forget_keys}

    async def leave(self, account_id: int) -> None:
        """Delete an account. When this returns nobody sees it any more; the rest is a matter of time."""
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, account_id)
        if not account.local or account.uri == self._addresses.instance_actor:
            raise Forbidden("Only an account of this server can be deleted here.")
        for farewell in self._farewells:
            await farewell(account)
        async with self._db.transaction() as tx:
            account = await self._people.by_id(tx, account_id)
            if await tombstone(tx, account.uri) is not None:
                return
            await self._close(tx, account)
            await self._outbox.send(
                tx,
                account.id,
                Delete(
                    id=self._addresses.activity(self._ids.next()),
                    actor=Uri(account.uri),
                    object=Uri(account.uri),
                    to=(PUBLIC,),
                ),
                Audience(public=True, everyone=True),
            )
            await self._jobs.enqueue(tx, ERASE, {"account": account.id})
            await self._jobs.enqueue(
                tx, FORGET_KEYS, {"account": account.id}, run_at=self._clock.now() + KEYS_KEPT_FOR
            )
        log.info("account.deleted", account=account_id)

    async def _close(self, tx: Tx, account: Account) -> None:
        now = self._clock.now()
        account.suspended_at = now
        user = await tx.get(User, account.id)
        if user is not None:
            user.disabled_at = now
        for table in (Session, OAuthCode, OAuthToken):
            await tx.execute(delete(table).where(table.user_id == account.id))
        for uri in {account.uri, self._addresses.actor(account.name_key)}:
            await bury(tx, self._clock, uri, "Person")
        await tx.flush()

    async def erase(self, arguments: Mapping[str, Any]) -> None:
        """Remove some of what an account left, and at the end the account."""
        account_id = int(arguments["account"])
        for _ in range(BATCHES_AT_ONCE):
            async with self._db.transaction() as tx:
                if await self._is_back(tx, account_id):
                    return
                if not await self._erase_some(tx, account_id):
                    await self._finish(tx, account_id)
                    return
        async with self._db.transaction() as tx:
            await self._jobs.enqueue(tx, ERASE, arguments)

    async def _is_back(self, tx: Tx, account_id: int) -> bool:
        """Tell whether somebody of another server who was gone answers again."""
        actor = await tx.get(ActorRow, account_id)
        return actor is not None and not actor.local and actor.gone_at is None

    async def _erase_some(self, tx: Tx, account_id: int) -> bool:
        for eraser in self._erasers:
            if await eraser(tx, account_id):
                return True
        return False

    async def _erase_sent(self, tx: Tx, account_id: int) -> bool:
        """Remove what was sent or waits to be, except the Delete itself: it holds the posts' text."""
        own = await tx.scalar(select(Account.uri).where(Account.id == account_id))
        old = (
            select(OutboxItem.id)
            .where(
                OutboxItem.actor_id == account_id,
                or_(OutboxItem.type != Delete.__name__, OutboxItem.object_uri.is_distinct_from(own)),
            )
            .limit(_ITEMS)
        )
        gone = await tx.scalars(
            delete(OutboxItem).where(OutboxItem.id.in_(old)).returning(OutboxItem.id),
            execution_options={"synchronize_session": False},
        )
        return len(gone.all()) == _ITEMS

    async def _finish(self, tx: Tx, account_id: int) -> None:
        actor = await tx.get(ActorRow, account_id)
        if actor is None or (actor.local and actor.gone_at is not None):
            return
        await self._departures.forget_account(tx, actor, self._clock.now())
        await tx.execute(delete(FollowerInbox).where(FollowerInbox.actor_id == account_id))

    async def forget_keys(self, arguments: Mapping[str, Any]) -> None:
        """Remove the keys of an account whose Delete has been delivered or given up."""
        async with self._db.transaction() as tx:
            for table in (ActorSecret, ActorKey):
                await tx.execute(delete(table).where(table.actor_id == arguments["account"]))
