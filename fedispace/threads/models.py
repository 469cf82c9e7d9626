"""Posts and what people did with them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class Status(Base):
    """A post, ours or another server's; or a boost of one (`boost_of_id`), which has no text.

    A thread is the posts that one author published as one unit: they share `thread_id` (the id of
    its first post) and know their `thread_position`, 1 to n. A post on its own is a thread of one.
    `conversation_id` is the id of the first post we know of the whole conversation.
    `subject_uri` names an object the post is about, such as the Event it announces.
    """

    __tablename__ = "statuses"
    __table_args__ = (
        Index("ix_statuses_timeline", "account_id", "id"),
        Index("ix_statuses_public", "visibility", "local", "id"),
        Index("ix_statuses_replies", "in_reply_to_id", "id"),
        Index("ix_statuses_thread", "thread_id", "thread_position"),
        Index("ix_statuses_conversation", "conversation_id", "id"),
        Index("ix_statuses_boosts", "boost_of_id", "account_id", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    uri: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    local: Mapped[bool]
    type: Mapped[str] = mapped_column(default="Note")
    boost_of_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"))
    in_reply_to_id: Mapped[int | None]
    in_reply_to_uri: Mapped[str | None] = mapped_column(index=True)
    in_reply_to_account_id: Mapped[int | None]
    thread_id: Mapped[int]
    thread_position: Mapped[int] = mapped_column(default=1)
    thread_length: Mapped[int] = mapped_column(default=1)
    conversation_id: Mapped[int]
    context_uri: Mapped[str | None]
    subject_uri: Mapped[str | None] = mapped_column(index=True)
    visibility: Mapped[str]
    title: Mapped[str | None]
    content: Mapped[str] = mapped_column(default="")
    source: Mapped[str | None]
    spoiler: Mapped[str] = mapped_column(default="")
    sensitive: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str | None]
    tags: Mapped[list[Any]] = mapped_column(default=list)
    attachments: Mapped[list[Any]] = mapped_column(default=list)
    replies_count: Mapped[int] = mapped_column(default=0)
    boosts_count: Mapped[int] = mapped_column(default=0)
    favourites_count: Mapped[int] = mapped_column(default=0)
    application: Mapped[str | None]
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]


class Mention(Base):
    """A post names an account; a silent one is shown but was not addressed, so it gets no notice."""

    __tablename__ = "mentions"

    status_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("statuses.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    account_id: Mapped[int] = mapped_column(
        BigId,
        ForeignKey("accounts.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    )
    silent: Mapped[bool] = mapped_column(default=False)


class StatusTag(Base):
    """A post has a hashtag; `name_key` is the one form of all its spellings (`tags.key_of`)."""

    __tablename__ = "status_tags"
    __table_args__ = (Index("ix_status_tags_name", "name_key", "status_id"),)

    status_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("statuses.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    name_key: Mapped[str] = mapped_column(primary_key=True)


class Favourite(Base):
    """`account_id` likes `status_id`; `uri` is the id of the Like."""

    __tablename__ = "favourites"
    __table_args__ = (
        UniqueConstraint("account_id", "status_id"),
        Index("ix_favourites_status", "status_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    status_id: Mapped[int] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"))
    uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class IdempotencyKey(Base):
    """A client's own name for a request, so that a repeated POST makes one post."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    status_id: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(index=True)
