"""What other servers' people do about ours: follow, answer a follow, block, change, go.

Whose word counts, in one place: a Follow, an Undo and a Block speak for their sender only; an Accept
or Reject counts only from the very account that was asked; an Update or Delete of an actor only from
that actor. Where a peer sends a bare id, it may be something of another feature, and is left alone
when it is nothing of ours.
"""

from fedispace.accounts import blocking, undone
from fedispace.accounts import follows as rows
from fedispace.accounts.follows import Follows
from fedispace.accounts.models import Account
from fedispace.accounts.models import Follow as FollowRow
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.accounts.relationships import is_unwanted
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation import relays
from fedispace.federation.actors import Actors, actor_of
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import (
    Accept,
    Block,
    Delete,
    Follow,
    Reject,
    Undo,
    Update,
)
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.ids import Ids


class AccountInbox:
    """The handlers."""

    routes = InboxRoutes()

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        actors: Actors,
        people: People,
        follows: Follows,
        notifier: Notifier,
        relays: relays.Relays | None = None,
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._actors = actors
        self._people = people
        self._follows = follows
        self._notifier = notifier
        self._relays = relays

    @routes.on(Follow)
    async def follow(self, tx: Tx, verified: Verified[Follow], found: Found) -> None:
        """Let the sender follow; a repeat is answered again.

        At once, unless the target is locked or the sender's server is silenced.
        """
        asked = verified.activity
        follower = await self._people.ensure(tx, verified.sender)
        target = await self._target(tx, asked.object)
        if follower.is_suspended:
            raise Refused("suspended", "This account is suspended.", status=403)
        if await undone.is_undone_once(tx, asked.actor, asked.id):
            raise Refused("deleted", "That was taken back.", status=202)
        if target.moved_to_uri is not None or await is_unwanted(tx, by=target.id, target=follower.id):
            await self._answer(tx, target, follower, _rejecting(asked, self._new_id()))
            return
        follow = await self._recorded(tx, asked, follower, target)
        if (target.locked or follower.silenced) and not follow.accepted:
            await self._notifier.notify(tx, to=target, type="follow_request", by_id=follower.id)
            return
        if not follow.accepted:
            await self._follows.accept(tx, follow)
            await self._notifier.notify(tx, to=target, type="follow", by_id=follower.id)
        await self._answer(tx, target, follower, _accepting(asked, self._new_id()))

    @routes.on(Accept, Follow)
    @routes.on(Accept)
    async def accepted(self, tx: Tx, verified: Verified[Accept], found: Found) -> None:
        """Let a follow of ours count, now that the followed account itself said so."""
        if await self._is_from_a_relay(tx, verified, "accepted"):
            return
        follow = await self._follow_of_ours(tx, verified.activity, verified.sender)
        if follow is not None:
            await self._follows.accept(tx, follow)

    @routes.on(Reject, Follow)
    @routes.on(Reject)
    async def rejected(self, tx: Tx, verified: Verified[Reject], found: Found) -> None:
        """End a follow of ours, or the wish for it, when the followed account refuses."""
        if await self._is_from_a_relay(tx, verified, "rejected"):
            return
        follow = await self._follow_of_ours(tx, verified.activity, verified.sender)
        if follow is not None:
            await self._follows.end(tx, follow)

    @routes.on(Undo, Follow)
    @routes.on(Undo, Block)
    @routes.on(Undo)
    async def undone(self, tx: Tx, verified: Verified[Undo], found: Found) -> None:
        """Take back the sender's follow or block."""
        undo = verified.activity
        inner = undo.inner
        if isinstance(inner, Follow | Block) and inner.actor != verified.sender:
            raise Refused("not_owner", "Only the one who did it can undo it.")
        sender = await self._people.by_uri(tx, verified.sender)
        if sender is None and isinstance(inner, Follow):
            target = await self._people.by_uri(tx, inner.object)
            if target is not None and target.local:
                sender = await self._people.ensure(tx, verified.sender)
        if sender is None:
            return
        if not isinstance(inner, Block):
            await self._undo_follow(tx, sender, undo.object, inner)
        if not isinstance(inner, Follow):
            await self._undo_block(tx, sender, undo.object, inner)

    @routes.on(Block)
    async def blocked(self, tx: Tx, verified: Verified[Block], found: Found) -> None:
        """Remember that the sender blocks one of ours; follows between them end."""
        block = verified.activity
        sender = await self._people.ensure(tx, verified.sender)
        target = await self._target(tx, block.object)
        namesake = await blocking.by_uri(tx, block.id)
        if namesake is not None and (namesake.account_id, namesake.target_id) != (sender.id, target.id):
            raise Refused("id_taken", "Another block has this id.")
        if await blocking.find(tx, sender.id, target.id) is None:
            await blocking.write(tx, self._ids.next(), block.id, sender.id, target.id, self._clock)
        await self._follows.sever(tx, sender.id, target.id)

    @routes.on(Update, Actor)
    async def updated(self, tx: Tx, verified: Verified[Update], found: Found) -> None:
        """Take over what an actor says of itself, and of nobody else."""
        actor = verified.activity.object
        if not isinstance(actor, Actor) or actor.id != verified.sender:
            raise Refused("not_owner", "An account describes only itself.")
        if host_of(actor.inbox) != host_of(actor.id):
            raise Refused("origin_mismatch", "The account's inbox is on another server.")
        if await self._is_overtaken(tx, actor):
            return
        await self._actors.store(tx, actor)
        await self._people.refresh(tx, actor)

    @routes.on(Delete)
    async def deleted(self, tx: Tx, verified: Verified[Delete], found: Found) -> None:
        """Forget an account that deletes itself; a Delete of anything else is not ours to judge."""
        if verified.activity.object != verified.sender:
            return
        await self._actors.forget(tx, verified.sender)

    async def _is_from_a_relay(
        self, tx: Tx, verified: Verified[Accept] | Verified[Reject], state: relays.State
    ) -> bool:
        """Take an answer to the instance's own subscription; False when it answers somebody's follow."""
        if self._relays is None:
            return False
        return await relays.answered(tx, self._relays, verified.sender, verified.activity.object, state)

    async def _is_overtaken(self, tx: Tx, actor: Actor) -> bool:
        """Tell whether we know a self-description that is as new: Updates may arrive in any order."""
        row = await self._actors.by_uri(tx, actor.id)
        if row is None or row.local or not row.document or actor.updated is None:
            return False
        known = actor_of(row).updated
        return known is not None and actor.updated <= known

    async def _target(self, tx: Tx, uri: Uri) -> Account:
        """Return the account of ours that `uri` names (the instance actor is one); else refuse."""
        if uri == self._addresses.instance_actor:
            return await self._people.ensure(tx, uri)
        account = await self._people.by_uri(tx, uri)
        if account is None or not account.local or account.is_suspended:
            raise Refused("unknown_object", "There is no such account here.", status=404)
        return account

    async def _recorded(self, tx: Tx, asked: Follow, follower: Account, target: Account) -> FollowRow:
        """Return the row of a follow, new or known; its id becomes that of the latest Follow."""
        namesake = await rows.by_uri(tx, asked.id)
        if namesake is not None and (namesake.account_id, namesake.target_id) != (follower.id, target.id):
            raise Refused("id_taken", "Another follow has this id.")
        follow = await rows.between(tx, follower.id, target.id)
        if follow is None:
            follow = FollowRow(
                id=self._ids.next(),
                account_id=follower.id,
                target_id=target.id,
                uri=asked.id,
                accepted=False,
                show_boosts=True,
                created_at=self._clock.now(),
            )
            tx.add(follow)
        follow.uri = asked.id
        await tx.flush()
        return follow

    async def _follow_of_ours(self, tx: Tx, answer: Accept | Reject, sender: Uri) -> FollowRow | None:
        """Return the follow that is answered, by its id or by who asked whom; None when it is not ours.

        The sender must be who was asked: otherwise anybody could let our people follow, and so be
        sent, what they were not given (reference: Pixelfed's CVE-2025-30741).
        """
        asked = answer.inner if isinstance(answer.inner, Follow) else None
        follow = await rows.by_uri(tx, answer.object)
        target = await self._people.by_uri(tx, sender)
        if follow is None and asked is not None and target is not None:
            follower = await self._people.by_uri(tx, asked.actor)
            if follower is not None:
                follow = await rows.between(tx, follower.id, target.id)
        if follow is None:
            return None
        if target is None or follow.target_id != target.id:
            raise Refused("not_owner", "Only the account that was asked can answer.")
        follower = await self._people.by_id(tx, follow.account_id)
        return follow if follower.local else None

    async def _undo_follow(self, tx: Tx, sender: Account, object: Uri, inner: object) -> None:
        follow = await rows.by_uri(tx, object)
        if follow is None and isinstance(inner, Follow):
            target = await self._people.by_uri(tx, inner.object)
            follow = None if target is None else await rows.between(tx, sender.id, target.id)
            if follow is None and target is not None and target.local:
                await undone.remember(tx, self._clock, sender, inner.id, "Follow")
        if follow is None:
            return
        if follow.account_id != sender.id:
            raise Refused("not_owner", "Only the one who did it can undo it.")
        await self._follows.end(tx, follow)

    async def _undo_block(self, tx: Tx, sender: Account, object: Uri, inner: object) -> None:
        block = await blocking.by_uri(tx, object)
        if block is None and isinstance(inner, Block):
            target = await self._people.by_uri(tx, inner.object)
            block = None if target is None else await blocking.find(tx, sender.id, target.id)
        if block is None:
            return
        if block.account_id != sender.id:
            raise Refused("not_owner", "Only the one who did it can undo it.")
        await tx.delete(block)
        await tx.flush()

    async def _answer(self, tx: Tx, by: Account, to: Account, activity: Accept | Reject) -> None:
        await self._outbox.send(tx, by.id, activity, Audience(actors=(to.id,)))

    def _new_id(self) -> Uri:
        return self._addresses.activity(self._ids.next())


def _accepting(asked: Follow, id_: Uri) -> Accept:
    return Accept(id=id_, actor=asked.object, object=asked.id, inner=asked, to=(asked.actor,))


def _rejecting(asked: Follow, id_: Uri) -> Reject:
    return Reject(id=id_, actor=asked.object, object=asked.id, inner=asked, to=(asked.actor,))
