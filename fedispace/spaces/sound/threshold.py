"""What of a Space decides who comes in, read where everybody passes, hundreds within seconds if it goes well.

So it is asked by statements that are built once, past the session, and not with all that is known of a Space.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Row, String, bindparam, select

from fedispace.accounts.models import Account
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.spaces import access
from fedispace.spaces.access import Access
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Space

_accounts: Final = table_of(Account).c
_sessions: Final = table_of(LiveSession)
_spaces: Final = table_of(Space).c
_RULES: Final = (
    _spaces.id,
    _spaces.host_id,
    _spaces.access,
    _spaces.state,
    _spaces.local,
    _spaces.paused_at.is_not(None).label("paused"),
)
_SHOWN: Final = (
    select(*_RULES)
    .join(table_of(Account), _accounts.id == _spaces.host_id)
    .where(
        _spaces.id == bindparam("space", type_=BigInteger()),
        _accounts.suspended_at.is_(None),
        _accounts.suspended_at_home.is_(False),
    )
)
_HELD: Final = (
    select(*_RULES)
    .join(_sessions, _sessions.c.space_id == _spaces.id)
    .where(
        _sessions.c.resource == bindparam("resource", type_=String()),
        _sessions.c.ended_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The rules of a Space about who comes in."""

    id: int
    host_id: int
    access: Access
    phase: Phase
    is_paused: bool


async def threshold(tx: Tx, space_id: int) -> Threshold:
    """Return the rules of a Space of ours that is shown to anybody at all; raises `NotFound`."""
    row = (await tx.core(_SHOWN, {"space": space_id})).one_or_none()
    if row is None or not row.local:
        raise access.no_such_space()
    return _read(row)


async def threshold_of_session(tx: Tx, resource: str) -> Threshold | None:
    """Return the rules that hold for a session now; None when somebody has ended it."""
    row = (await tx.core(_HELD, {"resource": resource})).one_or_none()
    return None if row is None else _read(row)


def _read(row: Row[*tuple[Any, ...]]) -> Threshold:
    return Threshold(
        id=row.id,
        host_id=row.host_id,
        access=access.parse_access(row.access),
        phase=Phase(row.state),
        is_paused=row.paused,
    )
