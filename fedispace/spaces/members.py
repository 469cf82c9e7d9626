"""Who is what in a Space of ours, as the rows say it.

Every verb that changes a row here takes the Space's row first, for itself alone (`locked`): two verbs at
once in one room happen one after the other, on both databases, so what was counted still holds when it
is written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, exists, func, select, tuple_, update

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.errors import Forbidden
from fedispace.spaces import access, queries, safety
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import HostBan, LiveSession, Member, Space
from fedispace.spaces.roles import ON_STAGE, MemberRole

MOST_SHOWN: Final = 200
_REMEMBERED: Final = timedelta(days=1)
_ON_STAGE: Final = tuple(sorted(ON_STAGE))
_BY_RANK: Final = case(
    {role.value: rank for rank, role in enumerate(MemberRole)}, value=Member.role, else_=len(MemberRole)
)


def born(space_id: int, account_id: int, role: MemberRole, now: datetime) -> Member:
    """Return a new row: what somebody is from now on."""
    return Member(
        space_id=space_id,
        account_id=account_id,
        role=role,
        may_unmute=True,
        is_shown=False,
        has_mic_on=False,
        created_at=now,
        updated_at=now,
    )


async def locked(tx: Tx, space_id: int) -> Space:
    """Return a Space of ours, which nobody else changes until the end of the transaction."""
    space = await tx.get(Space, space_id, with_for_update=True, populate_existing=True)
    if space is None or not space.local:
        raise access.no_such_space()
    return space


async def member(tx: Tx, space_id: int, account_id: int) -> Member | None:
    """Return somebody's row; who has none is a listener like any other."""
    return await tx.get(Member, (space_id, account_id))


async def ensured(tx: Tx, space_id: int, account_id: int, now: datetime) -> Member:
    """Return somebody's row, written if there was none; the Space must be `locked`."""
    row = await member(tx, space_id, account_id)
    if row is None:
        row = born(space_id, account_id, MemberRole.LISTENER, now)
        tx.add(row)
        await tx.flush()
    return row


async def role_of(tx: Tx, space_id: int, account_id: int | None) -> MemberRole:
    """Return what somebody is in a Space."""
    if account_id is None:
        return MemberRole.LISTENER
    role = await tx.scalar(
        select(Member.role).where(Member.space_id == space_id, Member.account_id == account_id)
    )
    return MemberRole.LISTENER if role is None else MemberRole(role)


async def seen(tx: Tx, there: Collection[tuple[int, int]], now: datetime) -> None:
    """Note that these people, as pairs of Space and account, hear their rooms now."""
    await tx.execute(
        update(Member)
        .where(tuple_(Member.space_id, Member.account_id).in_(sorted(there)))
        .values(seen_at=now)
    )


def is_on_stage() -> ColumnElement[bool]:
    """The condition on a row that somebody is on stage."""
    return and_(Member.role.in_(_ON_STAGE), Member.removed_at.is_(None))


async def stage(tx: Tx, space_id: int) -> Sequence[Member]:
    """Return who is on stage: the host, then co-hosts, then speakers, longest there first."""
    rows = await tx.scalars(
        select(Member)
        .where(Member.space_id == space_id, is_on_stage())
        .order_by(_BY_RANK, Member.updated_at, Member.account_id)
        .limit(MOST_SHOWN)
    )
    return rows.all()


async def count_on_stage(tx: Tx, space_id: int) -> int:
    """Return how many are on stage."""
    statement = select(func.count()).select_from(Member).where(Member.space_id == space_id, is_on_stage())
    return await tx.scalar(statement) or 0


async def host_of(tx: Tx, space_id: int) -> Member | None:
    """Return who hosts a Space now; none of one that is over and older than roles are."""
    rows = await tx.scalars(select(Member).where(Member.space_id == space_id, Member.role == MemberRole.HOST))
    return rows.one_or_none()


async def cohosts(tx: Tx, space_id: int) -> Sequence[Member]:
    """Return the co-hosts, longest there first."""
    rows = await tx.scalars(
        select(Member)
        .where(Member.space_id == space_id, Member.role == MemberRole.COHOST)
        .order_by(Member.updated_at, Member.account_id)
        .limit(MOST_SHOWN)
    )
    return rows.all()


async def hands(tx: Tx, space_id: int) -> Sequence[Member]:
    """Return the raised hands, first raised first."""
    rows = await tx.scalars(
        select(Member)
        .where(_has_hand_up(space_id))
        .order_by(Member.hand_at, Member.account_id)
        .limit(MOST_SHOWN)
    )
    return rows.all()


async def count_hands(tx: Tx, space_id: int) -> int:
    """Return how many hands are up."""
    return await tx.scalar(select(func.count()).select_from(Member).where(_has_hand_up(space_id))) or 0


async def hand_position(tx: Tx, row: Member) -> int | None:
    """Return somebody's place in the queue, from 1; none whose hand is down."""
    if row.hand_at is None or row.removed_at is not None:
        return None
    before = await tx.scalar(
        select(func.count())
        .select_from(Member)
        .where(_has_hand_up(row.space_id))
        .where(
            (Member.hand_at < row.hand_at)
            | and_(Member.hand_at == row.hand_at, Member.account_id < row.account_id)
        )
    )
    return (before or 0) + 1


async def shown(tx: Tx, space_id: int) -> list[int]:
    """Return the listeners who are there and chose to be named, by id."""
    is_there = (
        select(LiveSession.resource)
        .where(LiveSession.space_id == space_id, LiveSession.account_id == Member.account_id)
        .where(queries.is_present())
        .exists()
    )
    rows = await tx.scalars(
        select(Member.account_id)
        .where(Member.space_id == space_id, Member.is_shown, Member.removed_at.is_(None))
        .where(Member.role == MemberRole.LISTENER, is_there)
        .order_by(Member.account_id)
        .limit(MOST_SHOWN)
    )
    return list(rows)


async def removed(tx: Tx, space_id: int) -> Sequence[Member]:
    """Return who was sent out of a Space, last first."""
    rows = await tx.scalars(
        select(Member)
        .where(Member.space_id == space_id, Member.removed_at.is_not(None))
        .order_by(Member.removed_at.desc(), Member.account_id)
        .limit(MOST_SHOWN)
    )
    return rows.all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """Somebody to whom a role is offered, and who has not answered."""

    account: Account
    offered: MemberRole


async def invited(tx: Tx, space_id: int) -> list[Invited]:
    """Return to whom something is offered in a Space, by how long they have been known to it."""
    rows = await tx.execute(
        select(Account, Member.invited_as)
        .join(Member, Member.account_id == Account.id)
        .where(Member.space_id == space_id, Member.invited_as.is_not(None))
        .order_by(Member.created_at, Member.account_id)
        .limit(MOST_SHOWN)
    )
    return [Invited(account=row.Account, offered=MemberRole(row.invited_as)) for row in rows]


async def prune(db: Database, clock: Clock) -> None:
    """Forget who only listened in a Space of ours that was over a day ago: their hand, their wish to be seen.

    Nothing shows them any more. What still means something stays: who was on stage; who was sent out, and
    does not answer in its thread either; and who was asked in, for that is how they see a Space that is not
    for everybody, and hear of its changes.
    """
    is_over = exists().where(
        Space.id == Member.space_id,
        Space.local,
        Space.access != "invited",
        Space.state.in_((Phase.ENDED, Phase.CANCELLED)),
        func.coalesce(Space.ended_at, Space.updated_at) <= clock.now() - _REMEMBERED,
    )
    only_listened = and_(
        Member.role == MemberRole.LISTENER,
        Member.removed_at.is_(None),
        Member.invited_as.is_(None),
        Member.invite_uri.is_(None),
    )
    await forget(db, Member, only_listened, is_over)


def is_by_invitation_only(row: Member) -> bool:
    """Tell whether a row says nothing but that something was offered: they never came to anything here."""
    is_used = row.hand_at or row.muted_at or row.removed_at or row.is_shown
    return row.role == MemberRole.LISTENER and row.updated_at == row.created_at and not is_used


async def is_banned(tx: Tx, host_id: int, account_id: int) -> bool:
    """Tell whether a host lets somebody into none of his Spaces."""
    return await tx.get(HostBan, (host_id, account_id)) is not None


async def bans_on(tx: Tx, space: Space, account_id: int) -> Sequence[HostBan]:
    """Return the bans by which somebody is kept out of a Space: of who made it, and of who hosts it now."""
    rows = await tx.scalars(
        select(HostBan)
        .where(HostBan.account_id == account_id, HostBan.host_id.in_(await _keepers(tx, space)))
        .order_by(HostBan.host_id)
    )
    return rows.all()


async def banned_among(tx: Tx, space: Space, account_ids: Collection[int]) -> set[int]:
    """Return those of these accounts whom who made a Space, or who hosts it now, lets into none."""
    rows = await tx.scalars(
        select(HostBan.account_id).where(
            HostBan.account_id.in_(account_ids), HostBan.host_id.in_(await _keepers(tx, space))
        )
    )
    return set(rows)


async def present_host_id(tx: Tx, space: Space) -> int:
    """Return in whose name a Space is hosted now; who made it, if nobody does."""
    host = await host_of(tx, space.id)
    return space.host_id if host is None else host.account_id


async def require_may_host(tx: Tx, account_id: int) -> None:
    """Raise `Forbidden` for whom the operator lets host nothing: their own ban (`oversight`)."""
    if await is_banned(tx, account_id, account_id):
        raise Forbidden("You may not host Spaces here.")


async def standing(tx: Tx, space: Space, account_id: int) -> access.Standing:
    """Return what somebody is to a Space, after what was changed in this transaction."""
    await tx.flush()
    return await queries.standing(tx, space, account_id)


async def _keepers(tx: Tx, space: Space) -> set[int]:
    return {space.host_id, await present_host_id(tx, space)}


def _has_hand_up(space_id: int) -> ColumnElement[bool]:
    """The condition of a hand that hosts see: those of silenced servers only if a host follows them."""
    author = select(Space.host_id).where(Space.id == space_id).scalar_subquery()
    return and_(
        Member.space_id == space_id,
        Member.hand_at.is_not(None),
        Member.removed_at.is_(None),
        ~safety.is_unseen(space_id, author, Member.account_id),
    )
