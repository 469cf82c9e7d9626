"""What stands before and after a post: ancestors, replies as a tree, and the posts of one thread."""

from collections import defaultdict
from datetime import datetime
from typing import Final

from sqlalchemy import and_, or_, select

from fedispace.db.engine import Tx
from fedispace.threads import missing
from fedispace.threads.models import Status
from fedispace.threads.tree import Node, Order, grow
from fedispace.threads.visibility import unmuted, visible, wanted

MAX_ANCESTORS: Final = 200
MAX_DESCENDANTS: Final = 500
MAX_POSTS: Final = 1000
_DEPTH: Final = 50


async def ancestors(
    tx: Tx, viewer_id: int | None, status: Status, limit: int = MAX_ANCESTORS
) -> list[Status]:
    """Return the posts this one answers, the root first; it ends where the viewer may not look."""
    steps = (
        select(Status.id, Status.in_reply_to_id)
        .where(Status.id == status.in_reply_to_id)
        .cte("ancestry", recursive=True)
    )
    steps = steps.union(select(Status.id, Status.in_reply_to_id).where(Status.id == steps.c.in_reply_to_id))
    found = {
        parent.id: parent
        for parent in await tx.scalars(
            select(Status).where(Status.id.in_(select(steps.c.id).limit(limit)), visible(viewer_id))
        )
    }
    chain: list[Status] = []
    parent = found.pop(status.in_reply_to_id or 0, None)
    while parent is not None:
        chain.append(parent)
        parent = found.pop(parent.in_reply_to_id or 0, None)
    return chain[::-1]


async def descendants(
    tx: Tx, viewer_id: int | None, status: Status, now: datetime, limit: int = MAX_DESCENDANTS
) -> list[Status]:
    """Return the replies below this post in the order of a walk through the tree.

    Under each post the author's own continuation of it comes first, then the others by age. What
    hangs below a post the viewer may not see, or of somebody they block or mute, is left out with it.
    Two posts that claim to answer each other make no endless walk.
    """
    children: defaultdict[int, list[Status]] = defaultdict(list)
    level, room, seen = [status.id], limit, {status.id}
    for _ in range(_DEPTH):
        if not level or room <= 0:
            break
        rows = await tx.scalars(
            select(Status)
            .where(
                Status.in_reply_to_id.in_(level),
                wanted(viewer_id),
                unmuted(viewer_id, now),
                visible(viewer_id),
            )
            .order_by(Status.id)
            .limit(room)
        )
        below = [reply for reply in rows if reply.id not in seen]
        seen |= {reply.id for reply in below}
        for reply in below:
            assert reply.in_reply_to_id is not None
            children[reply.in_reply_to_id].append(reply)
        level = [reply.id for reply in below]
        room -= len(below)
    return _walk(status, children)


def _walk(root: Status, children: dict[int, list[Status]]) -> list[Status]:
    ordered: list[Status] = []
    stack = [root]
    while stack:
        post = stack.pop()
        if post is not root:
            ordered.append(post)
        replies = children.get(post.id, [])
        replies.sort(key=lambda reply: (reply.account_id != post.account_id, reply.id))
        stack.extend(reversed(replies))
    return ordered


async def thread_posts(tx: Tx, viewer_id: int | None, status: Status) -> list[Status]:
    """Return the thread the post belongs to, first post first."""
    rows = await tx.scalars(
        select(Status)
        .where(Status.thread_id == status.thread_id, visible(viewer_id))
        .order_by(Status.thread_position, Status.id)
        .limit(MAX_DESCENDANTS)
    )
    return list(rows)


async def whole(
    tx: Tx, viewer_id: int | None, status: Status, now: datetime, order: Order = "oldest"
) -> list[Node]:
    """Return the conversation around a post as trees, with the places of what was deleted or not had.

    The post itself, and the thread it is part of, are there even when its author is muted.
    """
    rows = await tx.scalars(
        select(Status)
        .where(
            Status.conversation_id == status.conversation_id,
            Status.boost_of_id.is_(None),
            or_(and_(wanted(viewer_id), unmuted(viewer_id, now)), Status.thread_id == status.thread_id),
            visible(viewer_id),
        )
        .order_by(Status.id)
        .limit(MAX_POSTS)
    )
    return grow(rows.all(), await missing.of_conversation(tx, status.conversation_id), order)
