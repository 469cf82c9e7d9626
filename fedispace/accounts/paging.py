"""Which part of a long list is wanted, by the ids a client saw last (Mastodon's three cursors)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, TypeVarTuple

from sqlalchemy import BigInteger, Select, bindparam
from sqlalchemy.orm import InstrumentedAttribute

MAX_LIMIT: Final = 80
_MAX_ID: Final = 2**63 - 1

Row = TypeVar("Row")
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list that is ordered by id, newest first.

    `max_id` asks for what is older, `since_id` for the newest that is newer, `min_id` for what
    follows directly: with it the rows next above the cursor are taken, so that a client that pages
    upwards misses none. Numbers no id can have are clamped, never passed to the database.
    """

    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None
    limit: int = 20

    @property
    def upwards(self) -> bool:
        """Tell whether the database is asked for the oldest rows first."""
        return self.min_id is not None

    def apply(self, statement: Select[*Columns], column: InstrumentedAttribute[int]) -> Select[*Columns]:
        """Restrict, order and limit `statement` by the id in `column`; see `newest_first`."""
        if self.max_id is not None:
            statement = statement.where(column < _clamped(self.max_id))
        if self.since_id is not None:
            statement = statement.where(column > _clamped(self.since_id))
        if self.min_id is not None:
            statement = statement.where(column > _clamped(self.min_id))
        order = column.asc() if self.upwards else column.desc()
        return statement.order_by(order).limit(max(1, min(self.limit, MAX_LIMIT)))

    def cursors(self) -> dict[str, int]:
        """Return the parameters of a statement made by `paged`."""
        above = max(_clamped(self.since_id or 0), _clamped(self.min_id or 0))
        return {
            "below": _MAX_ID if self.max_id is None else _clamped(self.max_id),
            "above": above,
            "limit": max(1, min(self.limit, MAX_LIMIT)),
        }

    def newest_first(self, rows: Sequence[Row]) -> list[Row]:
        """Put rows that `apply` fetched into the order clients are given."""
        return list(reversed(rows)) if self.upwards else list(rows)


def paged(
    statement: Select[*Columns], column: InstrumentedAttribute[int], *, upwards: bool
) -> Select[*Columns]:
    """Do what `Page.apply` does for a statement that is built once: the cursors are its parameters."""
    return (
        statement.where(column < bindparam("below", type_=BigInteger()))
        .where(column > bindparam("above", type_=BigInteger()))
        .order_by(column.asc() if upwards else column.desc())
        .limit(bindparam("limit", type_=BigInteger()))
    )


def _clamped(id_: int) -> int:
    return max(0, min(id_, _MAX_ID))
