"""What other servers' people do with posts that have a policy: let in, held for the author, or dropped.

This is the way of those who do not ask first ("impolite" in GoToSocial's words, which is nearly
everybody): the reply, Like or Announce itself comes. It is judged as if it were a request for itself.
"""

from collections.abc import Mapping
from typing import Any, Final

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import Somebody
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.threads.judging import is_open, judge
from fedispace.threads.known import Post
from fedispace.threads.models import InteractionRequest
from fedispace.threads.policies import Kind
from fedispace.threads.requests import Requests, entry

ANSWER: Final = "interactions.answer"


class Holding:
    """Stands between what arrives and the posts it is for."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, notifier: Notifier, jobs: Jobs) -> None:
        self._jobs = jobs
        self._requests = Requests(ids, clock, addresses, notifier)

    async def holds_reply(self, tx: Tx, parent: Post, author_id: int, uri: str) -> bool:
        """Tell whether a reply that arrives has to wait; raises `Refused` when it is not wanted."""
        if parent.pending_approval:
            return True
        if is_open(parent, "reply"):
            return False
        by = await tx.get(Account, author_id)
        assert by is not None
        return await self.holds(tx, "reply", by, parent, uri)

    async def holds(
        self,
        tx: Tx,
        kind: Kind,
        by: Somebody,
        status: Post,
        uri: str,
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> bool:
        """Tell whether what `by` did is held; raises `Refused` when the author does not want it.

        On another server's post it is held until that server's word is seen, where a word is needed.
        """
        answer = await judge(tx, kind, by, status)
        if not status.local:
            if answer.verdict == "refused":
                raise _unwanted()
            return answer.verdict == "manual" or not answer.proven
        known = await entry(tx, kind, status.id, uri)
        if known is not None and known.state in ("rejected", "revoked"):
            raise _unwanted()
        if known is not None:
            return known.state == "pending"
        if answer.verdict == "refused":
            raise _unwanted()
        if answer.verdict == "automatic":
            if not answer.proven:
                await self._let_in(tx, kind, by, status, uri)
            return False
        await self._requests.enter(tx, kind, status, by, uri, extra=extra)
        return True

    async def tell(self, tx: Tx, kind: Kind, status: Post, uri: str, subject: int) -> None:
        """Tell the author of a post of ours that something is held; `subject` is the post to show."""
        known = await entry(tx, kind, status.id, uri) if status.local else None
        if known is not None and known.state == "pending":
            await self._requests.tell(tx, known, subject)

    async def withdrawn(self, tx: Tx, by_id: int, uri: str) -> bool:
        """Forget what waits and is taken back by whoever did it; tell whether it waited."""
        return await self._requests.withdraw(tx, by_id, uri)

    async def _let_in(self, tx: Tx, kind: Kind, by: Somebody, status: Post, uri: str) -> None:
        owner = await tx.get(Account, status.account_id)
        assert owner is not None
        known = await self._requests.enter(tx, kind, status, by, uri)
        await self._requests.grant(tx, known, owner)
        await enqueue_answer(tx, self._jobs, known)


async def enqueue_answer(tx: Tx, jobs: Jobs, known: InteractionRequest) -> None:
    """Have the answer to an entry of the queue sent."""
    await jobs.enqueue(tx, ANSWER, {"request": known.id}, unique_key=f"{ANSWER} {known.id}")


def _unwanted() -> Refused:
    return Refused("not_allowed", "The author of that post does not want it.", status=202)
