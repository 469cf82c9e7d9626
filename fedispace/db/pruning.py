"""Forgetting what is over without keeping everybody else waiting."""

from typing import Final

from sqlalchemy import ColumnElement, delete, select, tuple_

from fedispace.db.base import Base, table_of
from fedispace.db.engine import Database

AT_ONCE: Final = 1000


async def forget(db: Database, table: type[Base], *over: ColumnElement[bool]) -> int:
    """Delete the rows for which all of `over` hold; return how many there were.

    A thousand in a transaction, because on SQLite nobody else writes meanwhile.
    """
    target = table_of(table)
    key = tuple_(*target.primary_key.columns)
    some = select(*target.primary_key.columns).where(*over).limit(AT_ONCE)
    statement = delete(target).where(key.in_(some))
    total, gone = 0, AT_ONCE
    while gone == AT_ONCE:
        async with db.transaction() as tx:
            gone = (await tx.core(statement, {})).rowcount
        total += gone
    return total
