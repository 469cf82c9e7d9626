"""The job table, and the columns every leased table shares."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from fedispace.db.base import Base


class Leased:
    """Work that one worker at a time may hold: due at `run_at`, held until `leased_until`."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)


class Job(Leased, Base):
    """Something to do later. A row that is gone was done; one with `failed_at` is a dead letter."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_due", "failed_at", "run_at", "id"),)

    kind: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    unique_key: Mapped[str | None] = mapped_column(unique=True)
    failed_at: Mapped[datetime | None]
    error: Mapped[str | None]
