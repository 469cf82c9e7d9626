"""Spaces, ours and other servers'; who may enter them, and who is in."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class Space(Base):
    """A live audio room as a social fact. One row, one id, from scheduled to ended.

    For another server's Space the `*_endpoint` columns say where its host listens; for ours they
    are empty, because they follow from the id.
    """

    __tablename__ = "spaces"
    __table_args__ = (
        Index("ix_spaces_state", "state", "starts_at"),
        Index("ix_spaces_host", "host_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    uri: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    local: Mapped[bool]
    host_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    access: Mapped[str]
    state: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    listener_count: Mapped[int] = mapped_column(default=0)
    announcement_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="SET NULL"))
    join_endpoint: Mapped[str | None]
    whep_endpoint: Mapped[str | None]
    whip_endpoint: Mapped[str | None]


class Ticket(Base):
    """The right to enter once, within a minute. The row holds the SHA-256 of the secret.

    `join_uri` is the id of the Join it answered: the same Join again gets the same answer.
    """

    __tablename__ = "space_tickets"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(BigId, ForeignKey("spaces.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    role: Mapped[str]
    join_uri: Mapped[str | None] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LiveSession(Base):
    """Someone connected to a Space: a speaker or a listener, with or without an account.

    `resource` is the unguessable last part of the WHIP or WHEP resource; `engine_session` is what
    the SFU calls it, and `sfu` which of them (`fleet`). Only who is connected and has not ended is
    counted and shown.
    """

    __tablename__ = "space_sessions"
    __table_args__ = (Index("ix_space_sessions_present", "space_id", "ended_at", "role"),)

    resource: Mapped[str] = mapped_column(primary_key=True)
    engine_session: Mapped[str] = mapped_column(unique=True)
    space_id: Mapped[int] = mapped_column(BigId, ForeignKey("spaces.id", ondelete="CASCADE"))
    account_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    role: Mapped[str]
    created_at: Mapped[datetime]
    connected_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sfu: Mapped[str] = mapped_column(default="")


class RoomPlace(Base):
    """On which audio servers (`fleet`) a Space's room is: number 0 is its home, others hold listeners."""

    __tablename__ = "space_places"

    space_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sfu: Mapped[str]
    placed_at: Mapped[datetime]


class Attendance(Base):
    """Someone who said that they will come (an accepted Join without a ticket); told of every change."""

    __tablename__ = "space_attendances"

    space_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    join_uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
