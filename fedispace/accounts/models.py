"""People: accounts (profiles, local or remote), users (local sign-ins), and their relations."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class Account(Base):
    """A profile. Its id is its actor's id. `domain` is empty for our own people.

    `silenced` says that its server is, by a decision on the domain (`moderation/silence.py` keeps it).
    `suspended_at` is our decision, `suspended_at_home` that of the account's own server.
    `hides_relations` keeps the lists of followers and followed to their owner. `updated_at` is when one
    of ours last described itself anew, as peers are told.
    """

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("name_key", "domain"),)

    id: Mapped[int] = mapped_column(
        BigId, ForeignKey("actors.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    uri: Mapped[str] = mapped_column(unique=True)
    username: Mapped[str]
    name_key: Mapped[str]
    domain: Mapped[str]
    display_name: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    url: Mapped[str]
    avatar: Mapped[str | None]
    header: Mapped[str | None]
    fields: Mapped[list[Any]] = mapped_column(default=list)
    bot: Mapped[bool] = mapped_column(default=False)
    group: Mapped[bool] = mapped_column(default=False)
    locked: Mapped[bool] = mapped_column(default=False)
    discoverable: Mapped[bool] = mapped_column(default=True)
    indexable: Mapped[bool] = mapped_column(default=False)
    followers_count: Mapped[int] = mapped_column(default=0)
    following_count: Mapped[int] = mapped_column(default=0)
    statuses_count: Mapped[int] = mapped_column(default=0)
    last_status_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    suspended_at_home: Mapped[bool] = mapped_column(default=False)
    silenced: Mapped[bool] = mapped_column(default=False)
    memorial: Mapped[bool] = mapped_column(default=False)
    hides_relations: Mapped[bool] = mapped_column(default=False)
    emojis: Mapped[list[Any]] = mapped_column(default=list)
    also_known_as: Mapped[list[Any]] = mapped_column(default=list)
    moved_to_uri: Mapped[str | None]

    @property
    def local(self) -> bool:
        return self.domain == ""

    @property
    def is_suspended(self) -> bool:
        """Tell whether nothing of this account is shown: we decided so, or its own server did."""
        return self.suspended_at is not None or self.suspended_at_home


class User(Base):
    """A local sign-in. Its account is the one with the same id."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    default_visibility: Mapped[str] = mapped_column(default="public")
    default_language: Mapped[str] = mapped_column(default="en")
    default_sensitive: Mapped[bool] = mapped_column(default=False)
    default_policy: Mapped[dict[str, Any] | None]
    profile_source: Mapped[dict[str, Any] | None]


class Session(Base):
    """A browser that is signed in; the cookie holds the token, the row its SHA-256."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str]
    user_agent: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class OAuthApp(Base):
    """A client program that registered itself."""

    __tablename__ = "oauth_apps"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    client_id: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str]
    name: Mapped[str]
    website: Mapped[str | None]
    redirect_uris: Mapped[list[str]]
    scopes: Mapped[str]
    created_at: Mapped[datetime]


class OAuthCode(Base):
    """An authorization code: 60 seconds, single use, bound to client, redirect and PKCE challenge."""

    __tablename__ = "oauth_codes"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[int] = mapped_column(BigId, ForeignKey("oauth_apps.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id", ondelete="CASCADE"))
    redirect_uri: Mapped[str]
    scopes: Mapped[str]
    challenge: Mapped[str | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class OAuthToken(Base):
    """An access token, by its SHA-256. One without a user speaks for the client program alone."""

    __tablename__ = "oauth_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    app_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("oauth_apps.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str | None] = mapped_column(index=True)
    scopes: Mapped[str]
    created_at: Mapped[datetime]


class Follow(Base):
    """`account_id` follows `target_id`, or has asked to (`accepted` is false until Accept)."""

    __tablename__ = "follows"
    __table_args__ = (
        UniqueConstraint("account_id", "target_id"),
        Index("ix_follows_target", "target_id", "accepted", "id"),
        Index("ix_follows_notify", "target_id", "notify"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    uri: Mapped[str] = mapped_column(unique=True)
    accepted: Mapped[bool]
    show_boosts: Mapped[bool] = mapped_column(default=True)
    notify: Mapped[bool] = mapped_column(default=False)
    languages: Mapped[list[str] | None]
    created_at: Mapped[datetime]


class Block(Base):
    """`account_id` wants nothing to do with `target_id`."""

    __tablename__ = "blocks"
    __table_args__ = (UniqueConstraint("account_id", "target_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    uri: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Mute(Base):
    """`account_id` does not want to read `target_id`, for good or until `expires_at`."""

    __tablename__ = "mutes"
    __table_args__ = (UniqueConstraint("account_id", "target_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    notifications: Mapped[bool] = mapped_column(default=True)
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class DomainMute(Base):
    """`account_id` wants nothing to do with anybody of `domain` (Mastodon's user-level domain block)."""

    __tablename__ = "domain_mutes"
    __table_args__ = (UniqueConstraint("account_id", "domain"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]


class PrivateNote(Base):
    """What `account_id` wrote down for itself about `target_id`."""

    __tablename__ = "private_notes"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    target_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    comment: Mapped[str]


class Migration(Base):
    """`account_id`, ours or another server's, moved to the account at `target_uri`."""

    __tablename__ = "migrations"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    target_uri: Mapped[str]
    followers_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Marker(Base):
    """How far somebody has read a timeline (`home` or `notifications`), on all their devices."""

    __tablename__ = "markers"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    timeline: Mapped[str] = mapped_column(primary_key=True)
    last_read_id: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class CustomEmoji(Base):
    """A picture with a name; `domain` is empty for ours."""

    __tablename__ = "custom_emojis"
    __table_args__ = (UniqueConstraint("shortcode", "domain"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shortcode: Mapped[str]
    domain: Mapped[str]
    uri: Mapped[str | None]
    icon: Mapped[str]
    media_type: Mapped[str | None]
    category: Mapped[str | None]
    in_picker: Mapped[bool]
    disabled: Mapped[bool]
    updated_at: Mapped[datetime]


class NotificationPolicy(Base):
    """What `account_id` is told of whom: accept, filter or drop for each kind of person (`gate.py`).

    Who has no row has what everybody begins with.
    """

    __tablename__ = "notification_policies"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    for_not_following: Mapped[str] = mapped_column(default="accept")
    for_not_followers: Mapped[str] = mapped_column(default="accept")
    for_new_accounts: Mapped[str] = mapped_column(default="accept")
    for_private_mentions: Mapped[str] = mapped_column(default="accept")
    for_limited_accounts: Mapped[str] = mapped_column(default="drop")


class NotificationPermission(Base):
    """`account_id` wants to be told of what `from_id` does, whatever its policy says."""

    __tablename__ = "notification_permissions"

    account_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    from_id: Mapped[int] = mapped_column(
        BigId,
        ForeignKey("accounts.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    )


class Notification(Base):
    """Something that happened to an account; `subject` is the post it is about, or 0.

    Notifications with one `group_key` are told as one (`gate.py`). A `filtered` one is held back by the
    account's policy until it says that it wants to hear of that person.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("account_id", "type", "from_id", "subject"),
        Index("ix_notifications_account", "account_id", "id"),
        Index("ix_notifications_subject", "subject"),
        Index("ix_notifications_group", "account_id", "group_key", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    from_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    type: Mapped[str]
    subject: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    extra: Mapped[dict[str, Any] | None]
    group_key: Mapped[str] = mapped_column(default="")
    filtered: Mapped[bool] = mapped_column(default=False)
