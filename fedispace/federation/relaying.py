"""Subscribing to a relay, and leaving it (`relays.py` says what relays are)."""

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import FedispaceError, Invalid
from fedispace.federation import relays
from fedispace.federation.actors import Actors
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.relays import Relays, Style
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.activities import Follow, Undo
from fedispace.federation.vocab.uri import PUBLIC, Uri, parse_uri
from fedispace.ids import Ids

_INBOX = "/inbox"
_ACTOR = "/actor"


class Relaying:
    """What an operator decides about relays."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        actors: Actors,
        resolver: Resolver,
        outbox: Outbox,
        relays: Relays,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._actors = actors
        self._resolver = resolver
        self._outbox = outbox
        self._relays = relays

    async def subscribe(self, address: str, style: Style = "mastodon") -> str:
        """Ask a relay, named by its actor or (as most lists of relays do) its inbox; return its actor.

        Nothing is taken from it or sent to it before it accepts. Raises `Conflict` when it was asked
        before, and what fetching its actor raises.
        """
        relay = await self._actor_at(address)
        async with self._db.transaction() as tx:
            follow = _follow(
                self._addresses.activity(self._ids.next()), self._addresses.instance_actor, relay, style
            )
            await relays.record(tx, self._clock, self._relays, relay, style, follow.id)
            await self._send(tx, follow, relay)
        return relay.uri

    async def unsubscribe(self, address: str) -> str:
        """Leave a relay; return its actor's address."""
        relay = await self._actor_at(address)
        async with self._db.transaction() as tx:
            uri, style = await relays.remove(tx, self._relays, relay.id)
            undo = Undo(
                id=self._addresses.activity(self._ids.next()),
                actor=self._addresses.instance_actor,
                object=parse_uri(uri),
                inner=_follow(parse_uri(uri), self._addresses.instance_actor, relay, style),
                to=(Uri(relay.uri),),
            )
            await self._send(tx, undo, relay)
        return relay.uri

    async def _send(self, tx: Tx, activity: Follow | Undo, relay: ActorRow) -> None:
        sender = await self._actors.by_uri(tx, self._addresses.instance_actor)
        assert sender is not None
        await self._outbox.send(tx, sender.id, activity, Audience(actors=(relay.id,)))

    async def _actor_at(self, address: str) -> ActorRow:
        """Return the relay's actor: the one at the address, or the one whose inbox it is."""
        uri = parse_uri(address.strip())
        if self._addresses.is_ours(uri):
            raise Invalid("That is this instance itself.")
        if not uri.endswith(_INBOX):
            return await self._resolver.actor(uri)
        try:
            return await self._resolver.actor(parse_uri(uri.removesuffix(_INBOX) + _ACTOR))
        except FedispaceError as error:
            raise Invalid(
                f"No actor was found beside that inbox; name the actor itself. ({error.detail})"
            ) from error


def _follow(id_: Uri, actor: Uri, relay: ActorRow, style: str) -> Follow:
    return Follow(
        id=id_,
        actor=actor,
        object=PUBLIC if style == "mastodon" else Uri(relay.uri),
        to=(Uri(relay.uri),),
    )
