"""INSERT ... ON CONFLICT, spelled once for both databases."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from fedispace.db.base import Base
from fedispace.db.engine import Tx


def insert(tx: Tx, table: type[Base]) -> sqlite.Insert:
    """Return the dialect's INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`.

    Both dialects' classes spell these alike; the annotation names one of them.
    """
    statement: Any = postgresql.insert(table) if tx.dialect_name == "postgresql" else sqlite.insert(table)
    return statement  # type: ignore[no-any-return]
