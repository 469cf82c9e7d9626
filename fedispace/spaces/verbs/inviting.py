"""Asking somebody in, on stage, or to be a co-host; and what they answer.

Whoever is on stage already becomes a co-host at once: it puts nobody's microphone on. Everybody else is
asked, and nothing changes until they say yes.
"""

from typing import Final, Literal, cast, get_args

from sqlalchemy import func, select

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account, Block
from fedispace.db.engine import Database
from fedispace.errors import Conflict, Forbidden, Invalid, NotFound
from fedispace.spaces import declined, members, roles
from fedispace.spaces.members import Invited
from fedispace.spaces.models import Member
from fedispace.spaces.roles import ON_STAGE, Action, MemberRole
from fedispace.spaces.verbs.acting import Acting, Scene
from fedispace.spaces.verbs.herald import Herald

Offer = Literal["listener", "speaker", "cohost"]
MAX_UNANSWERED: Final = 200


def parse_offer(text: str) -> Offer:
    """Return the role that can be offered called `text`; raises `Invalid`."""
    if text not in get_args(Offer):
        raise Invalid("role must be listener, speaker or cohost.", field="role")
    return cast(Offer, text)


class Inviting:
    """The verbs of invitations."""

    def __init__(self, db: Database, acting: Acting, lookup: Lookup, herald: Herald) -> None:
        self._db = db
        self._acting = acting
        self._lookup = lookup
        self._herald = herald

    async def invite_by_handle(self, by_id: int, space_id: int, handle: str, offer: Offer) -> None:
        """Invite somebody anywhere; who is not known here yet is asked for at home first."""
        action = _action_for(offer)
        async with self._acting.scene(by_id, space_id, action, before_live=True):
            pass  # nobody is looked up for whoever may not invite
        guest = await self._lookup.account(handle)
        await self.invite(by_id, space_id, guest.id, offer)

    async def invite(self, by_id: int, space_id: int, account_id: int, offer: Offer) -> None:
        """Offer somebody a role; repeating an offer is fine."""
        action = _action_for(offer)
        async with self._acting.scene(by_id, space_id, action, before_live=True) as scene:
            row = await scene.other(action, account_id)
            guest = await _require_welcome(scene, row)
            if offer == "cohost":
                await scene.require_room_for_cohost()
            if row.role in ON_STAGE:
                scene.becomes(row, MemberRole.COHOST)
                scene.tell_you(account_id, "role", role=MemberRole.COHOST)
                return
            if row.invited_as == offer:
                return
            await _require_few_unanswered(scene)
            row.invited_as = offer
            await scene.tx.flush()
            await self._herald.invited(scene.tx, scene.space, by_id, guest, row)
            scene.tell_you(account_id, "invited", role=offer)
            scene.tell("queue")

    async def listed(self, by_id: int, space_id: int) -> list[Invited]:
        """Return who is invited and has not answered, by when they first came to the Space's notice."""
        async with self._acting.scene(by_id, space_id, Action.INVITE, before_live=True) as scene:
            return await members.invited(scene.tx, space_id)

    async def withdraw(self, by_id: int, space_id: int, account_id: int) -> None:
        """Take back an offer that is not answered yet; there being none is fine.

        Who was to come only by this offer may not come any more: nobody stays let in by a mistake.
        """
        async with self._acting.scene(by_id, space_id, Action.INVITE, before_live=True) as scene:
            row = await members.member(scene.tx, space_id, account_id)
            if row is None or row.invited_as is None:
                return
            roles.require(scene.role, _action_for(cast(Offer, row.invited_as)))
            await self._herald.withdrawn(scene.tx, scene.space, row)
            row.invited_as = None
            if members.is_by_invitation_only(row):
                await scene.tx.delete(row)
            scene.tell_you(account_id, "uninvited")
            scene.tell("queue")

    async def answer(self, by_id: int, space_id: int, *, accept: bool) -> None:
        """Take the role that was offered, or not. The microphone stays off either way.

        To decline again is fine, also for who may not see the Space any more since they declined.
        """
        try:
            await self._answer(by_id, space_id, accept=accept)
        except NotFound:
            async with self._db.reading() as tx:
                if accept or not await declined.is_so(tx, space_id, by_id):
                    raise

    async def _answer(self, by_id: int, space_id: int, *, accept: bool) -> None:
        async with self._acting.scene(by_id, space_id, before_live=True) as scene:
            row = await scene.myself()
            if row.invited_as is None:
                if accept:
                    raise Conflict("You are not invited any more.")
                return
            offered = MemberRole(row.invited_as)
            if not accept:
                await _decline(scene, row, offered)
            elif offered is MemberRole.LISTENER:
                row.invited_as, row.updated_at = None, scene.now
            else:
                if offered is MemberRole.COHOST:
                    await scene.require_room_for_cohost()
                if row.role not in ON_STAGE:
                    await scene.require_seat()
                scene.becomes(row, offered)
                row.has_mic_on = False
                scene.tell_you(by_id, "role", role=offered)


async def _decline(scene: Scene, row: Member, offered: MemberRole) -> None:
    """Forget an offer; whoever does not even want to come leaves the list of guests."""
    row.invited_as = None
    await declined.note(scene.tx, scene.space.id, row.account_id, scene.now)
    if offered is MemberRole.LISTENER and row.role == MemberRole.LISTENER:
        await scene.tx.delete(row)
    scene.tell("queue")


def _action_for(offer: Offer) -> Action:
    return Action.APPOINT if offer == "cohost" else Action.INVITE


async def _require_welcome(scene: Scene, row: Member) -> Account:
    """Return the guest's account, if they may come and want to hear from who asks."""
    guest = await scene.tx.get(Account, row.account_id)
    if guest is None or guest.is_suspended:
        raise NotFound("There is no such account.")
    if row.removed_at is not None or await members.bans_on(scene.tx, scene.space, row.account_id):
        raise Conflict("They were sent out; let them in again first.")
    blocked = await scene.tx.scalar(
        select(Block.id).where(
            Block.account_id == row.account_id, Block.target_id.in_((scene.by_id, scene.space.host_id))
        )
    )
    if blocked is not None:
        raise Forbidden("They cannot be invited.")
    return guest


async def _require_few_unanswered(scene: Scene) -> None:
    unanswered = await scene.tx.scalar(
        select(func.count())
        .select_from(Member)
        .where(Member.space_id == scene.space.id, Member.invited_as.is_not(None))
    )
    if (unanswered or 0) >= MAX_UNANSWERED:
        raise Conflict(f"{MAX_UNANSWERED} invitations are not answered yet.")
