"""Quotes as they arrive and as they end: what a post says it quotes, until that is seen to be allowed.

A quote that arrives is `pending` and shows nothing. It is shown when leave is seen: the quoted post is
the same author's, or names them (FEP-044f), or the authorization it states was fetched from the server of
the quoted author and is about this very quote. That takes fetching, so a job does it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import aliased

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.clock import Clock
from fedispace.db.base import BigId
from fedispace.db.engine import Tx
from fedispace.federation.vocab.objects import Note
from fedispace.queue.jobs import Jobs
from fedispace.threads import counts, requests
from fedispace.threads.known import Post
from fedispace.threads.models import Status

VERIFY: Final = "quotes.verify"
VERIFY_REPLY: Final = "replies.verify"
VERIFY_AGAIN: Final = "quotes.verify_again"
GOOD_FOR: Final = timedelta(days=1)
"""How long an authorization is believed before it is looked at again."""
MAX_AGAIN: Final = 20
MAX_DEPTH: Final = 3
"""How many quotes of quotes are fetched on account of one post."""
MAX_TOLD: Final = 500
_OUR_QUOTES: Final = (
    select(Status.id, Status.account_id)
    .join(Account, Account.id == Status.account_id)
    .where(
        Status.quote_of_id == bindparam("post", type_=BigId),
        Status.quote_state == "accepted",
        Account.domain == "",
    )
    .limit(MAX_TOLD)
)


async def arrived(tx: Tx, jobs: Jobs, status_id: int, note: Note, depth: int) -> None:
    """Have the quote of a post that was just stored looked into."""
    if note.quote is not None and depth < MAX_DEPTH:
        await enqueue(tx, jobs, status_id, note, depth)


async def enqueue(tx: Tx, jobs: Jobs, status_id: int, note: Note, depth: int = 0) -> None:
    """Have a quote verified by what the note says proves it."""
    await jobs.enqueue(
        tx,
        VERIFY,
        {"status": status_id, "quoted": note.quote, "proof": note.quote_authorization, "depth": depth},
        unique_key=f"{VERIFY} {status_id} {note.quote_authorization}",
    )


async def stale(tx: Tx, conversation_id: int, now: datetime) -> list[int]:
    """Return the posts of a conversation whose leave to quote was last looked at some time ago."""
    quoted = aliased(Status)
    rows = await tx.scalars(
        select(Status.id)
        .join(quoted, quoted.id == Status.quote_of_id)
        .where(
            Status.conversation_id == conversation_id,
            Status.quote_state == "accepted",
            Status.quote_approved_by.is_not(None),
            quoted.local.is_(False),
            or_(Status.quote_verified_at.is_(None), Status.quote_verified_at < now - GOOD_FOR),
        )
        .order_by(Status.id)
        .limit(MAX_AGAIN)
    )
    return list(rows)


async def verify_again(tx: Tx, jobs: Jobs, status_ids: Iterable[int]) -> None:
    """Have it asked whether quotes are still allowed."""
    for id_ in status_ids:
        await jobs.enqueue(tx, VERIFY_AGAIN, {"status": id_}, unique_key=f"{VERIFY_AGAIN} {id_}")


async def enqueue_reply(tx: Tx, jobs: Jobs, status_id: int, proof: str) -> None:
    """Have the authorization of a reply that waits looked at."""
    await jobs.enqueue(
        tx,
        VERIFY_REPLY,
        {"status": status_id, "proof": proof},
        unique_key=f"{VERIFY_REPLY} {status_id} {proof}",
    )


async def restated(tx: Tx, jobs: Jobs, status: Status, note: Note) -> None:
    """Take over what a newer state of a post says of its quote; counts as its author's word only."""
    if note.quote is None:
        if status.quote_state == "accepted":
            await counts.unquoted(tx, status.quote_of_id, status.visibility)
        if status.quote_state in ("accepted", "pending"):
            status.quote_state = "revoked" if status.quote_state == "accepted" else None
            status.quote_approved_by = None
            if status.quote_state is None:
                status.quote_uri = status.quote_of_id = None
        await tx.flush()
        return
    if note.quote != status.quote_uri:
        if status.quote_state == "accepted":
            await counts.unquoted(tx, status.quote_of_id, status.visibility)
        status.quote_uri, status.quote_of_id = note.quote, None
        status.quote_state, status.quote_approved_by = "pending", None
        await tx.flush()
        await enqueue(tx, jobs, status.id, note)
    elif note.quote_authorization and note.quote_authorization != status.quote_approved_by:
        await enqueue(tx, jobs, status.id, note)


async def quoted_is_gone(tx: Tx, clock: Clock, status: Post) -> None:
    """Remember of the quotes of a deleted post that there was one; what was let in with it is over."""
    await requests.forget_target(tx, clock, status.id)
    await tx.execute(
        update(Status)
        .where(Status.quote_of_id == status.id, Status.quote_state.in_(("accepted", "pending")))
        .values(quote_of_id=None, quote_state="deleted", quote_approved_by=None)
        .execution_options(synchronize_session="fetch")
    )


async def quote_is_gone(tx: Tx, clock: Clock, status: Post) -> None:
    """Take a deleted post off what it quoted, and out of the queues it stands in."""
    if status.quote_state == "accepted":
        await counts.unquoted(tx, status.quote_of_id, status.visibility)
    await requests.forget(tx, clock, status.uri)


async def tell_of_edit(tx: Tx, notifier: Notifier, quoted: Status) -> None:
    """Tell our people who quote a post that it was edited; what is shown to them is their own post."""
    for status_id, account_id in (await tx.core(_OUR_QUOTES, {"post": quoted.id})).all():
        await notifier.notify_ours(
            tx, to_id=account_id, type="quoted_update", by_id=quoted.account_id, subject=status_id
        )
