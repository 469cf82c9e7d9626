"""Leave asked for by other servers' people, and their answers to ours.

A request is believed as its sender's: about a post of theirs that came in it, or that was fetched from
where it lives. An answer counts from nobody but the author of the post it is about, and a yes counts for
what the authorization says that was fetched from the author's server; the yes itself proves nothing to
others.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import String, bindparam, select, union

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.origin import may_speak_for, same_origin
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import (
    Accept,
    Announce,
    Delete,
    InteractionRequest,
    Like,
    Reject,
)
from fedispace.federation.vocab.interactions import Authorization
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from fedispace.threads import reactions
from fedispace.threads.approvals import Approvals
from fedispace.threads.audience import visibility_from
from fedispace.threads.effects import Effects, by_uri
from fedispace.threads.ingest import Ingest
from fedispace.threads.judging import judge
from fedispace.threads.models import InteractionRequest as Entry
from fedispace.threads.models import Status
from fedispace.threads.requests import KIND_OF, Requests, asked_as
from fedispace.threads.verification import is_proof
from fedispace.threads.visibility import may_see

_posts: Final = table_of(Status).c
_PROOF: Final = bindparam("uri", type_=String())
_LET_IN_BY: Final = union(
    select(_posts.id).where(_posts.quote_approved_by == _PROOF),
    select(_posts.id).where(_posts.approved_by == _PROOF),
)
_entries: Final = table_of(Entry).c
_GIVEN: Final = select(_entries.id).where(_entries.authorization_uri == _PROOF)


def _instrument(request: InteractionRequest) -> Iterable[Uri]:
    if isinstance(request.instrument, str) and request.type in ("QuoteRequest", "ReplyRequest"):
        yield request.instrument


def _proof(accept: Accept) -> Iterable[Uri]:
    """Name the authorization to fetch: one on another server than the sender's is nobody's word."""
    if accept.authorization is not None and same_origin(accept.authorization, accept.actor):
        yield accept.authorization


class InteractionInbox:
    """Applies requests, answers and revocations."""

    routes = InboxRoutes()

    def __init__(
        self,
        clock: Clock,
        addresses: Addresses,
        people: People,
        ingest: Ingest,
        requests: Requests,
        approvals: Approvals,
        effects: Effects,
    ) -> None:
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._ingest = ingest
        self._requests = requests
        self._approvals = approvals
        self._effects = effects

    @routes.on(InteractionRequest, needs=_instrument)
    async def asked(self, tx: Tx, verified: Verified[InteractionRequest], found: Found) -> None:
        """Answer a request: at once where the policy says so, else its author is asked."""
        request = verified.activity
        target = await by_uri(tx, request.object)
        by = await self._people.ensure(tx, verified.sender)
        if target is None or not target.local or target.boost_of_id is not None:
            raise _refused("not_visible", "There is no such post.")
        if not await may_see(tx, by.id, target):
            raise _refused("not_visible", "There is no such post.")
        owner = await self._people.by_id(tx, target.account_id)
        made = self._made(request, found)
        kind = KIND_OF[request.type]
        uri = made if isinstance(made, str) else made.id
        extra: Mapping[str, Any] | None = _boost_of(made) if isinstance(made, Announce) else None
        if isinstance(made, Like):
            extra = reactions.kept(await reactions.understood(tx, made, self._addresses))
        entry = await self._requests.enter(tx, kind, target, by, uri, request_uri=request.id, extra=extra)
        if entry.account_id != by.id:
            raise _refused("not_owner", "That is somebody else's.")
        verdict = (await judge(tx, kind, by, target)).verdict
        if entry.state in ("accepted", "rejected"):
            entry.request_uri = request.id
            await tx.flush()
            await self._approvals.answer(tx, entry)
        elif entry.state == "revoked" or verdict == "refused" or target.pending_approval:
            await self._approvals.keep_out(tx, entry)
        else:
            subject = target.id
            if isinstance(made, Note):
                subject = (await self._ingest.store_note(tx, made)).id
            if verdict == "automatic":
                await self._approvals.let_in(tx, owner, entry)
            else:
                await self._requests.tell(tx, entry, subject)

    @routes.on(Accept, InteractionRequest, needs=_proof)
    async def accepted(self, tx: Tx, verified: Verified[Accept], found: Found) -> None:
        """Do what one of ours asked for and was let do."""
        await self._yes(tx, verified, found)

    @routes.on(Accept, needs=_proof)
    async def accepted_by_id(self, tx: Tx, verified: Verified[Accept], found: Found) -> None:
        """Take a yes to what came without a request, ours or anybody's."""
        await self._yes(tx, verified, found)

    @routes.on(Reject, InteractionRequest)
    async def rejected(self, tx: Tx, verified: Verified[Reject], found: Found) -> None:
        """Let what one of ours asked for be."""
        await self._no(tx, verified)

    @routes.on(Reject)
    async def rejected_by_id(self, tx: Tx, verified: Verified[Reject], found: Found) -> None:
        """Take a no to what came without a request."""
        await self._no(tx, verified)

    @routes.on(Delete)
    async def revoked(self, tx: Tx, verified: Verified[Delete], found: Found) -> None:
        """Show no more what leave was taken back for; only whoever gave it can take it."""
        uri = verified.activity.object
        for post_id in (await tx.core(_LET_IN_BY, {"uri": uri})).scalars().all():
            post = await tx.get(Status, post_id)
            assert post is not None
            about = post.quote_of_id if post.quote_approved_by == uri else post.in_reply_to_id
            target = None if about is None else await tx.get(Status, about)
            owner = None if target is None else await tx.get(Account, target.account_id)
            if owner is None or owner.uri != verified.sender:
                raise _refused("not_owner", "Only who let it in takes that back.")
            if post.quote_approved_by == uri:
                if verified.body:
                    await self._effects.pass_on_revocation(tx, post, verified.activity, verified.body)
                await self._effects.hide_quote(tx, post, "revoked")
            else:
                post.approved_by = None
                await self._effects.withhold(tx, post)
        given_id = (await tx.core(_GIVEN, {"uri": uri})).scalar_one_or_none()
        given = None if given_id is None else await tx.get(Entry, given_id)
        if given is not None and given.state == "accepted":
            owner = await tx.get(Account, given.owner_id)
            if owner is None or owner.local or owner.uri != verified.sender:
                raise _refused("not_owner", "Only who let it in takes that back.")
            given.state, given.decided_at = "revoked", self._clock.now()
            await tx.flush()
            if given.kind in ("favourite", "boost"):
                await self._effects.keep_out(tx, given)

    async def _yes(self, tx: Tx, verified: Verified[Accept], found: Found) -> None:
        accept = verified.activity
        authorization = None if accept.authorization is None else found.authorization(accept.authorization)
        entry = await self._ours(tx, accept.object, verified.sender)
        if entry is None:
            await self._somebodys(tx, accept, authorization, verified.sender)
            return
        target = await tx.get(Status, entry.status_id)
        if target is None or entry.state == "accepted":
            return
        if authorization is None or not is_proof(
            authorization, entry.kind, by=verified.sender, interacting=entry.uri, target=target.uri
        ):
            raise _refused("authorization", "The authorization does not say so.")
        entry.state, entry.decided_at = "accepted", self._clock.now()
        entry.authorization_uri = authorization.id
        await tx.flush()
        await self._effects.let_in(tx, entry, authorization.id)

    async def _somebodys(
        self, tx: Tx, accept: Accept, authorization: Authorization | None, sender: Uri
    ) -> None:
        """Let a reply stand that waits here for the word of the author of another server's post."""
        post = await by_uri(tx, accept.object)
        if post is None or not post.pending_approval or post.in_reply_to_id is None:
            return
        parent = await tx.get(Status, post.in_reply_to_id)
        owner = None if parent is None else await tx.get(Account, parent.account_id)
        if parent is None or owner is None or owner.uri != sender or authorization is None:
            return
        if is_proof(authorization, "reply", by=sender, interacting=post.uri, target=parent.uri):
            await self._effects.release(tx, post, authorization.id)

    async def _no(self, tx: Tx, verified: Verified[Reject]) -> None:
        entry = await self._ours(tx, verified.activity.object, verified.sender)
        if entry is None or entry.state == "rejected":
            return
        entry.state, entry.decided_at = "rejected", self._clock.now()
        await tx.flush()
        await self._effects.keep_out(tx, entry)

    async def _ours(self, tx: Tx, uri: str, sender: Uri) -> Entry | None:
        """Return what one of ours asked the sender for; what others asked them is not our business."""
        entry = await asked_as(tx, uri)
        if entry is None:
            return None
        owner = await tx.get(Account, entry.owner_id)
        if owner is None or owner.local:
            return None
        if owner.uri != sender:
            raise _refused("not_owner", "Only the author of the post answers that.")
        return entry

    def _made(self, request: InteractionRequest, found: Found) -> Note | Like | Announce | Uri:
        """Return what leave is asked for, as its maker's own word; raises `Refused` when it is not."""
        made = request.instrument
        if isinstance(made, str):
            if not same_origin(made, request.actor):
                raise _refused("not_owner", "Nobody asks for others.")
            if request.type in ("LikeRequest", "AnnounceRequest"):
                return made
            note = found.note(made)
            if note is None:
                raise _refused("unavailable", "What is asked for was not found where it is said to be.")
            made = note
        if isinstance(made, Like | Announce):
            wanted = Like if request.type == "LikeRequest" else Announce
            sound = isinstance(made, wanted) and made.actor == request.actor and made.object == request.object
            if not sound or not same_origin(made.id, request.actor) or made.id.endswith("#object"):
                raise _refused("mismatch", "What is asked for is not what is sent.")
            return made
        about = made.quote if request.type == "QuoteRequest" else made.in_reply_to
        if not may_speak_for(request.actor, made) or about != request.object:
            raise _refused("mismatch", "What is asked for is not what is sent.")
        return made


def _boost_of(announce: Announce) -> dict[str, str]:
    if not announce.to and not announce.cc:
        return {"visibility": "public"}
    visibility = visibility_from(announce.to, announce.cc, None)
    return {"visibility": "private" if visibility == "direct" else visibility}


def _refused(reason: str, detail: str) -> Refused:
    return Refused(reason, detail, status=202)
