"""Statements are compiled once in a run, not once for each engine a test opens.

SQLAlchemy keeps what it compiled per engine, and every test opens engines of its own: compiling anew was a
fifth of the time of the tests. What it compiles depends on the kind of dialect, not on the engine, so the
engines of a run share one cache for each.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

Key = tuple[Any, ...]


class _Shared(MutableMapping[Key, Any]):
    """What was compiled; the dialect object, which comes first in every key, counts by its class."""

    def __init__(self) -> None:
        self._compiled: dict[Key, Any] = {}

    def __getitem__(self, key: Key) -> Any:
        return self._compiled[_by_class(key)]

    def __setitem__(self, key: Key, compiled: Any) -> None:
        self._compiled[_by_class(key)] = compiled

    def __delitem__(self, key: Key) -> None:
        del self._compiled[_by_class(key)]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._compiled)

    def __len__(self) -> int:
        return len(self._compiled)


def _by_class(key: Key) -> Key:
    return (type(key[0]), *key[1:])


def share() -> None:
    """Let every engine from now on use what others have compiled."""
    shared = _Shared()

    @event.listens_for(Engine, "engine_connect")
    def _use_it(connection: Connection) -> None:
        connection.execution_options(compiled_cache=shared)
