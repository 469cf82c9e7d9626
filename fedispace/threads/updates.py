"""Telling others the present state of a post of ours: after an edit, and when a poll was voted on.

Everybody who has it is told: followers, those it names, and, when everybody may read it, those who
boosted, liked or answered it or voted, because their servers have it on their account. A post that is
not for everybody goes to those who are addressed now, or an edit would tell a former follower what it
says today. A reply that has yet to be let in is told to whoever decides on it alone. Nobody is told
whom the author has blocked.
"""

from typing import Final

from sqlalchemy import exists, select

from fedispace.accounts.models import Account, Block
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Update
from fedispace.ids import Ids
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Mention, PollVote, Status
from fedispace.threads.polls import poll_of, poll_on_the_wire
from fedispace.threads.removal import told_of
from fedispace.threads.wire import note_of

MAX_VOTERS: Final = 5000


class Updates:
    """Sends the `Update` of a post."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, outbox: Outbox) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox

    async def send(self, tx: Tx, status: Status, author: Account) -> None:
        """Send the post as it is now."""
        named = list(
            await tx.scalars(
                select(Account)
                .join(Mention, Mention.account_id == Account.id)
                .where(Mention.status_id == status.id, Mention.silent.is_(False))
                .order_by(Account.id)
            )
        )
        poll = await poll_of(tx, status)
        now = self._clock.now()
        note = note_of(
            status,
            author,
            named,
            self._addresses,
            poll=None if poll is None else poll_on_the_wire(poll, now),
        )
        update = Update(
            id=self._addresses.activity(self._ids.next()),
            actor=note.attributed_to,
            object=note,
            to=note.to,
            cc=note.cc,
            published=now,
        )
        await self._outbox.send(tx, author.id, update, await audience_of(tx, status))


async def audience_of(tx: Tx, status: Status) -> Audience:
    """Return whom the news of a post of ours are for."""
    if status.pending_approval:
        decides = status.in_reply_to_account_id
        return Audience(actors=() if decides is None else (decides,))
    everybody = is_distributable(status.visibility)
    told = set(
        await tx.scalars(
            select(Mention.account_id).where(Mention.status_id == status.id, Mention.silent.is_(False))
        )
    )
    if everybody:
        told |= {*await told_of(tx, status), *await _voters(tx, status.id)}
    blocked = set(await tx.scalars(select(Block.target_id).where(Block.account_id == status.account_id)))
    followers = status.visibility != "direct"
    return Audience(public=everybody, followers=followers, actors=tuple(sorted(told - blocked)))


async def _voters(tx: Tx, poll_id: int) -> list[int]:
    rows = await tx.scalars(
        select(Account.id)
        .where(
            exists().where(PollVote.poll_id == poll_id, PollVote.account_id == Account.id),
            Account.domain != "",
        )
        .limit(MAX_VOTERS)
    )
    return list(rows)
