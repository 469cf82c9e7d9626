"""Relays: servers that pass public posts on to whoever subscribed, so that a small one sees something.

FEP-ae0c describes two kinds. A Mastodon-style relay is asked by a Follow of Public; our public activities
are delivered to it like to a follower, and it sends those of others on as they are, or announces them. A
LitePub relay is followed as an actor; the instance actor announces our posts to it, and it announces.

A relay's word proves nothing about a post: what it passes on is fetched from where it lives, always.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from sqlalchemy import delete, select, update

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, Relay
from fedispace.federation.vocab.activities import Activity, Announce, Create, Delete, Move, Update
from fedispace.federation.vocab.uri import PUBLIC, Uri

Style = Literal["mastodon", "litepub"]
State = Literal["pending", "accepted", "rejected"]

FRESH_SECONDS: Final = 5.0

_relays: Final = table_of(Relay).c
_actors: Final = table_of(ActorRow).c
_LISTENING: Final = select(_relays.actor_id, _relays.style).where(_relays.state == "accepted")
_URIS: Final = (
    select(_actors.uri)
    .join(table_of(Relay), _relays.actor_id == _actors.id)
    .where(_relays.state == "accepted")
)


@dataclass(frozen=True, slots=True)
class Listening:
    """The actors of the relays that take our posts, by how they want them."""

    mastodon: tuple[int, ...]
    litepub: tuple[int, ...]


class Relays:
    """Knows which relays we are subscribed to."""

    def __init__(self, db: Database, clock: Clock, addresses: Addresses) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._uris: frozenset[str] = frozenset()
        self._read_at: float | None = None

    async def is_relay(self, actor: str) -> bool:
        """Tell whether that actor is a relay that accepted us; not to be asked inside a transaction."""
        if self._is_stale():
            async with self._db.reading() as tx:
                await self._read(tx)
        return actor in self._uris

    async def passes_on(self, tx: Tx, actor: str) -> bool:
        """Tell the same inside a transaction."""
        if self._is_stale():
            await self._read(tx)
        return actor in self._uris

    async def listening(self, tx: Tx) -> Listening:
        """Return who is to be sent what we say in public."""
        rows = (await tx.core(_LISTENING, {})).all()
        return Listening(
            mastodon=tuple(row.actor_id for row in rows if row.style == "mastodon"),
            litepub=tuple(row.actor_id for row in rows if row.style == "litepub"),
        )

    def announcement(self, id_: int, post: str) -> Announce:
        """Return how the instance tells a LitePub relay of a post of ours; it wants a `published`."""
        actor = self._addresses.instance_actor
        return Announce(
            id=self._addresses.activity(id_),
            actor=actor,
            object=Uri(post),
            to=(self._addresses.collection(actor, "followers"),),
            published=self._clock.now(),
        )

    def forget(self) -> None:
        """Read anew at the next question, because it was just changed here."""
        self._read_at = None

    def _is_stale(self) -> bool:
        return self._read_at is None or self._clock.monotonic() - self._read_at >= FRESH_SECONDS

    async def _read(self, tx: Tx) -> None:
        self._uris = frozenset((await tx.core(_URIS, {})).scalars())
        self._read_at = self._clock.monotonic()


def is_for_relays(activity: Activity) -> bool:
    """Tell whether relays take it: Mastodon's pass on exactly these, and only what is for everybody."""
    return isinstance(activity, Create | Update | Delete | Move) and PUBLIC in activity.to


async def record(tx: Tx, clock: Clock, relays: Relays, actor: ActorRow, style: str, follow_uri: str) -> None:
    """Write down that we asked a relay; raises `Conflict` when we did before."""
    if style not in get_args(Style):
        raise Invalid(f"A relay is of style {' or '.join(get_args(Style))}.", field="style")
    known = await tx.get(Relay, actor.id)
    if known is not None and known.state != "rejected":
        raise Conflict("This instance has asked that relay already.")
    if known is not None:
        await tx.delete(known)
        await tx.flush()
    tx.add(
        Relay(actor_id=actor.id, style=style, state="pending", follow_uri=follow_uri, created_at=clock.now())
    )
    await tx.flush()
    tx.after_commit(relays.forget)


async def answered(tx: Tx, relays: Relays, sender: str, follow_uri: str, state: State) -> bool:
    """Take a relay's answer to our Follow; False when it is no answer to one. Only the relay's counts."""
    asked = select(ActorRow.id).where(ActorRow.uri == sender).scalar_subquery()
    written = await tx.scalar(
        update(Relay)
        .where(Relay.follow_uri == follow_uri, Relay.actor_id == asked)
        .values(state=state)
        .returning(Relay.actor_id)
    )
    if written is None:
        return False
    tx.after_commit(relays.forget)
    return True


async def remove(tx: Tx, relays: Relays, actor_id: int) -> tuple[str, str]:
    """Forget a relay and return (id, style) of the Follow that is to be taken back."""
    asked = (
        await tx.execute(
            delete(Relay).where(Relay.actor_id == actor_id).returning(Relay.follow_uri, Relay.style)
        )
    ).one_or_none()
    if asked is None:
        raise NotFound("This instance does not use that relay.")
    tx.after_commit(relays.forget)
    return asked.follow_uri, asked.style


async def all_relays(tx: Tx) -> list[tuple[str, str, str]]:
    """Return (address, style, state) of every relay we asked."""
    rows = await tx.execute(
        select(ActorRow.uri, Relay.style, Relay.state)
        .join(Relay, Relay.actor_id == ActorRow.id)
        .order_by(ActorRow.uri)
    )
    return [(uri, style, state) for uri, style, state in rows]
