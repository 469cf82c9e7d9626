"""Sending somebody out of a room, or out of all of a host's rooms, and letting them in again.

A ban is the word of who hosts the Space now, also when a co-host says it: of a Space that was handed over
it fills the list of the new host, not of who made it. Both lists hold there, as both hosts' blocks do. Other
servers are told in the name of who made it (`invitation_post`): the event is theirs, and nobody else is
believed about it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.db.upsert import insert
from fedispace.errors import Conflict, Forbidden
from fedispace.spaces import members
from fedispace.spaces.models import HostBan, Member
from fedispace.spaces.roles import ON_STAGE, Action, MemberRole
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.verbs.acting import Acting, Scene
from fedispace.spaces.verbs.herald import Herald


@dataclass(frozen=True, slots=True, kw_only=True)
class SentOut:
    """Somebody who is out of a Space, since when, and whether out of all of the host's."""

    account: Account
    removed_at: datetime
    is_banned: bool


class Removing:
    """The verbs of the door."""

    def __init__(self, acting: Acting, exits: Exits, herald: Herald) -> None:
        self._acting = acting
        self._exits = exits
        self._herald = herald

    async def remove(self, by_id: int, space_id: int, account_id: int) -> None:
        """Send somebody out of this Space: everything they hold for it ends now, and nothing new opens."""
        async with self._acting.scene(by_id, space_id, Action.REMOVE) as scene:
            row = await scene.other(Action.REMOVE, account_id)
            await self._send_out(scene, row, "removed")

    async def ban(self, by_id: int, space_id: int, account_id: int) -> None:
        """Send somebody out of all Spaces of who hosts this one now."""
        async with self._acting.scene(by_id, space_id, Action.BAN) as scene:
            row = await scene.other(Action.BAN, account_id)
            await self._send_out(scene, row, "banned")
            await scene.tx.execute(
                insert(scene.tx, HostBan)
                .values(
                    host_id=await members.present_host_id(scene.tx, scene.space),
                    account_id=account_id,
                    banned_by=by_id,
                    created_at=scene.now,
                )
                .on_conflict_do_nothing()
            )

    async def readmit(self, by_id: int, space_id: int, account_id: int) -> None:
        """Let somebody in again who was sent out, here and, if a host had banned them, everywhere."""
        async with self._acting.scene(by_id, space_id, Action.READMIT, before_live=True) as scene:
            row = await scene.other(Action.READMIT, account_id)
            row.removed_at = None
            present = await members.present_host_id(scene.tx, scene.space)
            for ban in await members.bans_on(scene.tx, scene.space, account_id):
                if ban.banned_by is None:
                    raise Forbidden("The operator of this server keeps them out.")
                if present != ban.host_id and by_id not in (ban.host_id, ban.banned_by):
                    raise Forbidden("Who made this Space keeps them out of all of theirs.")
                await scene.tx.delete(ban)
            scene.concerned.add(account_id)

    async def listed(self, by_id: int, space_id: int) -> list[SentOut]:
        """Return who was sent out, last first."""
        async with self._acting.scene(by_id, space_id, Action.SEE_REMOVED, before_live=True) as scene:
            rows = await members.removed(scene.tx, space_id)
            ids = [row.account_id for row in rows]
            accounts = {
                account.id: account
                for account in await scene.tx.scalars(select(Account).where(Account.id.in_(ids)))
            }
            banned = await members.banned_among(scene.tx, scene.space, ids)
        return [
            SentOut(
                account=accounts[row.account_id],
                removed_at=row.removed_at or scene.now,
                is_banned=row.account_id in banned,
            )
            for row in rows
        ]

    async def _send_out(self, scene: Scene, row: Member, what: str) -> None:
        if row.account_id == scene.space.host_id:
            raise Conflict("The Space was made by them; they cannot be sent out of it.")
        if row.role in ON_STAGE:
            scene.becomes(row, MemberRole.LISTENER)
        if row.invited_as is not None:
            await self._herald.withdrawn(scene.tx, scene.space, row)
        scene.hands_changed |= row.hand_at is not None
        row.hand_at, row.invited_as, row.is_shown = None, None, False
        row.removed_at = row.removed_at or scene.now
        account_id = row.account_id
        await scene.end_sessions(account_id)
        await scene.tx.flush()
        await self._exits.send_out(scene.tx, scene.space.id, account_id, what=what)
        await self._herald.sent_away(scene.tx, scene.space, account_id)
        scene.concerned.add(account_id)
