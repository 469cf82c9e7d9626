"""Statements that are built once, made ready for SQLite's driver: the hot path past SQLAlchemy.

SQLite answers most of what a worker asks in two microseconds; SQLAlchemy takes ten times as long to send
the question and to wrap the answer. So a statement that comes for the second time is compiled once and
kept with the types of what goes in and comes out; from then on it costs little more than the driver does.

What cannot be known when a statement is compiled, such as how many values an IN has, goes on through
SQLAlchemy: `ready` returns None for it.
"""

import operator
import sqlite3
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Executable, IteratorResult
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Converter = Callable[[Any], Any]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_SEEN: Final["weakref.WeakKeyDictionary[Executable, dict[tuple[str, ...], Ready | None]]"] = (
    weakref.WeakKeyDictionary()
)


class Answer(IteratorResult[*tuple[Any, ...]]):
    """Rows that were read to the end, and how many were written."""

    def __init__(self, columns: SimpleResultMetaData, rows: Sequence[tuple[Any, ...]], count: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount = count


@dataclass(frozen=True, slots=True)
class _Given:
    """A parameter that comes with each execution: by what name, and how it is written for the driver."""

    name: str
    write: Converter | None


@dataclass(frozen=True, slots=True)
class Ready:
    """A compiled statement.

    What is `given` is written once each, however often it stands in the statement, and `fixed` was written
    when the statement was compiled; `arrange` puts both, one after the other, where the driver wants them.
    """

    sql: str
    dialect: Dialect
    given: tuple[_Given, ...]
    fixed: tuple[Any, ...]
    arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    columns: SimpleResultMetaData
    readers: tuple[Converter | None, ...]

    def run(self, driver: sqlite3.Connection, parameters: Parameters) -> Answer:
        """Execute it. What the driver refuses is raised as SQLAlchemy raises it."""
        cursor = sqlite3.Connection.cursor(driver)
        try:
            if isinstance(parameters, Mapping):
                cursor.execute(self.sql, self._written(parameters))
            else:
                cursor.executemany(self.sql, [self._written(each) for each in parameters])
            rows = cursor.fetchall() if self.readers else []
        except sqlite3.Error as error:
            raise DBAPIError.instance(
                self.sql, None, error, sqlite3.Error, hide_parameters=True, dialect=self.dialect
            ) from error
        if any(self.readers):
            rows = [
                tuple(
                    value if read is None else read(value)
                    for read, value in zip(self.readers, row, strict=True)
                )
                for row in rows
            ]
        return Answer(self.columns, rows, cursor.rowcount)

    def _written(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        written = [
            parameters[each.name] if each.write is None else each.write(parameters[each.name])
            for each in self.given
        ]
        return self.arrange((*written, *self.fixed))


def ready(statement: Executable, parameters: Parameters, dialect: Dialect) -> Ready | None:
    """Return the statement ready to run, or None when it is new here, or SQLAlchemy has to run it."""
    first = parameters if isinstance(parameters, Mapping) else (parameters[0] if parameters else {})
    names = tuple(first)
    kept = _SEEN.get(statement)
    if kept is None:
        _SEEN[statement] = {}
        return None
    if names not in kept:
        kept[names] = _compiled(statement, names, dialect)
    return kept[names]


def _compiled(statement: Executable, names: tuple[str, ...], dialect: Dialect) -> Ready | None:
    assert isinstance(statement, ClauseElement)
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler)
    later = compiled.post_compile_params or compiled.literal_execute_params or compiled.update_prefetch
    defaults = {}
    for column in compiled.insert_prefetch:
        if not isinstance(column.default, ScalarElementColumnDefault):
            return None
        defaults[column.key] = column.default.arg
    if later:
        return None
    given, fixed = {}, {}
    for place in compiled.positiontup or ():
        bound = compiled.binds[place]
        write = bound.type.dialect_impl(dialect).bind_processor(dialect)
        if bound.key in names:
            given[place] = _Given(bound.key, write)
        elif bound.required and bound.key not in defaults:
            return None
        else:
            value = defaults.get(bound.key, bound.effective_value)
            fixed[place] = value if write is None else write(value)
    arrange = _arranging([*given, *fixed], compiled.positiontup or ())
    columns = list(getattr(statement, "exported_columns", ()))
    readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    keys = [column.key or f"column_{position}" for position, column in enumerate(columns)]
    return Ready(
        sql=compiled.string,
        dialect=dialect,
        given=tuple(given.values()),
        fixed=tuple(fixed.values()),
        arrange=arrange,
        columns=SimpleResultMetaData(keys),
        readers=tuple(readers),
    )


def _arranging(named: Sequence[str], places: Sequence[str]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return what puts values that come in the order of `named` in that of `places`."""
    if list(places) == list(named):
        return tuple
    return operator.itemgetter(*map(named.index, places))
