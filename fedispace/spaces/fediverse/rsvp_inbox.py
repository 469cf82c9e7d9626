"""Who comes, as servers tell each other: Join and Leave, and what the host answers (FEP-8a8e).

    Join               somebody of theirs will come to a Space of ours, or asks to: Accept, Reject or Ignore
    Leave, Undo{Join}  and will not after all
    Accept, Reject     the answer to somebody of ours, by the host whose Space it is
    Ignore             that server keeps no list; we remind our own people all the same

A Join that wants a ticket comes to the door (`doors.py`) and waits there for its answer; one that comes
to the inbox is an RSVP, as Mobilizon sends it, and is answered by an Accept without a ticket.

Who may not see a Space gets a Reject by the instance actor, and gets the same for one that never was: the
asker's own server waits for an answer for ever otherwise, and no answer tells what is there.
"""

from sqlalchemy import delete, select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import may_change
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Accept, Ignore, Join, Leave, Reject, Undo
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids
from fedispace.spaces import access, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, Space
from fedispace.spaces.rsvp import is_full


class RsvpInbox:
    """The handlers. `takes_rsvps` is the operator's choice; without it every Join is answered Ignore."""

    routes = InboxRoutes()

    def __init__(
        self,
        *,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        people: People,
        outbox: Outbox,
        takes_rsvps: bool,
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._outbox = outbox
        self._takes_rsvps = takes_rsvps

    @routes.on(Join)
    async def joined(self, tx: Tx, verified: Verified[Join], found: Found) -> None:
        """Note that somebody will come; saying it twice is answered twice and noted once."""
        join = verified.activity
        if not join.object.startswith(f"{self._addresses.origin}/spaces/"):
            raise Refused("unknown_object", "There is no such Space here.", status=404)
        joiner = await self._people.ensure(tx, verified.sender)
        space = await self._visible(tx, join.object, joiner)
        if space is None:
            instance = await tx.scalar(
                select(ActorRow.id).where(ActorRow.uri == self._addresses.instance_actor, ActorRow.local)
            )
            assert instance is not None
            await self._answer(tx, Reject, join, joiner, instance, self._addresses.instance_actor)
            return
        host = await self._people.by_id(tx, space.host_id)
        kind: type[Accept] | type[Reject] | type[Ignore] = Ignore
        if self._takes_rsvps:
            kind = Reject
            if await self._may_come(tx, space, joiner.id):
                await self._note(tx, space, joiner.id, join)
                kind = Accept
        await self._answer(tx, kind, join, joiner, host.id, Uri(host.uri))

    @routes.on(Leave)
    async def left(self, tx: Tx, verified: Verified[Leave], found: Found) -> None:
        await self._forget(tx, verified.sender, verified.activity.object)

    @routes.on(Undo, Join)
    async def took_back(self, tx: Tx, verified: Verified[Undo], found: Found) -> None:
        join = verified.activity.inner
        if isinstance(join, Join) and join.actor == verified.sender:
            await self._forget(tx, verified.sender, join.object)

    @routes.on(Accept, Join)
    @routes.on(Accept)
    async def accepted(self, tx: Tx, verified: Verified[Accept], found: Found) -> None:
        await self._answered(tx, verified, "coming")

    @routes.on(Reject, Join)
    @routes.on(Reject)
    async def rejected(self, tx: Tx, verified: Verified[Reject], found: Found) -> None:
        """A host may also say no after he said yes (Mobilizon)."""
        await self._answered(tx, verified, "refused")

    @routes.on(Ignore, Join)
    @routes.on(Ignore)
    async def ignored(self, tx: Tx, verified: Verified[Ignore], found: Found) -> None:
        await self._answered(tx, verified, "ignored")

    async def _visible(self, tx: Tx, uri: str, joiner: Account) -> Space | None:
        space = await queries.by_uri(tx, uri)
        if space is None or not space.local:
            return None
        standing = await queries.standing(tx, space, joiner.id)
        return space if access.may_see(access.parse_access(space.access), standing) else None

    async def _may_come(self, tx: Tx, space: Space, account_id: int) -> bool:
        standing = await queries.standing(tx, space, account_id)
        if not access.is_let_in(access.parse_access(space.access), standing):
            return False
        coming = Phase(space.state) in (Phase.SCHEDULED, Phase.LIVE)
        return coming and not await is_full(tx, space, account_id)

    async def _note(self, tx: Tx, space: Space, account_id: int, join: Join) -> None:
        row = {
            "space_id": space.id,
            "account_id": account_id,
            "join_uri": join.id,
            "created_at": self._clock.now(),
            "state": "coming",
            "wants_reminder": join.role is None,
        }
        await tx.execute(insert(tx, Attendance).values(row).on_conflict_do_nothing())

    async def _answer(
        self,
        tx: Tx,
        kind: type[Accept] | type[Reject] | type[Ignore],
        join: Join,
        joiner: Account,
        sender_id: int,
        sender: Uri,
    ) -> None:
        """Answer with the whole Join inside: some servers cannot look their own up by its id."""
        answer = kind(
            id=self._addresses.activity(self._ids.next()),
            actor=sender,
            object=join.id,
            inner=join,
            to=(join.actor,),
        )
        await self._outbox.send(tx, sender_id, answer, Audience(actors=(joiner.id,)))

    async def _forget(self, tx: Tx, sender: Uri, uri: Uri) -> None:
        space = await queries.by_uri(tx, uri)
        leaver = await self._people.by_uri(tx, sender)
        if space is not None and space.local and leaver is not None:
            await tx.execute(
                delete(Attendance).where(Attendance.space_id == space.id, Attendance.account_id == leaver.id)
            )

    async def _answered(
        self, tx: Tx, verified: Verified[Accept] | Verified[Reject] | Verified[Ignore], state: str
    ) -> None:
        """Write what the host says to the Join of one of ours; nobody else's word counts."""
        row = (
            await tx.execute(
                select(Attendance, Account.uri)
                .join(Space, Space.id == Attendance.space_id)
                .join(Account, Account.id == Space.host_id)
                .where(Attendance.join_uri == verified.activity.object, Space.local.is_(False))
            )
        ).one_or_none()
        if row is None:
            return
        attendance, host_uri = row
        if not may_change(verified.sender, Uri(host_uri)):
            raise Refused("not_the_host", "That Join was to somebody else.", status=403)
        attendance.state = state
