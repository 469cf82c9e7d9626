"""Invitations between servers, from both sides.

At the guest's server:
    Invite               somebody of ours is offered a role in a Space of theirs; they are notified
    Undo{Invite}         and it is taken back
    Add, Remove          somebody of ours hosts it with them now, or does not any more, or is sent away

At the host's:
    Accept, Reject       the answer of somebody of theirs to an Invite of ours

What the guest's server keeps is what was said to its own people, to show it to them; what they may do in
the room is for the host's server to say, each time.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, exists, func, select

from fedispace.accounts.gate import SPACE_INVITATION
from fedispace.accounts.models import Account, Block
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.origin import may_change, may_speak_for
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Accept, Add, Invite, Reject, Remove, Undo
from fedispace.federation.vocab.objects import Event
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.jobs import Jobs
from fedispace.spaces import members, queries
from fedispace.spaces.fediverse.arrival import Arrivals
from fedispace.spaces.fediverse.guest_answers import enqueue_answer
from fedispace.spaces.models import Member, Space
from fedispace.spaces.roles import ON_STAGE, MemberRole

MAX_OFFERED: Final = 100
"""How many invitations one of our people may have open, to Spaces that are not over."""

_OFFERS: Final = frozenset({MemberRole.LISTENER, MemberRole.SPEAKER, MemberRole.COHOST})


def _event(invite: Invite) -> Iterable[Uri]:
    return () if invite.event is not None else (invite.object,)


class InvitationInbox:
    """The handlers."""

    routes = InboxRoutes()

    def __init__(
        self,
        *,
        clock: Clock,
        addresses: Addresses,
        people: People,
        arrivals: Arrivals,
        notifier: Notifier,
        jobs: Jobs,
    ) -> None:
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._arrivals = arrivals
        self._notifier = notifier
        self._jobs = jobs

    @routes.on(Invite, needs=_event)
    async def invited(self, tx: Tx, verified: Verified[Invite], found: Found) -> None:
        """Keep what one of ours is offered, by the host himself and in a Space of his."""
        invite = verified.activity
        offer = invite.role or MemberRole.LISTENER.value
        guest = await self._people.by_uri(tx, invite.target)
        if guest is None or not guest.local:
            raise Refused("unrelated", "Nobody here is invited.", status=202)
        if offer not in _OFFERS:
            raise Refused("unknown_role", "There is no such role to offer.", status=400)
        host = await self._people.ensure(tx, verified.sender)
        if await tx.scalar(select(exists().where(Block.account_id == guest.id, Block.target_id == host.id))):
            raise Refused("blocked", "They do not want to hear from there.", status=403)
        space = await self._space(tx, invite, invite.event or found.event(invite.object), host)
        row = await members.member(tx, space.id, guest.id)
        if row is None:
            if await self._open_offers(tx, guest.id) >= MAX_OFFERED:
                raise Refused("too_many", "They have enough invitations.", status=429)
            row = members.born(space.id, guest.id, MemberRole.LISTENER, self._clock.now())
            tx.add(row)
        row.invited_as, row.invite_uri, row.updated_at = offer, invite.id, self._clock.now()
        await tx.flush()
        await self._notifier.notify(tx, to=guest, type=SPACE_INVITATION, by_id=host.id, subject=space.id)

    @routes.on(Undo, Invite)
    async def taken_back(self, tx: Tx, verified: Verified[Undo], found: Found) -> None:
        found_ = await self._offered(tx, verified.activity.object)
        if found_ is None:
            return
        row, space, host = found_
        if not may_change(verified.sender, Uri(host.uri)):
            raise Refused("not_the_host", "That invitation is somebody else's.", status=403)
        await self._notifier.withdraw(
            tx, to_id=row.account_id, type=SPACE_INVITATION, by_id=host.id, subject=space.id
        )
        if row.invited_as is not None and row.role in ON_STAGE:
            row.invited_as = None  # what they were before, they are
            return
        await tx.delete(row)

    @routes.on(Add)
    async def added(self, tx: Tx, verified: Verified[Add], found: Found) -> None:
        """Write that one of ours is a co-host now, if they are on stage there by their own word to us.

        Else a host could show anybody as a co-host on that person's own server.
        """
        change = verified.activity
        known = await self._ours_in(tx, change.target, "/organizers", change.object, verified.sender)
        if known is None:
            return
        _, _, row = known
        if row is not None and row.role in ON_STAGE:
            row.role, row.invited_as, row.updated_at = MemberRole.COHOST, None, self._clock.now()

    @routes.on(Remove)
    async def removed(self, tx: Tx, verified: Verified[Remove], found: Found) -> None:
        """Write that one of ours is no co-host any more; who was sent away is nothing there any more."""
        change = verified.activity
        known = await self._ours_in(tx, change.target, "/organizers", change.object, verified.sender)
        if known is not None:
            _, _, row = known
            if row is not None and row.role == MemberRole.COHOST:
                row.role, row.updated_at = MemberRole.SPEAKER, self._clock.now()
            return
        known = await self._ours_in(tx, change.target, "/attendees", change.object, verified.sender)
        if known is not None:
            space, account, _ = known
            await tx.execute(
                delete(Member).where(Member.space_id == space.id, Member.account_id == account.id)
            )

    @routes.on(Accept, Invite)
    @routes.on(Accept)
    async def accepted(self, tx: Tx, verified: Verified[Accept], found: Found) -> None:
        await self._answered(tx, verified, accept=True)

    @routes.on(Reject, Invite)
    @routes.on(Reject)
    async def declined(self, tx: Tx, verified: Verified[Reject], found: Found) -> None:
        await self._answered(tx, verified, accept=False)

    async def _answered(self, tx: Tx, verified: Verified[Accept] | Verified[Reject], *, accept: bool) -> None:
        """Have a guest's answer carried out: theirs alone, to the Invite that was sent last."""
        row = (
            await tx.execute(
                select(Member.space_id, Member.account_id, Account.uri)
                .join(Account, Account.id == Member.account_id)
                .join(Space, Space.id == Member.space_id)
                .where(Member.invite_uri == verified.activity.object, Space.local.is_(True))
            )
        ).one_or_none()
        if row is None:
            return
        if not may_change(verified.sender, Uri(row.uri)):
            raise Refused("not_the_guest", "That invitation was somebody else's.", status=403)
        await enqueue_answer(
            tx, self._jobs, row.space_id, row.account_id, verified.activity.object, accept=accept
        )

    async def _space(self, tx: Tx, invite: Invite, event: Event | None, host: Account) -> Space:
        """Return the Space of `host` that the Invite is about, as he describes it."""
        if self._addresses.is_ours(invite.object):
            raise Refused("not_the_host", "That Space is ours.", status=403)
        if event is not None:
            if event.id != invite.object or not may_speak_for(Uri(host.uri), event):
                raise Refused("not_the_author", "That event is somebody else's.", status=403)
            return await self._arrivals.store(tx, event, host)
        space = await queries.by_uri(tx, invite.object)
        if space is None or space.host_id != host.id:
            raise Refused("unknown_object", "There is no such Space.", status=404)
        return space

    async def _offered(self, tx: Tx, invite_uri: str) -> tuple[Member, Space, Account] | None:
        row = (
            await tx.execute(
                select(Member, Space, Account)
                .join(Space, Space.id == Member.space_id)
                .join(Account, Account.id == Space.host_id)
                .where(Member.invite_uri == invite_uri, Space.local.is_(False))
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1], row[2])

    async def _ours_in(
        self, tx: Tx, target: Uri, name: str, who: Uri, sender: Uri
    ) -> tuple[Space, Account, Member | None] | None:
        """Return one of ours in a Space of the sender's, of whose collection `target` is the address."""
        if not target.endswith(name) or not self._addresses.is_ours(who):
            return None
        space = await queries.by_uri(tx, target.removesuffix(name))
        account = await self._people.by_uri(tx, who)
        if space is None or space.local or account is None or not account.local:
            return None
        host = await self._people.by_id(tx, space.host_id)
        if not may_change(sender, Uri(host.uri)):
            raise Refused("not_the_host", "That Space is somebody else's.", status=403)
        return space, account, await members.member(tx, space.id, account.id)

    async def _open_offers(self, tx: Tx, account_id: int) -> int:
        return (
            await tx.scalar(
                select(func.count())
                .select_from(Member)
                .join(Space, Space.id == Member.space_id)
                .where(Member.account_id == account_id, Member.invited_as.is_not(None))
                .where(queries.is_under_way(self._clock.now()))
            )
        ) or 0
