"""An activity goes out.

`Outbox.send` writes one row with the activity's bytes and its audience, in the transaction of the
use case; so the change and the news of it are one fact. Everything after that is the worker's:

    outbox_items + fanouts --(fanout.py)--> deliveries --(delivery.py)--> the peer's inbox

Fan-out keeps the order of a sender's activities, delivery keeps it per sender and peer. The bytes
are stored once and signed anew at each attempt, because a signature is only good for an hour. What is
public carries a proof besides (`sealing.py`), which is made here and is good for as long as the key is.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import String, bindparam, delete, or_, select, update

from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.federation import codec
from fedispace.federation.models import (
    ActorRow,
    DeadDelivery,
    Delivery,
    Fanout,
    FollowerInbox,
    OutboxItem,
)
from fedispace.federation.relays import Relays, is_for_relays
from fedispace.federation.sealing import Seal
from fedispace.federation.vocab.activities import Activity, Create
from fedispace.federation.vocab.objects import Unknown
from fedispace.ids import Ids, id_at
from fedispace.queue.bus import Bus

WAKE_FANOUT = "wake.fanout"
FORWARDED = "forwarded:"
"""What the names of activities begin with that are passed on for somebody else."""
KEPT_FOR = timedelta(days=30)
TOLD_LATELY = 300
"""Sent activities that are looked through for whom they named."""
MAX_TOLD = 2000

_items: Final = table_of(OutboxItem)
_said_of: Final = (_items.c.object_uri == bindparam("object", type_=String())) & or_(
    _items.c.type == "Create", _items.c.type == "Update"
)
_SAID_ANYTHING: Final = select(_items.c.id).where(_said_of).limit(1)
_passed_on: Final = _items.c.uri.startswith(FORWARDED)
_UNSAY: Final = (
    *(
        delete(waiting).where(column.in_(select(_items.c.id).where(_said_of, _passed_on)))
        for waiting, column in (
            (table_of(Delivery), table_of(Delivery).c.outbox_id),
            (table_of(DeadDelivery), table_of(DeadDelivery).c.outbox_id),
            (table_of(Fanout), table_of(Fanout).c.id),
        )
    ),
    update(_items).where(_said_of, _passed_on).values(body=b""),
    delete(_items).where(_said_of, ~_passed_on),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who is told. `actors` are ids of `ActorRow`s; local ones among them are skipped at fan-out.

    `public` also lists the activity in the sender's outbox, and lets shared inboxes be used for
    `actors`; without it each named actor is reached at a personal inbox, because a shared inbox
    could widen a direct message (reference P-03 of the security notes). `everyone` is every server
    that we know an actor of.

    `about_public` says of what is listed nowhere, such as a Like, that it concerns something public.
    It and what is `public` carry an integrity proof (`sealing.py`); nothing else does.
    """

    public: bool = False
    about_public: bool = False
    followers: bool = False
    actors: tuple[int, ...] = ()
    everyone: bool = False


class Outbox:
    """Writes outgoing activities."""

    def __init__(
        self, ids: Ids, clock: Clock, bus: Bus, seal: Seal | None = None, relays: Relays | None = None
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._bus = bus
        self._seal = seal
        self._relays = relays

    async def send(self, tx: Tx, sender_id: int, activity: Activity, audience: Audience) -> None:
        """Write `activity` of the local actor `sender_id`; it leaves when the transaction commits."""
        assert not isinstance(activity, Unknown)
        if self._relays is not None and audience.public and audience.followers and is_for_relays(activity):
            audience = await self._with_relays(tx, self._relays, activity, audience)
        item_id = self._ids.next()
        now = self._clock.now()
        if self._seal is not None and (audience.public or audience.about_public):
            body = await self._seal.body(tx, sender_id, activity)
        else:
            body = msgspec.json.encode(codec.write(activity))
        tx.add(
            OutboxItem(
                id=item_id,
                uri=activity.id,
                actor_id=sender_id,
                type=type(activity).__name__,
                object_uri=_object_uri(activity),
                public=audience.public,
                audience=_kept(audience),
                body=body,
                created_at=now,
            )
        )
        await tx.flush()
        if audience.followers or audience.actors or audience.everyone:
            tx.add(Fanout(id=item_id, sender_id=sender_id, run_at=now, attempts=0, cursor=""))
            await tx.flush()
            tx.after_commit(lambda: self._bus.publish(WAKE_FANOUT, {}))

    async def _with_relays(self, tx: Tx, relays: Relays, activity: Activity, audience: Audience) -> Audience:
        """Add the relays that take what is public as it is; to the others the instance announces it."""
        listening = await relays.listening(tx)
        new = _object_uri(activity) if isinstance(activity, Create) else None
        if listening.litepub and new is not None:
            announce = relays.announcement(self._ids.next(), new)
            announcer = await tx.scalar(select(ActorRow.id).where(ActorRow.uri == announce.actor))
            assert announcer is not None
            await self.send(tx, announcer, announce, Audience(about_public=True, actors=listening.litepub))
        return replace(audience, actors=(*audience.actors, *listening.mastodon))

    async def forward(
        self,
        tx: Tx,
        sender_id: int,
        activity: Activity,
        body: bytes,
        audience: Audience = Audience(followers=True),
    ) -> None:
        """Pass somebody else's activity on to the followers of `sender_id`, unchanged; once, if repeated.

        Another `audience` may be named; a shared inbox is used for followers only.

        It is not ours and is shown nowhere as ours: it stands under a name that no address has.
        """
        assert not isinstance(activity, Unknown)
        item_id = self._ids.next()
        now = self._clock.now()
        row = {
            "id": item_id,
            "uri": f"{FORWARDED}{sender_id}:{activity.id}",
            "actor_id": sender_id,
            "type": type(activity).__name__,
            "object_uri": _object_uri(activity),
            "public": False,
            "audience": _kept(audience),
            "body": body,
            "created_at": now,
        }
        written = await tx.execute(
            insert(tx, OutboxItem).values(row).on_conflict_do_nothing().returning(OutboxItem.id)
        )
        if written.first() is not None:
            tx.add(Fanout(id=item_id, sender_id=sender_id, run_at=now, attempts=0, cursor=""))
            await tx.flush()
            tx.after_commit(lambda: self._bus.publish(WAKE_FANOUT, {}))

    async def prune(self, db: Database) -> None:
        """Forget what left long ago: it is delivered or given up, and what it told of has its own row."""
        await forget(db, OutboxItem, OutboxItem.id < id_at(self._clock.now() - KEPT_FOR))

    async def told_lately(self, tx: Tx, sender_id: int) -> tuple[int, ...]:
        """Return whom a local actor lately sent something by name: they keep its profile too."""
        sent = await tx.scalars(
            select(OutboxItem.audience)
            .where(OutboxItem.actor_id == sender_id)
            .order_by(OutboxItem.id.desc())
            .limit(TOLD_LATELY)
        )
        named = dict.fromkeys(actor for audience in sent for actor in audience.get("actors", ()))
        return tuple(named)[:MAX_TOLD]

    async def follower_gained(self, tx: Tx, actor_id: int, follower_id: int) -> None:
        """Count the inbox of a new remote follower of the local actor `actor_id`."""
        inbox = await _listening_at(tx, follower_id)
        if inbox is None:
            return
        statement = insert(tx, FollowerInbox).values(actor_id=actor_id, inbox=inbox, count=1)
        await tx.execute(
            statement.on_conflict_do_update(
                index_elements=["actor_id", "inbox"], set_={"count": FollowerInbox.count + 1}
            )
        )

    async def follower_lost(self, tx: Tx, actor_id: int, follower_id: int) -> None:
        """Take a former remote follower's inbox off the count."""
        inbox = await _listening_at(tx, follower_id)
        if inbox is None:
            return
        mine = (FollowerInbox.actor_id == actor_id) & (FollowerInbox.inbox == inbox)
        await tx.execute(update(FollowerInbox).where(mine).values(count=FollowerInbox.count - 1))
        await tx.execute(delete(FollowerInbox).where(mine, FollowerInbox.count <= 0))


async def unsay(tx: Tx, object_uri: str) -> None:
    """Forget what was said of something that is deleted, and deliver it no more: its text is in there.

    Whoever has it is told that it is gone; who has not been reached yet need not hear of it first. That
    something was passed on for somebody else stays known without its text, because it is counted.
    """
    if (await tx.core(_SAID_ANYTHING, {"object": object_uri})).first() is None:
        return
    for statement in _UNSAY:
        await tx.core(statement, {"object": object_uri})


async def _listening_at(tx: Tx, actor_id: int) -> str | None:
    """Return where a remote actor listens, and keep it there until the count is written."""
    row = (
        await tx.execute(
            select(ActorRow.shared_inbox, ActorRow.inbox)
            .where(ActorRow.id == actor_id, ~ActorRow.local)
            .with_for_update(read=True)
        )
    ).one_or_none()
    return None if row is None else row.shared_inbox or row.inbox


def _kept(audience: Audience) -> dict[str, Any]:
    kept: dict[str, Any] = {"followers": audience.followers, "actors": list(audience.actors)}
    return kept | {"everyone": True} if audience.everyone else kept


def _object_uri(activity: Any) -> str | None:
    carried = getattr(activity, "object", None)
    return carried if isinstance(carried, str) or carried is None else carried.id
