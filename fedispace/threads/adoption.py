"""Putting posts together that came one by one: threads that grow, replies that were here first."""

from typing import Final

from sqlalchemy import exists, select, update

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.federation.vocab.objects import Note
from fedispace.threads import attention, counts, direct, missing, news
from fedispace.threads.audience import is_distributable
from fedispace.threads.judging import is_open, judge
from fedispace.threads.merging import merge
from fedispace.threads.models import ConversationState, Status
from fedispace.threads.placing import place

MAX_MOVED: Final = 500


async def keep_history(tx: Tx, conversation_id: int, note: Note) -> None:
    """Remember where all activities of the conversation a note begins are listed (FEP-f228)."""
    if note.context_history is None or note.in_reply_to is not None:
        return
    await tx.execute(
        insert(tx, ConversationState)
        .values(id=conversation_id, history_uri=note.context_history, looks=0, requests=0)
        .on_conflict_do_update(index_elements=["id"], set_={"history_uri": note.context_history})
    )


async def lengthen(tx: Tx, thread_id: int, length: int) -> None:
    await tx.execute(update(Status).where(Status.thread_id == thread_id).values(thread_length=length))


async def adopt(tx: Tx, parent_id: int) -> None:
    """Hang the replies that came before their parent below it."""
    parent = await tx.get(Status, parent_id)
    assert parent is not None
    rows = await tx.scalars(
        select(Status)
        .where(Status.in_reply_to_uri == parent.uri, Status.in_reply_to_id.is_(None), Status.id != parent.id)
        .where(Status.pending_approval.is_(False))
        .order_by(Status.id)
    )
    for child in rows.all():
        child.in_reply_to_id = parent.id
        child.in_reply_to_account_id = parent.account_id
        child.pending_approval = not child.local and not await _is_welcome(tx, child, parent)
        await tx.flush()
        if is_distributable(child.visibility) and not child.pending_approval:
            await counts.answered(tx, parent.id, child.visibility)
        await _join(tx, parent, child)


async def _is_welcome(tx: Tx, child: Status, parent: Status) -> bool:
    """Tell whether a reply that came before what it answers would have been let in after it."""
    if is_open(parent, "reply"):
        return True
    author = await tx.get(Account, child.account_id)
    assert author is not None
    answer = await judge(tx, "reply", author, parent)
    return answer.verdict == "automatic" and (answer.proven or parent.local)


async def _join(tx: Tx, parent: Status, child: Status) -> None:
    """Make the child's conversation the parent's, and its thread too where it continues the parent's."""
    at = place(child.id, child.account_id, parent)
    part, whole = child.conversation_id, parent.conversation_id
    if part != whole:
        if await _has_its_beginning(tx, child):
            await _take_along(tx, child, whole)
        else:
            await attention.joined(tx, part, whole)
            await merge(tx, part, whole)
        await direct.joined(tx, part, whole)
        news.came(tx, child.id, whole)
    if at.thread_id != child.thread_id and child.thread_position == 1 and at.thread_position > 1:
        length = parent.thread_position + child.thread_length
        await tx.execute(
            update(Status)
            .where(Status.thread_id == child.thread_id)
            .values(thread_id=at.thread_id, thread_position=Status.thread_position + parent.thread_position)
        )
        await lengthen(tx, at.thread_id, length)


async def _has_its_beginning(tx: Tx, child: Status) -> bool:
    """Tell whether the conversation a reply was put in begins with a post that answers nothing.

    Then it is whole at the top and no part of another: somebody had their reply put there by claims, and
    it belongs elsewhere. Or one reply and a post that appears late would carry off all that others wrote.
    Of a beginning that was deleted its place is known, and counts as much.
    """
    began = Status.id == child.conversation_id, Status.in_reply_to_uri.is_(None)
    if await tx.scalar(select(exists().where(*began))):
        return True
    return await missing.began(tx, child.conversation_id)


async def _take_along(tx: Tx, child: Status, conversation_id: int) -> None:
    """Move a reply and what hangs below it to another conversation."""
    level, moved = [child.id], {child.id}
    while level and len(moved) < MAX_MOVED:
        below = await tx.scalars(
            select(Status.id).where(Status.in_reply_to_id.in_(level)).order_by(Status.id).limit(MAX_MOVED)
        )
        level = [id_ for id_ in below if id_ not in moved]
        moved |= set(level)
    await tx.execute(
        update(Status)
        .where(Status.id.in_(moved))
        .values(conversation_id=conversation_id)
        .execution_options(synchronize_session="fetch")
    )
