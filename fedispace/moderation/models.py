"""What an operator decided about other servers, and what moderators were asked to look at."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
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
    `objects` are the ids of the posts it is about. A report of what was said in a Space names it
    (`space_id`, its row here if there is one) and the second since its beginning (`moment`).
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
    space_id: Mapped[int | None] = mapped_column(BigId)
    moment: Mapped[int | None]


class Evidence(Base):
    """The sound around a reported moment, sealed with the instance's key; forgotten at `expires_at`."""

    __tablename__ = "report_evidence"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    report_id: Mapped[int] = mapped_column(BigId, ForeignKey("reports.id", ondelete="CASCADE"), index=True)
    media_type: Mapped[str]
    seconds: Mapped[int]
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
