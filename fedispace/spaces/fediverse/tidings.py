"""What others are told of a Space of ours, in the words of the wire: one place for all who change one.

    made       Create{Event}; if it is public, an Announce of it by the instance actor
    changed    Update{Event}, with an `updated` that is strictly newer, or peers keep what they have
    listed no more   Undo{Announce}: directories forget what is not for everybody any longer

Those who said that they will come, and those who are invited, hear of it besides the followers. Who
changes a Space moves `updated_at` (`lifecycle.after_change`) and then calls `changed`.
"""

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, OutboxItem
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Announce, Create, Reject, Undo, Update
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.spaces import queries
from fedispace.spaces.fediverse import wire
from fedispace.spaces.fediverse.our_events import OurEvents
from fedispace.spaces.models import Space
from fedispace.spaces.presence import topic


class Tidings:
    """Sends them."""

    def __init__(
        self, ids: Ids, clock: Clock, bus: Bus, addresses: Addresses, outbox: Outbox, events: OurEvents
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._addresses = addresses
        self._outbox = outbox
        self._events = events

    async def made(self, tx: Tx, space: Space, host: Account) -> None:
        """Tell of a new Space."""
        event = await self._events.of(tx, space, host)
        created = Create(
            id=self._addresses.activity(self._ids.next()),
            actor=event.attributed_to,
            object=event,
            to=event.to,
            cc=event.cc,
            published=space.created_at,
        )
        await self._outbox.send(tx, host.id, created, wire.audience_of(space))
        await self.relisted(tx, space)

    async def changed(self, tx: Tx, space: Space, host: Account) -> None:
        """Send the Event's new state to followers and to all whom it concerns, and to open pages here."""
        await self.told(tx, space, host)
        state = {"event": "state", "state": space.state}
        tx.after_commit(lambda: self._bus.publish(topic(space.id), state))

    async def told(self, tx: Tx, space: Space, host: Account) -> None:
        """Send it to them alone: open pages here know already."""
        await tx.flush()
        event = await self._events.of(tx, space, host)
        changed = Update(
            id=self._addresses.activity(self._ids.next()),
            actor=event.attributed_to,
            object=event,
            to=event.to,
            cc=event.cc,
            published=space.updated_at,
        )
        concerned = await queries.concerned_ids(tx, space.id)
        await self._outbox.send(tx, host.id, changed, wire.audience_of(space, concerned))

    async def turned_away(self, tx: Tx, host: Account, account: Account, join_uri: str) -> None:
        """Tell somebody of another server that they are not expected any more (a no after a yes)."""
        reject = Reject(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(host.uri),
            object=parse_uri(join_uri),
            to=(Uri(account.uri),),
        )
        await self._outbox.send(tx, host.id, reject, Audience(actors=(account.id,)))

    async def relisted(self, tx: Tx, space: Space) -> None:
        """Have the instance actor announce a Space if it is public, and take that back if it is not.

        Mobilizon, and every directory like it, follows instances and not people, and finds the events of
        others only when an actor it follows announces them.
        """
        instance = await tx.scalar(
            select(ActorRow.id).where(ActorRow.uri == self._addresses.instance_actor, ActorRow.local)
        )
        if instance is None:
            return
        listed = await self._listing(tx, space, instance)
        if space.access == "public" and listed is None:
            listing = wire.listing_of(space, self._addresses.activity(self._ids.next()), self._addresses)
            await self._outbox.send(tx, instance, listing, Audience(public=True, followers=True))
        elif space.access != "public" and listed is not None:
            undo = Undo(
                id=self._addresses.activity(self._ids.next()),
                actor=self._addresses.instance_actor,
                object=listed,
                inner=Announce(id=listed, actor=self._addresses.instance_actor, object=parse_uri(space.uri)),
            )
            await self._outbox.send(tx, instance, undo, Audience(about_public=True, followers=True))

    async def _listing(self, tx: Tx, space: Space, instance: int) -> Uri | None:
        """Return the Announce by which the Space is listed now; the last of them, not taken back."""
        said = select(OutboxItem.uri).where(OutboxItem.actor_id == instance).limit(1)
        uri = await tx.scalar(
            said.where(OutboxItem.type == "Announce", OutboxItem.object_uri == space.uri).order_by(
                OutboxItem.id.desc()
            )
        )
        if uri is None:
            return None
        undone = await tx.scalar(said.where(OutboxItem.type == "Undo", OutboxItem.object_uri == uri))
        return parse_uri(uri) if undone is None else None
