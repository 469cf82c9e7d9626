"""Who may stay at a room's door: asked when somebody comes to listen to its events, and again while they do.

What a person may do is judged when they do it. But an open connection goes on by itself, so whoever may no
longer be there is looked for every two seconds, all connections of a process at once, whether or not a
message on the bus said so: that may be lost. A connection that shows a pass or a token ends with it.
"""

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from fedispace.accounts.models import Account, OAuthToken, User
from fedispace.accounts.standing import is_shown
from fedispace.db.engine import Tx
from fedispace.spaces import access, queries
from fedispace.spaces.access import OPEN_TO_ALL, parse_access
from fedispace.spaces.events.room_events import OVER
from fedispace.spaces.models import Member, Pass, Space
from fedispace.spaces.sound.intruders import is_kept_out, is_not_asked_in

_AT_ONCE: Final = 400


class Reason(enum.Enum):
    """Why somebody may not stay."""

    OVER = "the Space is over"
    OUT = "not allowed in this Space"
    EXPIRED = "the pass has ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who is at the door: nobody known, or an account by a pass or a token until then."""

    account_id: int | None = None
    pass_hash: str | None = None
    token_hash: str | None = None
    expires_at: datetime | None = None


VISITOR: Final = Holder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somebody's place at a room's door."""

    space_id: int
    holder: Holder


async def require_welcome(tx: Tx, space_id: int, account_id: int | None) -> Space:
    """Return the Space of ours to whoever may hear what happens there; raises why not."""
    space = await queries.space(tx, space_id, account_id)
    if not space.local:
        raise access.no_such_space()
    standing = await queries.standing(tx, space, account_id)
    access.require_presence(parse_access(space.access), standing)
    return space


async def unwelcome(tx: Tx, places: Collection[Place], now: datetime) -> dict[Place, Reason]:
    """Return those who may not stay, and why; a few queries however many there are."""
    spaces = await _spaces(tx, {place.space_id for place in places})
    there: dict[int, set[int]] = {}
    for place in places:
        if place.holder.account_id is not None:
            there.setdefault(place.space_id, set()).add(place.holder.account_id)
    people = set().union(*there.values())
    shown = set(await _scalars(tx, Account.id, people, is_shown(), User.disabled_at.is_(None)))
    out = await _kept_out(tx, there)
    good = await _good(tx, places, now)
    found: dict[Place, Reason] = {}
    for place in places:
        space, holder = spaces.get(place.space_id), place.holder
        if space is None or space.state in OVER:
            found[place] = Reason.OVER
        elif holder.account_id is None:
            if parse_access(space.access) not in OPEN_TO_ALL:
                found[place] = Reason.EXPIRED
        elif (place.space_id, holder.account_id) in out:
            found[place] = Reason.OUT
        elif holder.account_id not in shown or not {holder.pass_hash, holder.token_hash} & good:
            found[place] = Reason.EXPIRED
    return found


async def _spaces(tx: Tx, ids: Collection[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for some in _in_parts(ids):
        columns = select(Space.id, Space.state, Space.access)
        found |= {row.id: row for row in await tx.execute(columns.where(Space.id.in_(some)))}
    return found


async def _kept_out(tx: Tx, there: Mapping[int, set[int]]) -> set[tuple[int, int]]:
    """Return who is in a Space and may not be: sent out of it, banned, blocked, or not asked in any more."""
    out: set[tuple[int, int]] = set()
    for space_id, people in there.items():
        for some in _in_parts(people):
            rows = await tx.scalars(
                select(Account.id)
                .join(Space, Space.id == space_id)
                .outerjoin(Member, and_(Member.space_id == space_id, Member.account_id == Account.id))
                .where(Account.id.in_(some), or_(is_kept_out(), is_not_asked_in()))
            )
            out |= {(space_id, account_id) for account_id in rows}
    return out


async def _good(tx: Tx, places: Collection[Place], now: datetime) -> set[str | None]:
    """Return the hashes of those passes and tokens that are good still."""
    passes = {place.holder.pass_hash for place in places} - {None}
    tokens = {place.holder.token_hash for place in places} - {None}
    good: set[str | None] = set()
    for some in _in_parts(passes):
        holds = and_(Pass.revoked_at.is_(None), Pass.expires_at > now)
        good |= set(await tx.scalars(select(Pass.token_hash).where(Pass.token_hash.in_(some), holds)))
    for some in _in_parts(tokens):
        rows = select(OAuthToken.token_hash).where(OAuthToken.token_hash.in_(some))
        good |= set(await tx.scalars(rows))
    return good


async def _scalars(
    tx: Tx, column: InstrumentedAttribute[int], values: Collection[int], *conditions: ColumnElement[bool]
) -> list[int]:
    found: list[int] = []
    for some in _in_parts(values):
        statement = select(column).outerjoin(User, User.id == column).where(column.in_(some), *conditions)
        found += await tx.scalars(statement)
    return found


def _in_parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    every = list(values)
    return (every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE))
