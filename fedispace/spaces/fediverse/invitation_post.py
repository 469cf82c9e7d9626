"""Invitations and roles as other servers are told of them (FEP-8a8e's Invite, with a role).

    offered        Invite{object: the Event, target: who, fs:role}, to them alone; of ours: a notification
    taken back     Undo{Invite}
    an organizer   Add, or Remove, of theirs from the Event's `organizers`, to all whom the Space concerns
    sent away      Remove from `attendees` to them alone, and a Reject of their Join if they had sent one

All of it is in the name of who made the Space, whose word the Event is, whoever of the hosts did it. The
Event is inside the Invite: who is invited to what is not for everybody could not have fetched it.
"""

from typing import Literal

from sqlalchemy import delete

from fedispace.accounts.gate import SPACE_INVITATION
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Activity, Add, Invite, Reject, Remove, Undo
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.spaces import queries
from fedispace.spaces.fediverse.our_events import OurEvents
from fedispace.spaces.models import Attendance, Space


def collection_of(space_uri: str, name: Literal["organizers", "attendees"]) -> Uri:
    """Return the id of a collection of a Space of ours."""
    return parse_uri(f"{space_uri}/{name}")


class InvitationPost:
    """Sends them, in the transaction of the verb."""

    def __init__(
        self, ids: Ids, addresses: Addresses, outbox: Outbox, notifier: Notifier, events: OurEvents
    ) -> None:
        self._ids = ids
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._events = events

    async def invited(self, tx: Tx, space: Space, by_id: int, guest: Account, role: str) -> str:
        """Tell `guest` that a role is offered; return the id of the Invite, sent or not."""
        if guest.local:
            await self._notifier.notify_ours(
                tx, to_id=guest.id, type=SPACE_INVITATION, by_id=by_id, subject=space.id
            )
            return self._new()
        author = await self._author(tx, space)
        event = await self._events.of(tx, space, author)
        invite = Invite(
            id=self._new(),
            actor=Uri(author.uri),
            object=event.id,
            event=event,
            target=Uri(guest.uri),
            to=(Uri(guest.uri),),
            role=role,
        )
        await self._send(tx, author, invite, guest.id)
        return invite.id

    async def withdrawn(self, tx: Tx, space: Space, guest: Account, invite_uri: str | None) -> None:
        """Take an offer back, or tell that it is none any more."""
        if guest.local:
            await self._notifier.withdraw_all(tx, to_id=guest.id, type=SPACE_INVITATION, subject=space.id)
        elif invite_uri is not None:
            author = await self._author(tx, space)
            invite = Invite(
                id=parse_uri(invite_uri),
                actor=Uri(author.uri),
                object=parse_uri(space.uri),
                target=Uri(guest.uri),
            )
            undo = Undo(
                id=self._new(), actor=invite.actor, object=invite.id, inner=invite, to=(invite.target,)
            )
            await self._send(tx, author, undo, guest.id)

    async def organizer(self, tx: Tx, space: Space, account: Account, *, is_one: bool) -> None:
        """Tell that somebody hosts the Space now, or does not any more."""
        author = await self._author(tx, space)
        kind: type[Add] | type[Remove] = Add if is_one else Remove
        told = {*await queries.concerned_ids(tx, space.id), account.id}
        change = kind(
            id=self._new(),
            actor=Uri(author.uri),
            object=Uri(account.uri),
            target=collection_of(space.uri, "organizers"),
            to=(Uri(account.uri),),
        )
        await self._send(tx, author, change, *sorted(told))

    async def sent_away(self, tx: Tx, space: Space, account: Account) -> None:
        """Tell somebody of another server, and nobody else, that they are out of the Space."""
        row = await tx.get(Attendance, (space.id, account.id))
        if row is not None:
            await tx.execute(
                delete(Attendance).where(Attendance.space_id == space.id, Attendance.account_id == account.id)
            )
        if account.local:
            return
        author = await self._author(tx, space)
        me, them = Uri(author.uri), Uri(account.uri)
        if row is not None:
            reject = Reject(id=self._new(), actor=me, object=parse_uri(row.join_uri), to=(them,))
            await self._send(tx, author, reject, account.id)
        target = collection_of(space.uri, "attendees")
        remove = Remove(id=self._new(), actor=me, object=them, target=target, to=(them,))
        await self._send(tx, author, remove, account.id)

    async def _author(self, tx: Tx, space: Space) -> Account:
        author = await tx.get(Account, space.host_id)
        assert author is not None
        return author

    async def _send(self, tx: Tx, author: Account, activity: Activity, *to: int) -> None:
        await self._outbox.send(tx, author.id, activity, Audience(actors=to))

    def _new(self) -> Uri:
        return self._addresses.activity(self._ids.next())
