"""A post that is stored, as far as judging what others do with it takes.

Reading a mapped row with all that a post says takes SQLAlchemy ten times as long as reading these columns
past it, and what comes from other servers is mostly about a post: a Like, a boost, a reply, an Undo, a
Delete. None of them asks what it says.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Select, String, bindparam, select

from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.threads.models import Status


@dataclass(frozen=True, slots=True)
class KnownPost:
    """The columns of `Status` of these names, as they were when they were read."""

    id: int
    uri: str
    account_id: int
    local: bool
    type: str
    visibility: str
    boost_of_id: int | None
    in_reply_to_id: int | None
    in_reply_to_uri: str | None
    in_reply_to_account_id: int | None
    thread_id: int
    thread_position: int
    thread_length: int
    conversation_id: int
    context_uri: str | None
    policy: dict[str, Any] | None
    pending_approval: bool
    quote_of_id: int | None
    quote_uri: str | None
    quote_state: str | None


Post = Status | KnownPost
"""A post that is judged and not changed: whichever of the two the caller has."""


async def post_by_uri(tx: Tx, uri: str) -> KnownPost | None:
    """Return the post, or the boost, of that address."""
    return await _one(tx, _BY_URI, {"uri": uri})


async def post_by_id(tx: Tx, id_: int) -> KnownPost | None:
    """Return the post, or the boost, of that id."""
    return await _one(tx, _BY_ID, {"id": id_})


async def _one(tx: Tx, statement: Select[*tuple[Any, ...]], asked: dict[str, Any]) -> KnownPost | None:
    await tx.flush()
    row = (await tx.core(statement, asked)).one_or_none()
    return None if row is None else KnownPost(*row)


_columns: Final = table_of(Status).c
_KNOWN: Final = select(*(_columns[field.name] for field in fields(KnownPost)))
_BY_URI: Final = _KNOWN.where(_columns.uri == bindparam("uri", type_=String()))
_BY_ID: Final = _KNOWN.where(_columns.id == bindparam("id", type_=BigId))
