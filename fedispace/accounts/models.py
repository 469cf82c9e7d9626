"""People: accounts (profiles, local or remote), users (local sign-ins), and their relations."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class Account(Base):
    """A profile. Its id is its actor's id. `domain` is empty for our own people."""

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
    suspended_at: Mapped[datetime | None]

    @property
    def local(self) -> bool:
        return self.domain == ""


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
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    uri: Mapped[str] = mapped_column(unique=True)
    accepted: Mapped[bool]
    show_boosts: Mapped[bool] = mapped_column(default=True)
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


class Notification(Base):
    """Something that happened to an account. `status_id` names a post when there is one."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("account_id", "type", "from_id", "subject"),
        Index("ix_notifications_account", "account_id", "id"),
        Index("ix_notifications_subject", "subject"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    from_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    type: Mapped[str]
    subject: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    extra: Mapped[dict[str, Any] | None]
