"""A thread goes on: what a new post answers, where a thread ends, how long it has become."""

from sqlalchemy import select, update

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.threads.models import Status
from fedispace.threads.visibility import require_visible


async def answered_by(tx: Tx, author: Account, status_id: int | None) -> Status | None:
    """Return the post that a new one answers; an answer to a boost answers what it passes on."""
    if status_id is None:
        return None
    status = await require_visible(tx, author.id, status_id)
    if status.boost_of_id is not None:
        status = await require_visible(tx, author.id, status.boost_of_id)
    return status


async def last_of_thread(tx: Tx, status: Status) -> Status:
    """Return the last post of the thread a post belongs to: an answer to it continues the thread."""
    found = await tx.scalars(
        select(Status)
        .where(Status.thread_id == status.thread_id, Status.account_id == status.account_id)
        .order_by(Status.thread_position.desc(), Status.id.desc())
        .limit(1)
    )
    return found.one()


async def lengthen(tx: Tx, added: list[Status], parent: Status) -> None:
    """Tell the earlier posts of a thread that was continued how long it has become."""
    if added[0].thread_id == parent.thread_id:
        await tx.execute(
            update(Status)
            .where(Status.thread_id == parent.thread_id)
            .values(thread_length=added[-1].thread_position)
        )
