"""Telling those who asked for it of a new post: followers with the bell on, followers of the conversation.

They may be many, so they are told by a job, some at a time; the transaction that stores a post only
looks whether there is anybody. Each notice passes the gate as any other does: who may not see the post
never hears of it.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import CompoundSelect, bindparam, exists, or_, select

from fedispace.accounts.models import Follow
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Database, Tx
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads.models import ConversationFollow, Mention, Status

TELL: Final = "threads.tell_of_post"
_AT_ONCE: Final = 100
_follows: Final = table_of(Follow).c
_conversations: Final = table_of(ConversationFollow).c
_posts: Final = table_of(Status).c


def _listeners() -> CompoundSelect[int]:
    """Select who wants to hear of a post by `author` in `conversation`, by id above `after`.

    Followers with the bell on hear of what is `news`: no replies to others, and the first post of a
    thread only.
    """
    author, after = bindparam("author", type_=BigId), bindparam("after", type_=BigId)
    conversation, news = bindparam("conversation", type_=BigId), bindparam("news", type_=BigId)
    begun_by_author = exists().where(_posts.id == conversation, _posts.account_id == author)
    belled = select(_follows.account_id).where(
        _follows.target_id == author,
        _follows.notify.is_(True),
        _follows.accepted.is_(True),
        _follows.account_id > after,
        news == 1,
    )
    following = select(_conversations.account_id).where(
        _conversations.conversation_id == conversation,
        _conversations.account_id > after,
        _conversations.account_id != author,
        or_(_conversations.author_only.is_(False), begun_by_author),
    )
    return belled.union(following)


_LISTENERS: Final = _listeners().order_by("account_id").limit(_AT_ONCE)
_ANYBODY: Final = select(exists(_listeners().subquery().select()))


async def tell(
    tx: Tx, jobs: Jobs, *, status_id: int, author_id: int, conversation_id: int, is_news: bool
) -> None:
    """Have those who asked for it told of a post that was just stored."""
    asked = {"author": author_id, "conversation": conversation_id, "news": int(is_news), "after": 0}
    if (await tx.core(_ANYBODY, asked)).scalar_one():
        arguments = {"status": status_id, "news": is_news}
        await jobs.enqueue(tx, TELL, arguments, unique_key=f"{TELL} {status_id}")


class Telling:
    """Runs the job."""

    def __init__(self, db: Database, people: People, notifier: Notifier) -> None:
        self._db = db
        self._people = people
        self._notifier = notifier

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {TELL: self.tell}

    async def tell(self, arguments: Arguments) -> None:
        """Tell everybody who asked for it; a post that is gone meanwhile is told to nobody."""
        after: int | None = 0
        while after is not None:
            async with self._db.transaction() as tx:
                status = await tx.get(Status, int(arguments["status"]))
                after = None if status is None else await self._some(tx, status, after, arguments["news"])

    async def _some(self, tx: Tx, status: Status, after: int, news: Any) -> int | None:
        """Tell the next few, but not who is named and so told already; return where to go on."""
        asked = {
            "author": status.account_id,
            "conversation": status.conversation_id,
            "news": int(bool(news)),
            "after": after,
        }
        ids = list((await tx.core(_LISTENERS, asked)).scalars())
        named = set(
            await tx.scalars(
                select(Mention.account_id).where(Mention.status_id == status.id, Mention.silent.is_(False))
            )
        )
        people = await self._people.by_ids(tx, set(ids) - named)
        for account in people.values():
            await self._notifier.notify(
                tx, to=account, type="status", by_id=status.account_id, subject=status.id
            )
        return ids[-1] if len(ids) == _AT_ONCE else None
