"""Who is in a room, or could come in at any moment, and must not be there any more: found in the rows.

What a block, a ban, a suspension or a decision about a server means for open rooms follows from the rows
alone, whoever wrote them: another process, a command line, another server's activity, before a restart or
after it. So nobody has to be told, and nothing is forgotten. It is asked so often that building the questions
cost more than the answers: they are built once, at the end of this module.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Subquery, and_, bindparam, exists, or_, select, union

from fedispace.accounts.models import Account, Follow, User
from fedispace.db.base import UtcDateTime
from fedispace.db.engine import Tx
from fedispace.federation.models import ActorRow
from fedispace.spaces import queries, safety
from fedispace.spaces.access import OPEN_TO_ALL
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Member, Pass, Space, Ticket
from fedispace.spaces.roles import MemberRole

AT_ONCE: Final = 200
UNFINISHED: Final = (Phase.SCHEDULED, Phase.LIVE)
_NOW: Final = bindparam("now", type_=UtcDateTime())


async def intruders(tx: Tx, now: datetime, shut_out: Collection[str]) -> list[tuple[int, int]]:
    """Return pairs of a Space of ours and an account that must go, so many at once.

    `shut_out` are the hosts of other servers of which nobody may be here.
    """
    rows = await tx.core(_INTRUDERS, {"now": now, "hosts": list(shut_out)})
    return [(row[0], row[1]) for row in rows]


async def hosts_there(tx: Tx, now: datetime) -> set[str]:
    """Return the other servers whose people are in rooms of ours."""
    rows = await tx.core(_HOSTS_THERE, {"now": now})
    return {name for row in rows for name in row if name}


async def orphaned(tx: Tx) -> list[int]:
    """Return the Spaces of ours that nobody may see any more, because of who made them."""
    return list((await tx.core(_ORPHANED, {})).scalars())


def is_out() -> ColumnElement[bool]:
    """The condition on an account, a Space and the member of both (or none) that it may not be there."""
    return or_(_is_gone(), is_kept_out())


def is_not_asked_in() -> ColumnElement[bool]:
    """The condition on the same that a Space of ours is not, or not any more, for this account to see.

    It is for its guests, or for followers, and they are neither now: its host has narrowed the door, or has
    let a follower go.
    """
    follows = exists().where(
        Follow.account_id == Account.id, Follow.target_id == Space.host_id, Follow.accepted
    )
    return and_(
        Space.local,
        Space.access.not_in(sorted(OPEN_TO_ALL)),
        Account.id != Space.host_id,
        ~queries.is_guest(),
        or_(Space.access != "followers", ~follows),
    )


def _there() -> Subquery:
    """Return who is in a room, or holds what opens it, or has a place in it; each once."""
    pairs: list[Any] = [
        select(LiveSession.space_id, LiveSession.account_id).where(
            LiveSession.ended_at.is_(None), LiveSession.account_id.is_not(None)
        ),
        select(Pass.space_id, Pass.account_id).where(Pass.revoked_at.is_(None), Pass.expires_at > _NOW),
        select(Ticket.space_id, Ticket.account_id).where(Ticket.used_at.is_(None), Ticket.expires_at > _NOW),
        select(Member.space_id, Member.account_id).where(
            Member.removed_at.is_(None),
            or_(
                Member.role != MemberRole.LISTENER,
                Member.hand_at.is_not(None),
                Member.invited_as.is_not(None),
            ),
        ),
    ]
    return union(*pairs).subquery()


def _is_gone() -> ColumnElement[bool]:
    is_disabled = exists().where(User.id == Account.id, User.disabled_at.is_not(None))
    return or_(Account.suspended_at.is_not(None), Account.suspended_at_home.is_(True), is_disabled)


def _is_shut_out() -> ColumnElement[bool]:
    hosts: BindParameter[str] = bindparam("hosts", expanding=True)
    return or_(ActorRow.host.in_(hosts), Account.domain.in_(hosts))


def is_kept_out() -> ColumnElement[bool]:
    """The rules of `access.is_let_in` as a condition on many rows."""
    return and_(
        Account.id != Space.host_id,
        or_(Member.role.is_(None), Member.role != MemberRole.HOST),
        or_(
            Member.removed_at.is_not(None),
            safety.is_banned_by_host(Space.id, Space.host_id, Account.id),
            safety.is_blocked_by_host(Space.id, Space.host_id, Account.id),
            safety.is_shunned_by_host(Space.id, Space.host_id, Account.id),
            safety.is_blocked_by_stage(Space.id, Account.id, Member.role),
        ),
    )


_SOMEBODY: Final = _there()
_INTRUDERS: Final = (
    select(_SOMEBODY.c.space_id, _SOMEBODY.c.account_id)
    .join(Space, Space.id == _SOMEBODY.c.space_id)
    .join(Account, Account.id == _SOMEBODY.c.account_id)
    .join(ActorRow, ActorRow.id == _SOMEBODY.c.account_id)
    .outerjoin(
        Member,
        and_(Member.space_id == _SOMEBODY.c.space_id, Member.account_id == _SOMEBODY.c.account_id),
    )
    .where(Space.local, Space.state.in_(UNFINISHED))
    .where(or_(is_out(), is_not_asked_in(), _is_shut_out()))
    .limit(AT_ONCE)
)
_HOSTS_THERE: Final = (
    select(ActorRow.host, Account.domain)
    .join(Account, Account.id == ActorRow.id)
    .where(Account.domain != "", ActorRow.id.in_(select(_SOMEBODY.c.account_id)))
    .distinct()
)
_ORPHANED: Final = (
    select(Space.id)
    .join(Account, Account.id == Space.host_id)
    .where(Space.local, Space.state.in_(UNFINISHED))
    .where(or_(Account.suspended_at.is_not(None), Account.suspended_at_home.is_(True)))
    .limit(AT_ONCE)
)
