"""What an operator decided about other servers, and what moderators were asked to look at."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base, BigId


class DomainRule(Base):
    """A decision on a domain and everything below it."""

    __tablename__ = "domain_rules"

    domain: Mapped[str] = mapped_column(primary_key=True)
    severity: Mapped[str]
    private_comment: Mapped[str] = mapped_column(default="")
    public_comment: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class Report(Base):
    """Somebody asks the moderators to look at an account; `uri` is the id of the Flag.

    A report from another server names its sender, which most servers let be their instance actor.
    `objects` are the ids of the posts it is about.
    """

    __tablename__ = "reports"
    __table_args__ = (
        Index("ix_reports_open", "resolved_at", "id"),
        Index("ix_reports_target", "target_id", "reporter_uri"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    uri: Mapped[str] = mapped_column(unique=True)
    reporter_uri: Mapped[str]
    target_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id", ondelete="CASCADE"))
    objects: Mapped[list[Any]]
    category: Mapped[str]
    comment: Mapped[str]
    local: Mapped[bool]
    forwarded: Mapped[bool]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None]
