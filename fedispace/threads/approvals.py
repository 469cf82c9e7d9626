"""The queue of those who ask for leave, and what an author does with it: let in, refuse, take back."""

from collections.abc import Collection, Mapping

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import OutboxItem
from fedispace.federation.outbox import Outbox
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads.answering import Answering
from fedispace.threads.edits import repolice
from fedispace.threads.effects import Effects, by_uri
from fedispace.threads.holding import ANSWER
from fedispace.threads.models import InteractionRequest, Status
from fedispace.threads.policies import Kind, Parties
from fedispace.threads.requests import Requests, entry
from fedispace.threads.visibility import require_visible


class Approvals:
    """What an author decides about others' interactions with their posts."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
        jobs: Jobs,
    ) -> None:
        self._db = db
        self._people = people
        self._requests = Requests(ids, clock, addresses, notifier)
        self._answering = Answering(ids, clock, addresses, outbox, people)
        self._effects = Effects(ids, clock, addresses, outbox, notifier, people, jobs)

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {ANSWER: self.send_answer}

    async def send_answer(self, arguments: Arguments) -> None:
        """Send the answer to one entry."""
        async with self._db.transaction() as tx:
            found = await tx.get(InteractionRequest, int(arguments["request"]))
            if found is not None:
                await self._answering.answer(tx, found)

    async def answer(self, tx: Tx, found: InteractionRequest) -> None:
        """Answer an entry that is decided, again if need be."""
        await self._answering.answer(tx, found)

    async def authorize(self, owner: Account, request_id: int) -> InteractionRequest:
        """Let in what waits; once more is no error. Raises `NotFound`, or `Conflict` after a refusal."""
        async with self._db.transaction() as tx:
            found = await _own(tx, owner, request_id)
            if found.state == "accepted":
                return found
            if found.state != "pending":
                raise Conflict("That was refused already.")
            await self.let_in(tx, owner, found)
        return found

    async def let_in(self, tx: Tx, owner: Account, found: InteractionRequest) -> None:
        """Let something in inside the caller's transaction, and say so to whoever asked."""
        authorization = await self._requests.grant(tx, found, owner)
        await self._effects.let_in(tx, found, authorization)
        await self._answering.answer(tx, found)

    async def reject(self, owner: Account, request_id: int) -> InteractionRequest:
        """Refuse what waits, or take back the leave of what was let in; for good. Raises `NotFound`."""
        async with self._db.transaction() as tx:
            found = await _own(tx, owner, request_id)
            if found.state == "pending":
                await self.keep_out(tx, found)
            elif found.state == "accepted":
                await self._revoke(tx, found)
        return found

    async def _revoke(self, tx: Tx, found: InteractionRequest) -> None:
        """Take leave back: the authorization is deleted, and what it let in is no longer shown.

        Servers that know no authorizations of replies, likes and boosts are told by a `Reject`.
        """
        if found.kind == "quote":
            await self._revoke_quote(tx, found, await by_uri(tx, found.uri))
            return
        await self._requests.decide(tx, found, "revoked")
        await self._answering.revoke(tx, found)
        await self._answering.answer(tx, found)
        await self._effects.keep_out(tx, found)

    async def _revoke_quote(self, tx: Tx, found: InteractionRequest, quoting: Status | None) -> None:
        await self._requests.decide(tx, found, "revoked")
        delete = await self._answering.revoke(tx, found)
        if quoting is None:
            return
        if delete is not None and quoting.local:
            body = await tx.scalar(select(OutboxItem.body).where(OutboxItem.uri == delete.id))
            if body is not None:
                await self._effects.pass_on_revocation(tx, quoting, delete, body)
        await self._effects.hide_quote(tx, quoting, "revoked")

    async def keep_out(self, tx: Tx, found: InteractionRequest) -> None:
        """Refuse something inside the caller's transaction, and say so to whoever asked."""
        await self._requests.decide(tx, found, "rejected")
        await self._answering.answer(tx, found)
        await self._effects.keep_out(tx, found)

    async def revoke_quote(self, owner: Account, quoted_id: int, quoting_id: int) -> Status:
        """Take back the leave to quote a post, and return the post that quoted it.

        Raises `NotFound` unless the first post is the owner's and the second one quotes it.
        """
        async with self._db.transaction() as tx:
            quoted = await tx.get(Status, quoted_id)
            quoting = await tx.get(Status, quoting_id)
            if quoted is None or quoted.account_id != owner.id:
                raise NotFound("There is no such post.")
            if quoting is None or quoting.quote_of_id != quoted.id:
                raise NotFound("There is no such quote.")
            found = await entry(tx, "quote", quoted.id, quoting.uri)
            if found is not None and found.state == "accepted":
                await self._revoke_quote(tx, found, quoting)
            elif found is not None and found.state == "pending":
                await self._requests.decide(tx, found, "rejected")
                await self._answering.answer(tx, found)
            if quoting.quote_state in ("accepted", "pending"):
                await self._effects.hide_quote(tx, quoting, "revoked")
        return quoting

    async def change_policy(self, owner: Account, status_id: int, choice: Mapping[Kind, Parties]) -> Status:
        """Change who may interact with a post; what was let in before stays. Raises `NotFound`."""
        async with self._db.transaction() as tx:
            status = await require_visible(tx, owner.id, status_id)
            if status.account_id != owner.id or status.boost_of_id is not None:
                raise NotFound("There is no such post.")
            if repolice(status, choice):
                await tx.flush()
                await self._effects.restate(tx, status)
        return status


async def queue(
    tx: Tx,
    owner_id: int,
    page: Page,
    *,
    kinds: Collection[Kind],
    status_id: int | None = None,
) -> list[InteractionRequest]:
    """Return what waits for an author, newest first."""
    statement = select(InteractionRequest).where(
        InteractionRequest.owner_id == owner_id,
        InteractionRequest.state == "pending",
        InteractionRequest.kind.in_(kinds),
    )
    if status_id is not None:
        statement = statement.where(InteractionRequest.status_id == status_id)
    rows = await tx.scalars(page.apply(statement, InteractionRequest.id))
    return page.newest_first(rows.all())


async def one(tx: Tx, owner_id: int, request_id: int) -> InteractionRequest:
    """Return an entry of an author's queue, decided or not; raises `NotFound`."""
    found = await tx.get(InteractionRequest, request_id)
    if found is None or found.owner_id != owner_id:
        raise NotFound("There is no such request.")
    return found


async def made(tx: Tx, uris: Collection[str]) -> dict[str, Status]:
    """Return the replies and quotes among what was asked for, by their ids."""
    if not uris:
        return {}
    rows = await tx.scalars(select(Status).where(Status.uri.in_(uris), Status.boost_of_id.is_(None)))
    return {status.uri: status for status in rows}


async def _own(tx: Tx, owner: Account, request_id: int) -> InteractionRequest:
    if not owner.local:
        raise NotFound("There is no such request.")
    return await one(tx, owner.id, request_id)
