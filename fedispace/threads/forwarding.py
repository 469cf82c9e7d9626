"""Passes replies on to those who follow the one they answer (ActivityPub section 7.1.2).

Who follows alice reads her post, but a reply to it goes to the followers of whoever wrote it: without
forwarding each server sees another part of the conversation. So a public reply to a post of ours, its
edits and its deletion go on to the servers of our author's followers, to the byte as they came.

Only what proves itself (FEP-8b32) is passed on; anything else would have to be fetched by each of those
servers anyway. It happens once, in the transaction that stores the reply: a repeat does not come that
far, and at the next server the reply answers nobody's post, or a post of ours. What was not kept here
(its author is blocked, say) is not passed on. `AT_MOST` per hour and author bounds what a stranger who
answers a popular person can make us send, and for deletions twice that. A reply that was for some only
is not passed on, nor is its end.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from fedispace import strictjson
from fedispace.accounts.relationships import is_blocked
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import FedispaceError
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import OutboxItem
from fedispace.federation.outbox import FORWARDED, Outbox
from fedispace.federation.verify import Verifier
from fedispace.federation.vocab.activities import Activity, Create, Delete, Update
from fedispace.federation.vocab.objects import Note
from fedispace.ids import id_at
from fedispace.threads import held_replies
from fedispace.threads.audience import is_distributable, visibility_from
from fedispace.threads.models import Status

AT_MOST: Final = 200
WITHIN: Final = timedelta(hours=1)


class Forwarding:
    """Decides what is passed on, and to whose followers."""

    def __init__(self, verifier: Verifier, outbox: Outbox, addresses: Addresses, clock: Clock) -> None:
        self._verifier = verifier
        self._outbox = outbox
        self._addresses = addresses
        self._clock = clock

    async def is_proven(self, activity: Activity, body: bytes) -> bool:
        """Tell whether this may be something to pass on; asked with no transaction open.

        Nearly everything is not, which costs a look for one word.
        """
        if b'"proof"' not in body or not self._may_be_about_ours(activity):
            return False
        try:
            await self._verifier.require_proof(strictjson.loads(body), activity)
        except FedispaceError:
            return False
        return True

    async def answered(self, tx: Tx, activity: Activity) -> int | None:
        """Return which of our people the reply answers in public; asked before it is applied."""
        parent = aliased(Status)
        is_ours = parent.local.is_(True) & parent.visibility.in_(("public", "unlisted"))
        if isinstance(activity, Delete):
            reply = (
                select(Status.in_reply_to_id)
                .where(
                    Status.uri == activity.object,
                    Status.visibility.in_(("public", "unlisted")),
                    Status.pending_approval.is_(False),
                )
                .scalar_subquery()
            )
            return await tx.scalar(select(parent.account_id).where(parent.id == reply, is_ours))
        note = _note_of(activity)
        if note is None or note.in_reply_to is None:
            return None
        return await tx.scalar(select(parent.account_id).where(parent.uri == note.in_reply_to, is_ours))

    async def forward(self, tx: Tx, author_id: int, activity: Activity, body: bytes) -> None:
        """Send the activity on to the followers of `author_id`, once it is applied."""
        most = AT_MOST
        if isinstance(activity, Delete):
            most *= 2  # what was passed on shall not stay because of what others had passed on since
        else:
            note = _note_of(activity)
            if note is None:
                return
            if not await self._is_welcome(tx, author_id, note):
                await self._remember(tx, note, activity, body)
                return
        if not await self._has_had_enough(tx, author_id, most):
            await self._outbox.forward(tx, author_id, activity, body)

    def _may_be_about_ours(self, activity: Activity) -> bool:
        if isinstance(activity, Delete):
            return True
        note = _note_of(activity)
        return note is not None and note.in_reply_to is not None and self._addresses.is_ours(note.in_reply_to)

    async def _is_welcome(self, tx: Tx, author_id: int, note: Note) -> bool:
        """Tell whether the reply was let in, is for everybody, and is nobody's whom the author blocks."""
        if not is_distributable(visibility_from(note.to, note.cc, None)):
            return False
        kept = (
            await tx.execute(
                select(Status.visibility, Status.account_id).where(
                    Status.uri == note.id, Status.pending_approval.is_(False)
                )
            )
        ).one_or_none()
        if kept is None or not is_distributable(kept.visibility):
            return False
        return not await is_blocked(tx, by=author_id, target=kept.account_id)

    async def _remember(self, tx: Tx, note: Note, activity: Activity, body: bytes) -> None:
        """Keep the bytes of a reply that waits to be let in: it is passed on then."""
        answers = await tx.scalar(
            select(Status.in_reply_to_id).where(Status.uri == note.id, Status.pending_approval.is_(True))
        )
        if answers is not None and isinstance(activity, Create | Update):
            await held_replies.remember(tx, answers, note.id, body)

    async def _has_had_enough(self, tx: Tx, author_id: int, most: int) -> bool:
        passed_on = await tx.scalar(
            select(func.count())
            .select_from(OutboxItem)
            .where(
                OutboxItem.actor_id == author_id,
                OutboxItem.public.is_(False),
                OutboxItem.id >= id_at(self._clock.now() - WITHIN),
                OutboxItem.uri.startswith(FORWARDED),
            )
        )
        return (passed_on or 0) >= most


def _note_of(activity: Activity) -> Note | None:
    if isinstance(activity, Create | Update) and isinstance(activity.object, Note):
        return activity.object
    return None
