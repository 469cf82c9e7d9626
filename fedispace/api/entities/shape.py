"""The bases of everything that goes out or comes in over this API."""

from typing import Annotated

import msgspec

RowId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""An id as clients send it back: a decimal string that is one of our 64-bit integers."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """Something we say. Fields have no defaults: a presenter that forgets one is a type error."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What a call may be given, in its path, query or body. What is not named here is ignored."""


class NoParameters(Parameters, frozen=True, kw_only=True):
    """A call that takes nothing."""


class ById(Parameters, frozen=True, kw_only=True):
    """A call about one thing, named in the path."""

    id: RowId


class Paged(Parameters, frozen=True, kw_only=True):
    """A page of a list: older than `max_id`, newest above `since_id`, or just above `min_id`."""

    max_id: RowId | None = None
    since_id: RowId | None = None
    min_id: RowId | None = None
    limit: int | None = None
