"""INSERT ... ON CONFLICT, spelled once for both databases."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from fedispace.db.base import Base
from fedispace.db.engine import Tx


def insert(tx: Tx, table: type[Base]) -> sqlite.Insert:
    """Return the dialect's INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`.

    It is a Core statement on the mapped table: the ORM's own costs several times as much a row. Both
    dialects' classes spell these methods alike; the annotation names one of them.
    """
    target: Any = table.__table__
    statement: Any = postgresql.insert(target) if tx.dialect_name == "postgresql" else sqlite.insert(target)
    return statement  # type: ignore[no-any-return]
