"""Posts of a conversation that we do not have: those that could not be fetched, and those deleted.

They are remembered so that a conversation can say how complete it is, so that replies to them have a
place, and so that a server that refused is not asked again with every look.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, select, update

from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import FedispaceError, Gone, Invalid, NotFound, Refused
from fedispace.threads.known import Post
from fedispace.threads.models import MissingPost, Status

DELETED: Final = "deleted"
GONE: Final = "gone"
"""Its own server says that it was deleted: nothing is missing."""
UNAVAILABLE: Final = "unavailable"
"""Its server did not answer."""
MAX_MISSING: Final = 500
MAX_TRIES: Final = 8
FIRST_WAIT: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(days=7)
_PERMANENT: Final = frozenset({DELETED, GONE})


def reason_of(error: FedispaceError) -> str:
    """Return the short word for why a post could not be had."""
    match error:
        case Gone():
            return GONE
        case NotFound():
            return "not_found"
        case Refused():
            return error.reason
        case Invalid():
            return "unreadable"
        case _:
            return UNAVAILABLE


def is_due(post: MissingPost, now: datetime) -> bool:
    """Tell whether a missing post may be asked for again: after longer and longer, and not for ever."""
    if post.reason in _PERMANENT or post.tries >= MAX_TRIES:
        return False
    wait: timedelta = min(FIRST_WAIT * 4 ** (post.tries - 1), LONGEST_WAIT)
    return now >= post.tried_at + wait


async def record(tx: Tx, uri: str, conversation_id: int, reason: str, now: datetime) -> None:
    """Remember that a post could not be had; at most so many of one conversation."""
    known = await tx.get(MissingPost, uri)
    if known is not None:
        known.conversation_id, known.reason, known.tried_at = conversation_id, reason, now
        known.tries += 1
        await tx.flush()
        return
    rows = await tx.scalars(
        select(MissingPost.uri).where(MissingPost.conversation_id == conversation_id).limit(MAX_MISSING)
    )
    if len(rows.all()) < MAX_MISSING:
        await _add(tx, uri, conversation_id, reason, now)


async def leave_a_place(tx: Tx, status: Post, now: datetime) -> None:
    """Keep the place of a post that is being deleted, if replies hang below it."""
    answered = await tx.scalar(select(exists().where(Status.in_reply_to_id == status.id)))
    if answered:
        await _add(tx, status.uri, status.conversation_id, DELETED, now, status.in_reply_to_uri)


async def began(tx: Tx, conversation_id: int) -> bool:
    """Tell whether a conversation began with a post that answered nothing and is deleted by now."""
    place = (MissingPost.conversation_id == conversation_id) & (MissingPost.reason == DELETED)
    return bool(await tx.scalar(select(exists().where(place, MissingPost.in_reply_to_uri.is_(None)))))


async def found(tx: Tx, uri: str) -> None:
    """Forget that a post was missing."""
    await tx.execute(delete(MissingPost).where(MissingPost.uri == uri))


async def conversation_of(tx: Tx, uri: str) -> int | None:
    """Return the conversation a missing post belongs to."""
    return await tx.scalar(select(MissingPost.conversation_id).where(MissingPost.uri == uri))


async def of_conversation(tx: Tx, conversation_id: int) -> list[MissingPost]:
    """Return what is missing of a conversation."""
    rows = await tx.scalars(
        select(MissingPost)
        .where(MissingPost.conversation_id == conversation_id, _still_missing())
        .order_by(MissingPost.tried_at, MissingPost.uri)
        .limit(MAX_MISSING)
    )
    return list(rows)


async def move(tx: Tx, conversation_id: int, into: int) -> None:
    """Hand what is missing of one conversation on to another."""
    await tx.execute(
        update(MissingPost)
        .where(MissingPost.conversation_id == conversation_id)
        .values(conversation_id=into)
        .execution_options(synchronize_session="fetch")
    )


def _still_missing() -> ColumnElement[bool]:
    return ~exists().where(Status.uri == MissingPost.uri)


async def _add(
    tx: Tx,
    uri: str,
    conversation_id: int,
    reason: str,
    now: datetime,
    in_reply_to_uri: str | None = None,
) -> None:
    row = {
        "uri": uri,
        "conversation_id": conversation_id,
        "in_reply_to_uri": in_reply_to_uri,
        "reason": reason,
        "tries": 1,
        "tried_at": now,
    }
    kept = {name: row[name] for name in ("conversation_id", "in_reply_to_uri", "reason", "tried_at")}
    await tx.execute(
        insert(tx, MissingPost).values(row).on_conflict_do_update(index_elements=["uri"], set_=kept)
    )
