"""Whether an authorization says what somebody claims it says: pure, and the jobs that fetch it.

An authorization counts only as the word of the author of what is quoted or answered: it is fetched from
its own address, which must be on that author's server, it must be attributed to that very author, and be
about this interaction with this post. Anything less is a stamp cut out of another letter.
"""

from collections.abc import Mapping

import structlog

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.origin import same_origin
from fedispace.federation.outbox import Outbox
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.interactions import Authorization
from fedispace.federation.vocab.objects import Note
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads.audience import is_distributable
from fedispace.threads.effects import Effects, by_uri
from fedispace.threads.ingest import Ingest
from fedispace.threads.judging import asker_of
from fedispace.threads.models import Status
from fedispace.threads.quotes import VERIFY, VERIFY_AGAIN, VERIFY_REPLY
from fedispace.threads.requests import AUTHORIZATION_TYPE, entry

log = structlog.get_logger()


def is_proof(authorization: Authorization, kind: str, *, by: str, interacting: str, target: str) -> bool:
    """Tell whether an authorization is the word of `by` that `interacting` may do `kind` to `target`."""
    return (
        authorization.type == AUTHORIZATION_TYPE[kind]
        and authorization.attributed_to == by
        and same_origin(authorization.id, by)
        and authorization.interacting_object == interacting
        and authorization.interaction_target == target
    )


class Verification:
    """Runs the jobs that look whether quotes and replies of other servers are allowed."""

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
        resolver: Resolver,
        ingest: Ingest,
    ) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._resolver = resolver
        self._ingest = ingest
        self._effects = Effects(ids, clock, addresses, outbox, notifier, people, jobs)

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {VERIFY: self.verify_quote, VERIFY_REPLY: self.verify_reply, VERIFY_AGAIN: self.verify_again}

    async def verify_quote(self, arguments: Arguments) -> None:
        """Find what a post quotes, and show it if that is allowed."""
        uri, proof = str(arguments["quoted"]), arguments.get("proof")
        async with self._db.reading() as tx:
            known = await _quoted(tx, uri)
            author = None if known is None else await self._people.by_id(tx, known.account_id)
        note: Note | None = None
        if known is None:
            note = await self._note(uri)
            if note is None:
                return
        by = note.attributed_to if note is not None else author.uri if author is not None else ""
        authorization = await self._authorization(proof, by)
        async with self._db.transaction() as tx:
            if note is not None:
                known = await self._store(tx, note, int(arguments["depth"]) + 1)
            else:
                known = await _quoted(tx, uri)
            post = await tx.get(Status, int(arguments["status"]))
            if known is None or post is None or post.quote_uri != uri or known.id == post.id:
                return
            post.quote_of_id = known.id
            await tx.flush()
            if post.quote_state not in ("pending", "accepted"):
                return
            allowed, given = await self._leave(tx, post, known, authorization, proof)
            if allowed and (post.quote_state == "pending" or given is not None):
                await self._effects.show_quote(tx, post, given)

    async def verify_reply(self, arguments: Arguments) -> None:
        """Look at the authorization of a reply to another server's post, and let it stand."""
        async with self._db.reading() as tx:
            post, parent, by = await self._answered(tx, int(arguments["status"]))
        if post is None or parent is None or by is None:
            return
        authorization = await self._authorization(arguments["proof"], by.uri)
        if authorization is None:
            return
        if is_proof(authorization, "reply", by=by.uri, interacting=post.uri, target=parent.uri):
            async with self._db.transaction() as tx:
                post, _, _ = await self._answered(tx, int(arguments["status"]))
                if post is not None:
                    await self._effects.release(tx, post, authorization.id)

    async def verify_again(self, arguments: Arguments) -> None:
        """Ask whether a quote is still allowed: who was to pass its revocation on may not have (FEP-044f).

        Only a plain no counts, or an answer that says something else; a server that is away says nothing.
        """
        async with self._db.transaction() as tx:
            post, by, quoted = await self._shown(tx, int(arguments["status"]))
            if post is None or by is None or quoted is None or post.quote_approved_by is None:
                return
            post.quote_verified_at = self._clock.now()
            proof, said = post.quote_approved_by, (by.uri, post.uri, quoted.uri)
        try:
            found = await self._resolver.document(proof)
        except (NotFound, Gone):
            found = None
        except (Refused, Invalid) as error:
            log.info("quotes.authorization_unavailable", uri=proof, error=type(error).__name__)
            return
        owner, interacting, target = said
        if isinstance(found, Authorization) and is_proof(
            found, "quote", by=owner, interacting=interacting, target=target
        ):
            return
        async with self._db.transaction() as tx:
            post, _, _ = await self._shown(tx, int(arguments["status"]))
            if post is not None and post.quote_approved_by == proof:
                await self._effects.hide_quote(tx, post, "revoked")

    async def _shown(self, tx: Tx, status_id: int) -> tuple[Status | None, Account | None, Status | None]:
        """Return a quote of another server's post that is shown on its word, that author, and that post."""
        post = await tx.get(Status, status_id)
        if post is None or post.quote_state != "accepted" or post.quote_of_id is None:
            return None, None, None
        quoted = await tx.get(Status, post.quote_of_id)
        if quoted is None or quoted.local:
            return None, None, None
        return post, await tx.get(Account, quoted.account_id), quoted

    async def _answered(self, tx: Tx, status_id: int) -> tuple[Status | None, Status | None, Account | None]:
        post = await tx.get(Status, status_id)
        if post is None or not post.pending_approval or post.in_reply_to_id is None:
            return None, None, None
        parent = await tx.get(Status, post.in_reply_to_id)
        by = None if parent is None else await tx.get(Account, parent.account_id)
        return post, parent, by

    async def _leave(
        self, tx: Tx, post: Status, quoted: Status, authorization: Authorization | None, proof: str | None
    ) -> tuple[bool, str | None]:
        """Tell whether a quote may be shown, and by which proof (FEP-044f, third-party quote posts)."""
        if post.account_id == quoted.account_id:
            return True, None
        if quoted.local:
            given = await entry(tx, "quote", quoted.id, post.uri)
            if given is None or given.state != "accepted":
                return False, None
            return given.authorization_uri == proof, proof
        owner = await self._people.by_id(tx, quoted.account_id)
        if authorization is not None and is_proof(
            authorization, "quote", by=owner.uri, interacting=post.uri, target=quoted.uri
        ):
            return True, authorization.id
        by = await self._people.by_id(tx, post.account_id)
        return is_distributable(quoted.visibility) and (await asker_of(tx, by, quoted)).is_mentioned, None

    async def _authorization(self, proof: str | None, by: str) -> Authorization | None:
        """Fetch an authorization, from the server of the one whose word it is to be."""
        if not proof or not same_origin(proof, by) or self._addresses.is_ours(proof):
            return None
        try:
            found = await self._resolver.document(proof)
        except (NotFound, Gone, Refused, Invalid) as error:
            log.info("quotes.authorization_unavailable", uri=proof, error=type(error).__name__)
            return None
        return found if isinstance(found, Authorization) and found.id == proof else None

    async def _note(self, uri: str) -> Note | None:
        try:
            found = await self._resolver.document(uri)
        except (NotFound, Gone, Refused, Invalid) as error:
            log.info("quotes.quoted_unavailable", uri=uri, error=type(error).__name__)
            return None
        if not isinstance(found, Note) or not same_origin(found.id, found.attributed_to):
            return None
        return found

    async def _store(self, tx: Tx, note: Note, depth: int) -> Status | None:
        try:
            return await self._ingest.store_note(tx, note, delivered=False, climbs=False, quote_depth=depth)
        except (Refused, NotFound, Gone) as error:
            log.info("quotes.quoted_refused", uri=note.id, error=type(error).__name__)
            return None


async def _quoted(tx: Tx, uri: str) -> Status | None:
    """Return the post that is quoted; a quote of a boost is one of what it passes on."""
    found = await by_uri(tx, uri)
    if found is not None and found.boost_of_id is not None:
        return await tx.get(Status, found.boost_of_id)
    return found
