"""What an operator decided about other servers."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base


class DomainRule(Base):
    """A decision on a domain and everything below it."""

    __tablename__ = "domain_rules"

    domain: Mapped[str] = mapped_column(primary_key=True)
    severity: Mapped[str]
    private_comment: Mapped[str] = mapped_column(default="")
    public_comment: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
