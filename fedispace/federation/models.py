"""What federation itself must remember: actors and their keys, what came in, what goes out, peers."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId
from fedispace.queue.models import Leased


class ActorRow(Base):
    """An actor as federation needs it: where it is, where it listens, what it last said of itself.

    `document` is the verified actor document of a remote actor; local actors have none, their
    document is made from their profile.
    """

    __tablename__ = "actors"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    uri: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str] = mapped_column(index=True)
    local: Mapped[bool]
    type: Mapped[str]
    inbox: Mapped[str]
    shared_inbox: Mapped[str | None]
    followers: Mapped[str | None]
    document: Mapped[dict[str, Any] | None]
    fetched_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]


class ActorKey(Base):
    """A public key by its id, and the actor whose document lists it."""

    __tablename__ = "actor_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    actor_id: Mapped[int] = mapped_column(BigId, ForeignKey("actors.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    public: Mapped[str]
    fetched_at: Mapped[datetime]


class ActorSecret(Base):
    """The private keys of a local actor, PEM.

    After a rotation `former_rsa` goes on signing what is on its way up to the outbox item `rotated_by`,
    the Update that tells of the new keys: peers still have the old one when they are told.
    """

    __tablename__ = "actor_secrets"

    actor_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    rsa: Mapped[str]
    ed25519: Mapped[str]
    former_rsa: Mapped[str | None]
    rotated_by: Mapped[int] = mapped_column(default=0)


class InboxItem(Leased, Base):
    """An activity whose signature was verified. Kept for a while after it is done, to know repeats."""

    __tablename__ = "inbox_items"
    __table_args__ = (
        Index(
            "ix_inbox_items_due",
            "run_at",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_inbox_items_lane",
            "actor",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )

    activity_id: Mapped[str] = mapped_column(unique=True)
    actor: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    state: Mapped[str]
    note: Mapped[str | None]


class OutboxItem(Base):
    """An activity of ours, its audience, and its bytes as sent; written with the change it tells of."""

    __tablename__ = "outbox_items"
    __table_args__ = (Index("ix_outbox_items_public", "actor_id", "public", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    uri: Mapped[str] = mapped_column(unique=True)
    actor_id: Mapped[int] = mapped_column(BigId, ForeignKey("actors.id", ondelete="CASCADE"))
    type: Mapped[str]
    object_uri: Mapped[str | None] = mapped_column(index=True)
    public: Mapped[bool]
    audience: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class Fanout(Leased, Base):
    """An activity whose audience has yet to be turned into deliveries. Its id is the activity's.

    `cursor` is the last inbox that has its delivery, so that a fan-out to very many resumes.
    """

    __tablename__ = "fanouts"
    __table_args__ = (Index("ix_fanouts_lane", "sender_id", "id"),)

    sender_id: Mapped[int]
    cursor: Mapped[str] = mapped_column(default="")


class Delivery(Leased, Base):
    """One activity on its way to one inbox. Gone when the peer took it or it was given up.

    `band` is the queue it stands in (`bands.py`).
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "band", "run_at", "id"),
        Index("ix_deliveries_lane", "host", "sender_id", "id"),
        Index("ix_deliveries_once", "outbox_id", "inbox", unique=True),
    )

    outbox_id: Mapped[int] = mapped_column(BigId, ForeignKey("outbox_items.id", ondelete="CASCADE"))
    sender_id: Mapped[int]
    inbox: Mapped[str]
    host: Mapped[str]
    error: Mapped[str | None]
    band: Mapped[int] = mapped_column(default=0)


class DeadDelivery(Base):
    """A delivery that was given up, with the last error: a dead letter, for the operator."""

    __tablename__ = "dead_deliveries"
    __table_args__ = (Index("ix_dead_deliveries_host", "host", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outbox_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("outbox_items.id", ondelete="CASCADE"), index=True
    )
    sender_id: Mapped[int]
    inbox: Mapped[str]
    host: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str | None]
    failed_at: Mapped[datetime] = mapped_column(index=True)


class FollowerInbox(Base):
    """How many followers of an actor listen at an inbox: the fan-out table."""

    __tablename__ = "follower_inboxes"

    actor_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    inbox: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class Peer(Base):
    """What we know of a server: which signatures it takes, whether it answers, what it runs (NodeInfo)."""

    __tablename__ = "peers"

    host: Mapped[str] = mapped_column(primary_key=True)
    signature: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    closed_until: Mapped[datetime | None]
    last_heard_at: Mapped[datetime | None]
    last_reached_at: Mapped[datetime | None]
    software: Mapped[str | None]
    software_at: Mapped[datetime | None]


class Tombstone(Base):
    """The id of something deleted: a later Create of it is refused, a GET of ours answers 410."""

    __tablename__ = "tombstones"

    uri: Mapped[str] = mapped_column(primary_key=True)
    former_type: Mapped[str]
    deleted_at: Mapped[datetime]


class Relay(Base):
    """A relay this instance subscribed to; `style` is how it wants to be spoken to (`relays.py`)."""

    __tablename__ = "relays"

    actor_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    style: Mapped[str]
    state: Mapped[str]
    follow_uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
