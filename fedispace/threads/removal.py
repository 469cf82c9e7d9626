"""Removing a post that is deleted, ours or another server's: the same traces have to go."""

from typing import Final

from sqlalchemy import Select, String, bindparam, delete, exists, select, update

from fedispace.accounts.models import Account, Notification
from fedispace.clock import Clock
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.db.removing import take_out
from fedispace.federation.outbox import unsay
from fedispace.federation.tombstones import bury
from fedispace.threads import counts, direct, missing, news, quotes
from fedispace.threads.audience import is_distributable
from fedispace.threads.known import Post
from fedispace.threads.models import Favourite, InteractionRequest, Mention, Reaction, Status
from fedispace.threads.requests import PENDING_NOTICE

MAX_TOLD: Final = 5000
_OF_POSTS: Final = (
    *("mention", "status", "reblog", "favourite", "poll", "update", "pleroma:emoji_reaction"),
    *("quote", "quoted_update", *PENDING_NOTICE.values()),
)


def _traces() -> Select[bool, bool, bool, bool, bool, bool]:
    post, uri = bindparam("post", type_=BigId), bindparam("uri", type_=String())
    other = table_of(Status).alias("other").c
    notices, entries = table_of(Notification).c, table_of(InteractionRequest).c
    return select(
        exists().where(other.in_reply_to_id == post).label("answered"),
        exists().where(other.boost_of_id == post).label("boosted"),
        exists().where(other.quote_of_id == post).label("quoted"),
        exists().where(notices.subject == post).label("told_of"),
        exists().where(entries.uri == uri).label("entered"),
        exists().where(entries.status_id == post).label("asked"),
    )


_TRACES: Final = _traces()
"""What a post left behind: most left nothing, and so nothing has to be cleared away."""


async def remove(tx: Tx, clock: Clock, status: Post) -> None:
    """Remove a post, the boosts of it, what was told about it, and its place in its thread.

    Replies stay; they keep the address of what they answered. A tombstone stands at the post's id, so
    that no late Create brings it back and a GET of ours answers 410; but not where strangers were
    never to know of it.
    """
    if not status.local or is_distributable(status.visibility):
        await bury(tx, clock, status.uri, status.type)
    await tx.flush()
    traces = (await tx.core(_TRACES, {"post": status.id, "uri": status.uri})).one()
    if traces.answered:
        await missing.leave_a_place(tx, status, clock.now())
    if traces.boosted:
        await _uncount_boosts(tx, status)
    if traces.answered:
        await tx.execute(
            update(Status)
            .where(Status.in_reply_to_id == status.id)
            .values(in_reply_to_id=None)
            .execution_options(synchronize_session="fetch")
        )
    if traces.told_of:
        await tx.execute(
            delete(Notification).where(Notification.subject == status.id, Notification.type.in_(_OF_POSTS))
        )
    if traces.quoted or traces.asked:
        await quotes.quoted_is_gone(tx, clock, status)
    if traces.entered or status.quote_uri is not None:
        await quotes.quote_is_gone(tx, clock, status)
    await take_out(tx, Status, status.id)
    news.gone(tx, status)
    await unsay(tx, status.uri)
    if status.visibility == "direct" and status.boost_of_id is None:
        await direct.recount(tx, status.conversation_id)
    if not status.pending_approval:
        await counts.unanswered(tx, status.in_reply_to_id, status.visibility)
    await counts.removed(tx, status.account_id, status.visibility)
    if status.thread_length > 1 or status.thread_id != status.id:
        await _close_ranks(tx, status.thread_id)


async def _uncount_boosts(tx: Tx, status: Post) -> None:
    boosted_by = select(Status.account_id).where(
        Status.boost_of_id == status.id, Status.visibility != "direct"
    )
    await tx.execute(
        update(Account)
        .where(Account.id.in_(boosted_by), Account.statuses_count > 0)
        .values(statuses_count=Account.statuses_count - 1)
        .execution_options(synchronize_session=False)
    )


async def told_of(tx: Tx, status: Status) -> tuple[int, ...]:
    """Return the accounts whose servers have the post because of them: they must hear of its end.

    Those it names, those who boosted, liked or reacted to it, those who answered or quote it, and whom
    it quotes.
    """
    has_it = (
        select(Mention.account_id)
        .where(Mention.status_id == status.id)
        .union(
            select(Status.account_id).where(Status.boost_of_id == status.id),
            select(Status.account_id).where(Status.in_reply_to_id == status.id),
            select(Status.account_id).where(Status.quote_of_id == status.id),
            select(Status.account_id).where(Status.id == status.quote_of_id),
            select(Favourite.account_id).where(Favourite.status_id == status.id),
            select(Reaction.account_id).where(Reaction.status_id == status.id),
        )
        .subquery()
    )
    rows = await tx.scalars(
        select(Account.id)
        .where(exists().where(has_it.c.account_id == Account.id), Account.domain != "")
        .limit(MAX_TOLD)
    )
    return tuple(rows)


async def _close_ranks(tx: Tx, thread_id: int) -> None:
    """Number the posts that are left of a thread anew; it is called by its first post."""
    rows = await tx.scalars(
        select(Status).where(Status.thread_id == thread_id).order_by(Status.thread_position, Status.id)
    )
    left = rows.all()
    for position, post in enumerate(left, 1):
        post.thread_id = left[0].id
        post.thread_position = position
        post.thread_length = len(left)
    await tx.flush()
