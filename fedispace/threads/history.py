"""What a post said before: kept with every edit, shown to who was addressed then.

The present state is the post itself; rows of `StatusEdit` are the earlier ones. Somebody whom an edit
added to a post that is not for everybody was never written what it said before, and is not shown it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, func, select

from fedispace.accounts.models import Follow
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.db.upsert import add_new
from fedispace.ids import Ids
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Mention, Status, StatusEdit
from fedispace.threads.polls import poll_of

MAX_STATES: Final = 200
_KEPT: Final = (
    "title",
    "content",
    "source",
    "spoiler",
    "sensitive",
    "language",
    "tags",
    "emojis",
    "attachments",
)
_states: Final = table_of(StatusEdit).c
_COUNTING: Final = select(func.count(_states.id)).where(_states.status_id == bindparam("post", type_=BigId))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a post said from `since` on."""

    title: str | None
    content: str
    spoiler: str
    sensitive: bool
    language: str | None
    emojis: list[Any]
    attachments: list[Any]
    poll_options: list[str] | None
    since: datetime


async def keep(tx: Tx, ids: Ids, status: Status) -> None:
    """Keep what a post says before it is changed.

    Of another server's post the last two hundred states are kept, and its first.
    """
    poll = await poll_of(tx, status)
    row = {name: getattr(status, name) for name in _KEPT}
    row |= {
        "id": ids.next(),
        "status_id": status.id,
        "poll_options": None if poll is None else list(poll.options),
        "created_at": status.edited_at or status.created_at,
    }
    await tx.flush()
    await add_new(tx, StatusEdit, row)
    if not status.local and (await tx.core(_COUNTING, {"post": status.id})).scalar_one() > MAX_STATES:
        await _forget_surplus(tx, status.id)


async def _forget_surplus(tx: Tx, status_id: int) -> None:
    kept = (
        select(StatusEdit.id)
        .where(StatusEdit.status_id == status_id)
        .order_by(StatusEdit.id.desc())
        .limit(MAX_STATES)
    )
    first = select(StatusEdit.id).where(StatusEdit.status_id == status_id).order_by(StatusEdit.id).limit(1)
    await tx.execute(
        delete(StatusEdit)
        .where(
            StatusEdit.status_id == status_id,
            StatusEdit.id.not_in(kept),
            StatusEdit.id.not_in(first),
        )
        .execution_options(synchronize_session=False)
    )


async def states(tx: Tx, viewer_id: int | None, status: Status) -> list[State]:
    """Return what a post said, oldest first, and last what it says; the viewer may see the post."""
    rows = await tx.scalars(
        select(StatusEdit)
        .where(StatusEdit.status_id == status.id)
        .order_by(StatusEdit.id.desc())
        .limit(MAX_STATES)
    )
    earlier = [
        State(
            title=row.title,
            content=row.content,
            spoiler=row.spoiler,
            sensitive=row.sensitive,
            language=row.language,
            emojis=row.emojis,
            attachments=row.attachments,
            poll_options=row.poll_options,
            since=row.created_at,
        )
        for row in rows
    ][::-1]
    since = await _addressed_since(tx, viewer_id, status)
    if since is not None:
        earlier = [state for state in earlier if state.since >= since]
    poll = await poll_of(tx, status)
    now = State(
        title=status.title,
        content=status.content,
        spoiler=status.spoiler,
        sensitive=status.sensitive,
        language=status.language,
        emojis=status.emojis,
        attachments=status.attachments,
        poll_options=None if poll is None else list(poll.options),
        since=status.edited_at or status.created_at,
    )
    return [*earlier, now]


async def _addressed_since(tx: Tx, viewer_id: int | None, status: Status) -> datetime | None:
    """Return when the viewer was let in by an edit; None for who could see the post from the first."""
    if is_distributable(status.visibility) or viewer_id is None or viewer_id == status.account_id:
        return None
    if status.visibility == "private" and await tx.scalar(
        select(
            exists().where(
                Follow.account_id == viewer_id,
                Follow.target_id == status.account_id,
                Follow.accepted.is_(True),
            )
        )
    ):
        return None
    added: datetime | None = await tx.scalar(
        select(Mention.added_at).where(Mention.status_id == status.id, Mention.account_id == viewer_id)
    )
    return added
