"""INSERT ... ON CONFLICT, spelled once for both databases."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from fedispace.db.base import Base, table_of
from fedispace.db.engine import Tx


def insert(tx: Tx, table: type[Base]) -> sqlite.Insert:
    """Return the dialect's INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`.

    It is a Core statement on the mapped table: the ORM's own costs several times as much a row. Both
    dialects' classes spell these methods alike; the annotation names one of them.
    """
    return insert_into(tx.dialect_name, table)


async def add_new(tx: Tx, table: type[Base], row: Mapping[str, Any]) -> int:
    """Write a row unless one with its keys is there; return how many were written.

    For hot paths: the statement is always the same object, so that SQLAlchemy need not build it, nor
    find out again that it knows it.
    """
    return (await tx.core(_insert_new(tx.dialect_name, table), row)).rowcount


async def add_all_new(tx: Tx, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, all with the same columns, but not those with whose keys one is there."""
    await tx.core(_insert_new(tx.dialect_name, table), rows)


def insert_into(dialect: str, table: type[Base]) -> sqlite.Insert:
    """Return the INSERT of a dialect, for statements that are built once for each."""
    target = table_of(table)
    statement: Any = postgresql.insert(target) if dialect == "postgresql" else sqlite.insert(target)
    return statement  # type: ignore[no-any-return]


@functools.cache
def _insert_new(dialect: str, table: type[Base]) -> sqlite.Insert:
    return insert_into(dialect, table).on_conflict_do_nothing()
