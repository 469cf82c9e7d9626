"""What somebody wants to hear of a conversation: nothing more of it, or everything though not part of it.

A mute holds for the whole conversation: no notifications, and none of it in the home timeline. It can
be said of any post in it. When two conversations turn out to be one, because the post between them
arrived, what was said of either holds for the whole (`joined`).
"""

from typing import Any, Final, Literal

from sqlalchemy import and_, delete, exists, select

from fedispace.accounts.hiding import Id
from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.threads.boost import original_of
from fedispace.threads.models import ConversationFollow, ConversationMute, Status

_mutes: Final = table_of(ConversationMute)
_follows: Final = table_of(ConversationFollow)


class Attention:
    """Mutes and follows of conversations. Every step may be repeated."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def mute(self, by: Account, status_id: int) -> Status:
        """Hear no more of the conversation a post is in; return the post. Raises `NotFound`."""
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            row = {
                "account_id": by.id,
                "conversation_id": status.conversation_id,
                "created_at": self._clock.now(),
            }
            await tx.execute(insert(tx, ConversationMute).values(row).on_conflict_do_nothing())
        return status

    async def unmute(self, by: Account, status_id: int) -> Status:
        """Hear again of the conversation a post is in; return the post. Raises `NotFound`."""
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            await tx.execute(
                delete(ConversationMute).where(
                    ConversationMute.account_id == by.id,
                    ConversationMute.conversation_id == status.conversation_id,
                )
            )
        return status

    async def follow(self, by: Account, status_id: int, *, author_only: bool = False) -> Status:
        """Be told of each new post in a conversation, or of its author's only; return the post."""
        said: dict[str, Any] = {"author_only": author_only}
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            row = {
                "account_id": by.id,
                "conversation_id": status.conversation_id,
                "created_at": self._clock.now(),
            }
            await tx.execute(
                insert(tx, ConversationFollow)
                .values({**row, **said})
                .on_conflict_do_update(index_elements=["account_id", "conversation_id"], set_=said)
            )
        return status

    async def unfollow(self, by: Account, status_id: int) -> Status:
        """Be told of a conversation no longer; return the post."""
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            await tx.execute(
                delete(ConversationFollow).where(
                    ConversationFollow.account_id == by.id,
                    ConversationFollow.conversation_id == status.conversation_id,
                )
            )
        return status


async def standing(tx: Tx, viewer_id: int | None, conversation_id: int) -> Literal["", "all", "author"]:
    """Return whether the viewer follows a conversation: all of it, or what its author writes."""
    row = await tx.get(ConversationFollow, (viewer_id, conversation_id)) if viewer_id is not None else None
    return "" if row is None else "author" if row.author_only else "all"


def muted(viewer: Id, conversation: Id) -> Any:
    """Return the condition that the viewer muted a conversation."""
    return exists().where(_mutes.c.account_id == viewer, _mutes.c.conversation_id == conversation)


async def muted_among(tx: Tx, viewer_id: int, status_ids: list[int]) -> set[int]:
    """Return those of some posts that are in conversations the viewer muted."""
    rows = await tx.scalars(
        select(Status.id)
        .join(ConversationMute, ConversationMute.conversation_id == Status.conversation_id)
        .where(ConversationMute.account_id == viewer_id, Status.id.in_(status_ids))
    )
    return set(rows)


async def joined(tx: Tx, part: int, whole: int) -> None:
    """Let what was said of the conversation `part` hold for `whole`, of which it turned out to be part.

    Who follows both is told of as much as they asked for of either.
    """
    both = _follows.alias()
    await tx.execute(
        _follows.update()
        .where(
            _follows.c.conversation_id == whole,
            exists().where(
                and_(
                    both.c.account_id == _follows.c.account_id,
                    both.c.conversation_id == part,
                    both.c.author_only.is_(False),
                )
            ),
        )
        .values(author_only=False)
    )
    for table, mapped in ((_mutes, ConversationMute), (_follows, ConversationFollow)):
        there = table.alias()
        await tx.execute(
            table.update()
            .where(
                table.c.conversation_id == part,
                ~exists().where(there.c.account_id == table.c.account_id, there.c.conversation_id == whole),
            )
            .values(conversation_id=whole)
        )
        await tx.execute(delete(mapped).where(table.c.conversation_id == part))
