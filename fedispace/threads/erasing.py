"""Removing everything somebody wrote and liked, a batch at a time, when their account is deleted."""

from typing import Final

from sqlalchemy import delete, select, update

from fedispace.accounts.notifications import Notifier
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.threads import counts
from fedispace.threads.boost import withdraw
from fedispace.threads.models import Favourite, Status
from fedispace.threads.removal import remove

POSTS: Final = 50
LIKES: Final = 200


class Erasing:
    """Erases posts with all their traces, and takes likes off what they counted for."""

    def __init__(self, clock: Clock, notifier: Notifier) -> None:
        self._clock = clock
        self._notifier = notifier

    async def posts(self, tx: Tx, account_id: int) -> bool:
        """Remove some posts, the newest first; tell whether there are more."""
        rows = await tx.scalars(
            select(Status).where(Status.account_id == account_id).order_by(Status.id.desc()).limit(POSTS)
        )
        posts = rows.all()
        await tx.execute(
            update(Status)
            .where(Status.in_reply_to_id.in_([post.id for post in posts]))
            .values(in_reply_to_account_id=None)
            .execution_options(synchronize_session="fetch")
        )
        for post in posts:
            original = None if post.boost_of_id is None else await tx.get(Status, post.boost_of_id)
            if original is None:
                await remove(tx, self._clock, post)
            else:
                await withdraw(tx, self._notifier, post, original)
        return len(posts) == POSTS

    async def likes(self, tx: Tx, account_id: int) -> bool:
        """Take some likes back; tell whether there are more."""
        rows = await tx.execute(
            select(Favourite.id, Favourite.status_id).where(Favourite.account_id == account_id).limit(LIKES)
        )
        likes = rows.all()
        for _, status_id in likes:
            await counts.unfavourited(tx, status_id)
        await tx.execute(delete(Favourite).where(Favourite.id.in_([id_ for id_, _ in likes])))
        return len(likes) == LIKES
