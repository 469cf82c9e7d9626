"""Removing everything somebody wrote and liked, a batch at a time, when their account is deleted."""

from typing import Final

from sqlalchemy import delete, select, update

from fedispace.accounts.notifications import Notifier
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.queue.jobs import Jobs
from fedispace.threads import counts
from fedispace.threads.boost import withdraw
from fedispace.threads.models import Favourite, PollVote, Reaction, Status
from fedispace.threads.polls import locked
from fedispace.threads.removal import remove
from fedispace.threads.votes import tell_later

POSTS: Final = 50
LIKES: Final = 200


class Erasing:
    """Erases posts with all their traces, and takes likes and votes off what they counted for."""

    def __init__(self, clock: Clock, notifier: Notifier, jobs: Jobs) -> None:
        self._clock = clock
        self._jobs = jobs
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

    async def reactions(self, tx: Tx, account_id: int) -> bool:
        """Take some emoji reactions back; tell whether there are more."""
        some = select(Reaction.id).where(Reaction.account_id == account_id).limit(LIKES)
        gone = await tx.scalars(
            delete(Reaction).where(Reaction.id.in_(some)).returning(Reaction.id),
            execution_options={"synchronize_session": False},
        )
        return len(gone.all()) == LIKES

    async def votes(self, tx: Tx, account_id: int) -> bool:
        """Take the votes in one poll back; tell whether there may be more.

        A poll of ours counts them no longer, and its news are told. Of another server's its author counts.
        """
        poll_id = await tx.scalar(
            select(PollVote.poll_id).where(PollVote.account_id == account_id).order_by(PollVote.id).limit(1)
        )
        poll = None if poll_id is None else await locked(tx, poll_id)
        if poll is None:
            return False
        chosen = await tx.scalars(
            delete(PollVote)
            .where(PollVote.account_id == account_id, PollVote.poll_id == poll.id)
            .returning(PollVote.choice),
            execution_options={"synchronize_session": False},
        )
        choices = set(chosen.all())
        status = await tx.get(Status, poll.id)
        if status is not None and status.local:
            poll.tallies = [max(0, n - (choice in choices)) for choice, n in enumerate(poll.tallies)]
            if poll.voters_count:
                poll.voters_count -= 1
            await tx.flush()
            await tell_later(tx, self._jobs, poll, self._clock.now())
        return True
