"""Alembic's entry: runs on the connection that `fedispace.db.migrations` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from fedispace.accounts import models as _accounts
from fedispace.db.base import Base, UtcDateTime
from fedispace.federation import models as _federation
from fedispace.moderation import models as _moderation
from fedispace.queue import models as _queue
from fedispace.spaces import models as _spaces
from fedispace.spaces import visit_models as _visits
from fedispace.threads import models as _threads

REGISTERED = (_accounts, _federation, _moderation, _queue, _spaces, _threads, _visits)


def plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types as SQLAlchemy's, so that a revision never depends on our code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
        compare_type=True,
        render_item=plain_type,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
