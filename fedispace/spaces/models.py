"""Spaces, ours and other servers'; who is what in them, who may enter, and who is in."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class Space(Base):
    """A live audio room as a social fact. One row, one id, from scheduled to ended.

    For another server's Space the `*_endpoint` columns say where its host listens; for ours they
    are empty, because they follow from the id. `host_id` is who made it, and whose word the Event is;
    who hosts it now is a `Member`. `speak_policy` says who may ask to speak,
    `strangers_listen` whether its server lets anybody listen without an account (of ours the operator
    says so), `about_id` is the post it was started from.
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
    signal_endpoint: Mapped[str | None]
    topics: Mapped[list[Any]] = mapped_column(default=list)
    language: Mapped[str] = mapped_column(default="")
    speak_policy: Mapped[str] = mapped_column(default="request")
    strangers_listen: Mapped[bool] = mapped_column(default=True)
    paused_at: Mapped[datetime | None]
    previous_starts_at: Mapped[datetime | None]
    about_id: Mapped[int | None]

    def takes_strangers(self, *, ours: bool) -> bool:
        """Tell whether its server lets anybody listen without an account; `ours` is what ours does."""
        return ours if self.local else self.strangers_listen


class Member(Base):
    """What somebody is in a Space of ours, whether they are there now or not.

    Everybody who is not here is a listener like any other. `invited_as` is a role offered and not
    answered yet (`invite_uri` names the Invite for it, and stays when it is taken), `hand_at` since when a
    hand is up,
    `muted_at` since when a host holds them silent (and if `may_unmute` is false, until a host lets
    go), `removed_at` since when they are out of this Space. `is_shown` is a listener's own choice to
    be named, `has_mic_on` what their own client says, `seen_at` when a host or co-host last heard the room.
    `updated_at` is when they became what they are.
    """

    __tablename__ = "space_members"
    __table_args__ = (
        Index("ix_space_members_hands", "space_id", "hand_at"),
        Index("ix_space_members_account", "account_id", "space_id"),
    )

    space_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    role: Mapped[str] = mapped_column(default="listener")
    invited_as: Mapped[str | None]
    invite_uri: Mapped[str | None] = mapped_column(unique=True)
    hand_at: Mapped[datetime | None]
    muted_at: Mapped[datetime | None]
    may_unmute: Mapped[bool] = mapped_column(default=True)
    removed_at: Mapped[datetime | None]
    is_shown: Mapped[bool] = mapped_column(default=False)
    has_mic_on: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Declined(Base):
    """Somebody who declined an invitation to a Space, of any server, within a day (`declined`)."""

    __tablename__ = "space_declined"

    space_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    declined_at: Mapped[datetime] = mapped_column(index=True)


class HostBan(Base):
    """Somebody whom a host lets into none of his Spaces; the operator, if `banned_by` is nobody.

    `host_id` is who hosted the Space when it was said, `banned_by` who of its hosts said it.
    """

    __tablename__ = "space_bans"

    host_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    banned_by: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime]


class Pass(Base):
    """Somebody's stay in a room: what a ticket was exchanged for, for a quarter of an hour at a time.

    The row holds the SHA-256 of the secret. `client_key` is the key the browser proved to hold
    (multibase), if its Join named one.
    """

    __tablename__ = "space_passes"
    __table_args__ = (Index("ix_space_passes_account", "space_id", "account_id"),)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(BigId, ForeignKey("spaces.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    client_key: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class StreamKey(Base):
    """A token a speaker copies into OBS or FFmpeg (WHIP), good until it is revoked or the Space ends."""

    __tablename__ = "space_stream_keys"
    __table_args__ = (Index("ix_space_stream_keys_space", "space_id", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token_hash: Mapped[str] = mapped_column(unique=True)
    space_id: Mapped[int] = mapped_column(BigId, ForeignKey("spaces.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Pin(Base):
    """A post or a link that hosts hold up, from `offset` seconds after the beginning."""

    __tablename__ = "space_pins"
    __table_args__ = (Index("ix_space_pins_space", "space_id", "removed_at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    space_id: Mapped[int] = mapped_column(BigId, ForeignKey("spaces.id", ondelete="CASCADE"))
    status_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"))
    url: Mapped[str | None]
    title: Mapped[str] = mapped_column(default="")
    pinned_by: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    offset: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


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
    client_key: Mapped[str | None]
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
    """Someone who said that they will come (an accepted Join without a ticket); told of every change.

    For our people and another server's Space, `state` is what its host answered: asked, coming or
    refused. `wants_reminder` is the reader's choice, `reminded_at` when it was kept.
    """

    __tablename__ = "space_attendances"

    space_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    join_uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="coming")
    wants_reminder: Mapped[bool] = mapped_column(default=True)
    reminded_at: Mapped[datetime | None]
