"""A Space of ours as an event, with what the rows around it say and what the operator allows."""

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.objects import Event
from fedispace.spaces import queries
from fedispace.spaces.fediverse import wire
from fedispace.spaces.models import Space


class OurEvents:
    """Draws them. `strangers_listen`: whether anybody may listen here without an account."""

    def __init__(self, addresses: Addresses, *, strangers_listen: bool = True) -> None:
        self._addresses = addresses
        self._strangers_listen = strangers_listen

    async def of(self, tx: Tx, space: Space, host: Account) -> Event:
        """Return our Space as an event; `host` is who made it."""
        return wire.event_of(
            space,
            host,
            self._addresses,
            attendances=await queries.count_attendances(tx, space.id),
            organizers=await queries.organizers(tx, space),
            strangers_listen=self._strangers_listen,
        )
