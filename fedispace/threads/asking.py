"""Our own people ask for leave: of somebody here, whose queue it enters, or of another server.

What needs none is done at once and never comes here. What waits is not shown and not sent to anybody
but the one who is asked: a reply, a favourite, a boost. Only a quote is published while it waits, as a
post that shows nothing of what it quotes.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Conflict, Forbidden
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Announce, InteractionRequest, Like, Undo
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.threads import counts
from fedispace.threads.audience import is_distributable
from fedispace.threads.judging import judge
from fedispace.threads.models import InteractionRequest as Entry
from fedispace.threads.models import Status
from fedispace.threads.policies import Answer, Kind
from fedispace.threads.requests import REQUEST_TYPE, Requests
from fedispace.threads.visibility import require_visible

WAITS: Final = "That reply has yet to be let in itself."
_REFUSALS: Mapping[str, str] = {
    "reply": "The author of this post takes no replies from you.",
    "quote": "The author of this post does not let you quote it.",
    "favourite": "The author of this post takes no likes from you.",
    "boost": "The author of this post does not let you boost it.",
}


class Asking:
    """Asks, and knows when there is no need to."""

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
    ) -> None:
        self._ids = ids
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._people = people
        self._requests = Requests(ids, clock, addresses, notifier)

    async def may(self, tx: Tx, kind: Kind, by: Account, status: Status) -> Answer:
        """Return the verdict on what `by` wants to do; raises `Forbidden` when it is no."""
        answer = await judge(tx, kind, by, status)
        if answer.verdict == "refused":
            raise Forbidden(_REFUSALS[kind])
        return answer

    async def may_reply(self, tx: Tx, by: Account, parent: Status) -> Answer:
        """Return the verdict on a reply. Nothing hangs on a reply that waits itself (GoToSocial)."""
        if parent.pending_approval:
            raise Conflict(WAITS)
        return await self.may(tx, "reply", by, parent)

    async def quotable(self, tx: Tx, by: Account, status_id: int) -> tuple[Status, Answer]:
        """Return what `by` quotes and the verdict on it; raises `NotFound` or `Forbidden`."""
        status = await require_visible(tx, by.id, status_id)
        if status.boost_of_id is not None:
            status = await require_visible(tx, by.id, status.boost_of_id)
        if status.pending_approval:
            raise Forbidden(WAITS)
        return status, await self.may(tx, "quote", by, status)

    async def quote(self, tx: Tx, post: Status, by: Account, quoted: Status, answer: Answer) -> None:
        """Write on a new post of ours what it quotes, and how that stands."""
        post.quote_uri = quoted.uri
        post.quote_of_id = quoted.id
        post.quote_state = "pending"
        owner = await self._people.by_id(tx, quoted.account_id)
        if quoted.account_id == by.id:
            post.quote_state = "accepted"
        elif quoted.local:
            entry = await self._requests.enter(tx, "quote", quoted, by, post.uri)
            if answer.verdict == "automatic":
                post.quote_approved_by = await self._requests.grant(tx, entry, owner)
                post.quote_state = "accepted"
            else:
                await self._requests.tell(tx, entry, post.id)
        await tx.flush()
        if post.quote_state == "accepted":
            await counts.quoted(tx, quoted.id, post.visibility)
            await self._notifier.notify(tx, to=owner, type="quote", by_id=by.id, subject=post.id)

    async def let_in(self, tx: Tx, post: Status, by: Account, parent: Status) -> None:
        """Give a reply to a post of ours the proof of what only we can know: who follows whom."""
        owner = await self._people.by_id(tx, parent.account_id)
        entry = await self._requests.enter(tx, "reply", parent, by, post.uri)
        post.approved_by = await self._requests.grant(tx, entry, owner)
        await tx.flush()

    async def act(
        self,
        tx: Tx,
        kind: Kind,
        by: Account,
        target: Status,
        asked_for: Note | Like | Announce,
        *,
        subject: int,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Ask for leave to do `asked_for`; asking again changes nothing."""
        if await self._has_asked(tx, kind, by, target, asked_for.id):
            return
        if target.local:
            entry = await self._requests.enter(tx, kind, target, by, asked_for.id, extra=extra)
            await self._requests.tell(tx, entry, subject)
            return
        request_id = self._addresses.activity(self._ids.next())
        owner = await self._people.by_id(tx, target.account_id)
        await self._requests.enter(tx, kind, target, by, asked_for.id, request_uri=request_id, extra=extra)
        request = InteractionRequest(
            id=request_id,
            type=REQUEST_TYPE[kind],
            actor=parse_uri(by.uri),
            object=parse_uri(target.uri),
            instrument=asked_for,
            to=(Uri(owner.uri),),
        )
        about_public = is_distributable(target.visibility)
        await self._outbox.send(tx, by.id, request, Audience(about_public=about_public, actors=(owner.id,)))

    async def withdraw(self, tx: Tx, kind: Kind, by: Account, target: Status) -> None:
        """Take back what `by` asked for and has no answer to; whoever was asked is told."""
        rows = await tx.scalars(select(Entry.uri).where(*_of(kind, by, target), Entry.state == "pending"))
        for uri in rows.all():
            await self._requests.withdraw(tx, by.id, uri)
            if not target.local:
                await self._take_back(tx, kind, by, target, parse_uri(uri))

    async def _take_back(self, tx: Tx, kind: Kind, by: Account, target: Status, uri: Uri) -> None:
        """Undo the like or boost itself: no peer knows an Undo of a request."""
        owner = await self._people.by_id(tx, target.account_id)
        actor, object_, to = parse_uri(by.uri), parse_uri(target.uri), (Uri(owner.uri),)
        made = Like if kind == "favourite" else Announce
        undo = Undo(
            id=self._addresses.activity(self._ids.next()),
            actor=actor,
            object=uri,
            inner=made(id=uri, actor=actor, object=object_, to=to),
            to=to,
        )
        about_public = is_distributable(target.visibility)
        await self._outbox.send(tx, by.id, undo, Audience(about_public=about_public, actors=(owner.id,)))

    async def _has_asked(self, tx: Tx, kind: Kind, by: Account, target: Status, uri: str) -> bool:
        """Tell whether this waits already; a favourite and a boost are one however often they are made."""
        if kind in ("reply", "quote"):
            return False
        rows = await tx.scalars(select(Entry.state).where(*_of(kind, by, target)))
        states = set(rows)
        if "rejected" in states:
            raise Forbidden(_REFUSALS[kind])
        return "pending" in states


def _of(kind: Kind, by: Account, target: Status) -> tuple[Any, ...]:
    return (Entry.kind == kind, Entry.status_id == target.id, Entry.account_id == by.id)


def waits(answer: Answer, target: Status) -> bool:
    """Tell whether leave has to be asked for: what others cannot see for themselves wants a proof."""
    return answer.verdict == "manual" or (not answer.proven and not target.local)
