"""What our people answer when they are invited to a Space of another server.

The Accept or Reject goes to whoever made the Space; what they then are in the room, its server says.
"""

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Conflict
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Accept, Reject
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.spaces import access, declined, members, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Member
from fedispace.spaces.roles import MemberRole


class Guesting:
    """The verb of a guest."""

    def __init__(
        self, *, db: Database, ids: Ids, clock: Clock, addresses: Addresses, people: People, outbox: Outbox
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._outbox = outbox

    async def invitation(self, to: Account, space_id: int) -> Member | None:
        """Return what `to` is in a Space, and what is offered; raises `NotFound` for the unseen."""
        async with self._db.reading() as tx:
            space = await queries.space(tx, space_id, to.id)
            return await members.member(tx, space.id, to.id)

    async def answer(self, by: Account, space_id: int, *, accept: bool) -> Member | None:
        """Take what another server's host offers, or not; said again it is not sent again.

        Returns what `by` is there now, None for nothing. Raises `Conflict` when nothing is offered.
        """
        async with self._db.transaction() as tx:
            space = await queries.space(tx, space_id, by.id)
            row = await tx.get(Member, (space.id, by.id), with_for_update=True)
            if not accept and await declined.is_so(tx, space.id, by.id):
                return row
            if row is None or row.invite_uri is None or space.local:
                raise Conflict("You are not invited, or not any more.")
            if row.invited_as is None:
                if accept:
                    return row
                raise Conflict("You are not invited, or not any more.")
            access.require_unfinished(Phase(space.state))
            host = await self._people.by_id(tx, space.host_id)
            kind: type[Accept] | type[Reject] = Accept if accept else Reject
            answer = kind(
                id=self._addresses.activity(self._ids.next()),
                actor=Uri(by.uri),
                object=parse_uri(row.invite_uri),
                to=(Uri(host.uri),),
            )
            await self._outbox.send(tx, by.id, answer, Audience(actors=(host.id,)))
            now = self._clock.now()
            if not accept:
                await declined.note(tx, space.id, by.id, now)
            if not accept and row.invited_as == MemberRole.LISTENER:
                await tx.delete(row)
                return None
            if not accept:  # they are asked in as before, and so their host's server has it
                row.invited_as, row.updated_at = None, now
                if row.role == MemberRole.LISTENER:
                    row.invite_uri = None
                return row
            row.role, row.invited_as, row.updated_at = row.invited_as, None, now
        return row
