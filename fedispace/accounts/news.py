"""Telling other servers that one of ours describes itself anew: `Update` of the actor.

It goes to the followers' servers and to everybody to whom the account lately sent something by name,
because those keep a copy of the profile too. Each says a later `updated` than the one before: peers
take only what is newer, and the wire has whole seconds.
"""

from datetime import datetime, timedelta
from typing import Final

from fedispace.accounts.models import Account
from fedispace.accounts.wire import actor_document
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation.actors import Actors
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Update
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.ids import Ids

_STEP: Final = timedelta(seconds=1)


class ProfileNews:
    """Sends Updates of our own people."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, outbox: Outbox, actors: Actors) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._actors = actors

    async def tell(self, tx: Tx, account: Account) -> None:
        """Send what `account` now is, in the transaction that changed it."""
        account.updated_at = later(account.updated_at, self._clock.now())
        await tx.flush()
        row = await self._actors.by_id(tx, account.id)
        keys = await self._actors.public_keys(tx, account.id)
        kind = "" if row.type == "Person" else row.type
        update = Update(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(account.uri),
            object=actor_document(account, keys, self._addresses, type=kind),
            to=(PUBLIC,),
            cc=(self._addresses.collection(account.uri, "followers"),),
        )
        named = await self._outbox.told_lately(tx, account.id)
        await self._outbox.send(tx, account.id, update, Audience(public=True, followers=True, actors=named))


def later(before: datetime | None, now: datetime) -> datetime:
    """Return `now`, or a second after `before` when that is not yet over."""
    return now if before is None else max(now, before + _STEP)
