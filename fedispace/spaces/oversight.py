"""What an operator sees of Spaces, and does about them: numbers, never names of listeners; end, and ban.

Who may host nothing here stands in the table of bans as somebody banned from their own Spaces: one rule,
asked where Spaces are made, opened and handed over.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, exists, func, or_, select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.spaces import members
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import HostBan, LiveSession, Member, Space
from fedispace.spaces.queries import is_present
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.verbs.hosting import Hosting

MOST_LISTED: Final = 500
UNFINISHED: Final = (Phase.LIVE, Phase.SCHEDULED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A Space of ours in numbers. `known` of those connected have an account."""

    space: Space
    host: Account
    speakers: int
    listeners: int
    known: int
    on_stage: int
    hands: int
    removed: int
    servers: tuple[str, ...]


class Oversight:
    """The operator's use cases."""

    def __init__(self, db: Database, clock: Clock, hosting: Hosting) -> None:
        self._db = db
        self._clock = clock
        self._hosting = hosting

    async def unfinished(self) -> list[Numbers]:
        """Return the Spaces of ours that are live or scheduled: live ones first, oldest first."""
        async with self._db.reading() as tx:
            rows = await tx.scalars(
                select(Space)
                .where(Space.local, Space.state.in_(UNFINISHED))
                .order_by(Space.state, Space.starts_at, Space.id)
                .limit(MOST_LISTED)
            )
            return [await _numbers(tx, space) for space in rows]

    async def one(self, space_id: int) -> Numbers:
        """Return a Space of ours; raises `NotFound`."""
        async with self._db.reading() as tx:
            space = await tx.get(Space, space_id)
            if space is None or not space.local:
                raise NotFound("There is no such Space here.")
            return await _numbers(tx, space)

    async def end(self, space_id: int) -> Space:
        """End or call off a Space for everybody."""
        return await self._hosting.end(space_id)

    async def ban_from_hosting(self, account: Account) -> int:
        """Let somebody of ours host nothing any more, and end what they host; return how many that were."""
        if not account.local:
            raise Invalid("Only people of this server host Spaces here.")
        await self._ban(account.id, account.id)
        async with self._db.reading() as tx:
            hosts = exists().where(
                Member.space_id == Space.id, Member.account_id == account.id, Member.role == MemberRole.HOST
            )
            ids = await tx.scalars(
                select(Space.id).where(
                    or_(Space.host_id == account.id, hosts), Space.local, Space.state.in_(UNFINISHED)
                )
            )
            theirs = list(ids)
        for space_id in theirs:
            await self._hosting.end(space_id)
        return len(theirs)

    async def ban_from(self, host: Account, account: Account) -> None:
        """Let somebody into none of a host's Spaces; a running server sends them out."""
        if not host.local:
            raise Invalid("Only people of this server host Spaces here.")
        if host.id == account.id:
            raise Conflict("A host is not banned from their own Spaces; ban them from hosting.")
        await self._ban(host.id, account.id)

    async def lift(self, host: Account, account: Account) -> None:
        """Lift a ban: from a host's Spaces, or of hosting when both are the same."""
        async with self._db.transaction() as tx:
            lifted = await tx.scalar(
                delete(HostBan)
                .where(HostBan.host_id == host.id, HostBan.account_id == account.id)
                .returning(HostBan.account_id)
            )
        if lifted is None:
            raise NotFound("There is no such ban.")

    async def _ban(self, host_id: int, account_id: int) -> None:
        """Write a ban that is nobody's: no host lifts it. It takes the place of a host's own."""
        row = {"host_id": host_id, "account_id": account_id, "created_at": self._clock.now()}
        async with self._db.transaction() as tx:
            ban = insert(tx, HostBan).values({**row, "banned_by": None})
            await tx.execute(
                ban.on_conflict_do_update(
                    index_elements=["host_id", "account_id"], set_={"banned_by": ban.excluded.banned_by}
                )
            )


async def _numbers(tx: Tx, space: Space) -> Numbers:
    hosting = await members.host_of(tx, space.id)
    host = await tx.get(Account, space.host_id if hosting is None else hosting.account_id)
    assert host is not None
    there = await tx.execute(
        select(
            LiveSession.role,
            LiveSession.sfu,
            func.count(),
            func.count(LiveSession.account_id),
        )
        .where(LiveSession.space_id == space.id, is_present())
        .group_by(LiveSession.role, LiveSession.sfu)
    )
    rows = [(row[0], row[1], row[2], row[3]) for row in there]
    return Numbers(
        space=space,
        host=host,
        speakers=sum(many for role, _, many, _ in rows if role == "speaker"),
        listeners=sum(many for role, _, many, _ in rows if role == "listener"),
        known=sum(known for _, _, _, known in rows),
        on_stage=await members.count_on_stage(tx, space.id),
        hands=await members.count_hands(tx, space.id),
        removed=len(await members.removed(tx, space.id)),
        servers=tuple(sorted({sfu for _, sfu, _, _ in rows})),
    )
