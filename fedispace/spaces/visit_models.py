"""People of other servers in a browser of ours: who came, by which way, and what is on the way."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class Visit(Base):
    """Somebody of another server, known in one browser: `via` is `oauth`, `miauth` or `link`.

    The row holds the SHA-256 of what the cookie holds.
    """

    __tablename__ = "space_visits"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    via: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class EntryLink(Base):
    """A link sent to somebody's account, good once, in the browser that asked for it.

    `browser_hash` is the SHA-256 of that browser's cookie; none when nobody asked for it in a browser
    yet (a hand raised by a reply): then the first browser that opens it takes it.
    """

    __tablename__ = "space_entry_links"
    __table_args__ = (Index("ix_space_entry_links_account", "account_id", "created_at"),)

    link_hash: Mapped[str] = mapped_column(primary_key=True)
    browser_hash: Mapped[str | None]
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    space_id: Mapped[int] = mapped_column(BigId, ForeignKey("spaces.id", ondelete="CASCADE"))
    status_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class HomeApp(Base):
    """Our registration as an app at somebody's home server (Mastodon's API), for finding out who comes."""

    __tablename__ = "space_home_apps"

    host: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    client_secret: Mapped[str]
    scope: Mapped[str]
    authorize_url: Mapped[str]
    token_url: Mapped[str]
    userinfo_url: Mapped[str | None]
    created_at: Mapped[datetime]


class Errand(Base):
    """Somebody whom we sent home to say who they are, and who is to come back to this browser."""

    __tablename__ = "space_errands"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    browser_hash: Mapped[str]
    host: Mapped[str]
    kind: Mapped[str]
    verifier: Mapped[str]
    space_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
