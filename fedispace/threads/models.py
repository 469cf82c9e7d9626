"""Posts and what people did with them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


def _on_what_is_set(name: str, column: str) -> Index:
    """Return an index of the rows that have a value there: few, and each Delete that comes asks for one."""
    where = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=where, postgresql_where=where)


class Status(Base):
    """A post, ours or another server's; or a boost of one (`boost_of_id`), which has no text.

    A thread is the posts that one author published as one unit: they share `thread_id` (the id of
    its first post) and know their `thread_position`, 1 to n. A post on its own is a thread of one.
    `conversation_id` is the id of the first post we know of the whole conversation.
    `subject_uri` names an object the post is about, such as the Event it announces.

    `policy` says who may interact with it (`policies.py`; none: everybody who may see it).
    `pending_approval` is a reply that the author of the post it answers has yet to let in, and
    `approved_by` the address of the authorization. `quote_uri` is the post it quotes and `quote_of_id`
    its row when we have it; `quote_state` is pending, accepted, rejected, revoked, unauthorized or deleted,
    and `quote_approved_by` the address of the quote authorization (FEP-044f), `quote_verified_at` when it was
    last looked at.

    `likes_claimed` and `shares_claimed` are how many another server says its post has: not to be checked,
    shown where it is more than is known here.
    """

    __tablename__ = "statuses"
    __table_args__ = (
        Index("ix_statuses_timeline", "account_id", "id"),
        Index("ix_statuses_public", "visibility", "local", "id"),
        Index("ix_statuses_replies", "in_reply_to_id", "id"),
        Index("ix_statuses_thread", "thread_id", "thread_position"),
        Index("ix_statuses_conversation", "conversation_id", "id"),
        Index("ix_statuses_context", "context_uri"),
        Index("ix_statuses_boosts", "boost_of_id", "account_id", unique=True),
        _on_what_is_set("ix_statuses_quote_approved_by", "quote_approved_by"),
        _on_what_is_set("ix_statuses_approved_by", "approved_by"),
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
    quotes_count: Mapped[int] = mapped_column(default=0)
    likes_claimed: Mapped[int | None]
    shares_claimed: Mapped[int | None]
    emojis: Mapped[list[Any]] = mapped_column(default=list)
    policy: Mapped[dict[str, Any] | None]
    pending_approval: Mapped[bool] = mapped_column(default=False)
    approved_by: Mapped[str | None]
    quote_of_id: Mapped[int | None] = mapped_column(BigId, index=True)
    quote_uri: Mapped[str | None] = mapped_column(index=True)
    quote_state: Mapped[str | None]
    quote_approved_by: Mapped[str | None]
    quote_verified_at: Mapped[datetime | None]
    replies_uri: Mapped[str | None]
    application: Mapped[str | None]
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]


class Mention(Base):
    """A post names an account; a silent one is shown but was not addressed, so it gets no notice.

    `added_at` is when an edit named it; what the post said before was not written to it. Whom a post
    once named it stays addressed to.
    """

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
    added_at: Mapped[datetime | None]


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


class StatusEdit(Base):
    """A state a post had before it was edited, its first or a later one; `created_at` is when it got it."""

    __tablename__ = "status_edits"
    __table_args__ = (Index("ix_status_edits_status", "status_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status_id: Mapped[int] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"))
    title: Mapped[str | None]
    content: Mapped[str]
    source: Mapped[str | None]
    spoiler: Mapped[str]
    sensitive: Mapped[bool]
    language: Mapped[str | None]
    tags: Mapped[list[Any]]
    emojis: Mapped[list[Any]]
    attachments: Mapped[list[Any]]
    poll_options: Mapped[list[str] | None]
    created_at: Mapped[datetime]


class Poll(Base):
    """The question a post asks; its id is the post's. `tallies` has one count per option."""

    __tablename__ = "polls"
    __table_args__ = (Index("ix_polls_closing", "closed", "expires_at"),)

    id: Mapped[int] = mapped_column(
        BigId, ForeignKey("statuses.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    options: Mapped[list[str]]
    tallies: Mapped[list[int]]
    multiple: Mapped[bool]
    hides_totals: Mapped[bool]
    voters_count: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    closed: Mapped[bool]
    fetched_at: Mapped[datetime | None]


class PollVote(Base):
    """`account_id` chose an option (0 is the first); `uri` is the id of the vote's Note."""

    __tablename__ = "poll_votes"
    __table_args__ = (UniqueConstraint("poll_id", "account_id", "choice"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    poll_id: Mapped[int] = mapped_column(BigId, ForeignKey("polls.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    choice: Mapped[int]
    uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Bookmark(Base):
    """`account_id` wants to find `status_id` again; nobody is told."""

    __tablename__ = "bookmarks"
    __table_args__ = (UniqueConstraint("account_id", "status_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    status_id: Mapped[int] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class Pin(Base):
    """`account_id` shows its own post `status_id` on top of its profile (ActivityPub `featured`)."""

    __tablename__ = "pins"
    __table_args__ = (UniqueConstraint("account_id", "status_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    status_id: Mapped[int] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]


class FeaturedLook(Base):
    """When the `featured` collection of an account elsewhere was last asked for."""

    __tablename__ = "featured_looks"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    looked_at: Mapped[datetime]


class Reaction(Base):
    """`account_id` answers `status_id` with an emoji: `name` is the character, or a shortcode with `icon`.

    `domain` is where the custom emoji comes from, empty for ours and for characters.
    """

    __tablename__ = "reactions"
    __table_args__ = (
        UniqueConstraint("account_id", "status_id", "name", "domain"),
        Index("ix_reactions_status", "status_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    status_id: Mapped[int] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"))
    name: Mapped[str]
    domain: Mapped[str] = mapped_column(default="")
    icon: Mapped[str | None]
    uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class TagFollow(Base):
    """`account_id` reads public posts with a hashtag in its home timeline."""

    __tablename__ = "tag_follows"
    __table_args__ = (
        UniqueConstraint("account_id", "name_key"),
        Index("ix_tag_follows_name", "name_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str]
    name_key: Mapped[str]
    created_at: Mapped[datetime]


class ConversationMute(Base):
    """`account_id` wants to hear no more of a conversation."""

    __tablename__ = "conversation_mutes"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    conversation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[datetime]


class ConversationFollow(Base):
    """`account_id` is told of new posts in a conversation; `author_only`: of those of its author."""

    __tablename__ = "conversation_follows"
    __table_args__ = (Index("ix_conversation_follows_conversation", "conversation_id"),)

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    conversation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    author_only: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class DirectConversation(Base):
    """`account_id`, one of ours, wrote or got direct posts in a conversation; the last of them.

    What was written up to `read_through` has been read, what was up to `removed_through` is to be seen in
    the list no more. Which posts count is judged when the list is read (`direct.py`).
    """

    __tablename__ = "direct_conversations"
    __table_args__ = (Index("ix_direct_conversations_account", "account_id", "last_status_id"),)

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    conversation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, index=True)
    last_status_id: Mapped[int]
    read_through: Mapped[int] = mapped_column(default=0)
    removed_through: Mapped[int] = mapped_column(default=0)


class ThreadDraft(Base):
    """A thread that is not published yet; with `scheduled_at` it will be, as one unit.

    `thread` is what was written (`manuscript.py`); `failure` says why publishing was refused;
    `request_key` is the client's own name for the request that made it.
    """

    __tablename__ = "thread_drafts"
    __table_args__ = (
        UniqueConstraint("account_id", "request_key"),
        Index("ix_thread_drafts_account", "account_id", "id"),
        Index("ix_thread_drafts_due", "scheduled_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    request_key: Mapped[str | None]
    name: Mapped[str] = mapped_column(default="")
    thread: Mapped[dict[str, Any]]
    scheduled_at: Mapped[datetime | None]
    failure: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ConversationState(Base):
    """How complete a conversation is, and when its rest was last looked for. Its id is the conversation's.

    `claimed` is how many posts its owner says it has, as far as we may see them; `history_uri` is the
    collection of its activities (FEP-f228). `looks` counts the times its rest was looked for, `requests`
    what the last time cost.
    """

    __tablename__ = "conversation_states"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    history_uri: Mapped[str | None]
    claimed: Mapped[int | None]
    looks: Mapped[int] = mapped_column(default=0)
    looked_at: Mapped[datetime | None]
    look_again_at: Mapped[datetime | None]
    requests: Mapped[int] = mapped_column(default=0)


class MissingPost(Base):
    """A post of a conversation that could not be had, and why; it is asked for again after a while.

    With the reason `deleted` it is one we had: replies hang where it stood, below `in_reply_to_uri`.
    """

    __tablename__ = "missing_posts"

    uri: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(index=True)
    in_reply_to_uri: Mapped[str | None]
    reason: Mapped[str]
    tries: Mapped[int] = mapped_column(default=1)
    tried_at: Mapped[datetime]


class InteractionRequest(Base):
    """Somebody asks to reply to, quote, favourite or boost a post of ours, or was allowed to.

    `kind` is reply, quote, favourite or boost; `uri` the id of what they made (their post, their Like),
    `request_uri` the id of the activity that asked, if any. `state` is pending, accepted, rejected or
    revoked; `authorization_uri` is where peers verify an accepted one (FEP-044f, GoToSocial).
    `extra` is what a boost that waits will need. Where `owner_id` is on another server, the row is what
    one of ours asked of them.
    """

    __tablename__ = "interaction_requests"
    __table_args__ = (
        UniqueConstraint("kind", "status_id", "uri"),
        Index("ix_interaction_requests_owner", "owner_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    owner_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    status_id: Mapped[int] = mapped_column(BigId, ForeignKey("statuses.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    uri: Mapped[str] = mapped_column(index=True)
    request_uri: Mapped[str | None] = mapped_column(index=True)
    authorization_uri: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str]
    extra: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
