"""Who declined an invitation: for a day a no that is said again is answered as it was at first.

Whoever declines what alone let them see a Space is on no list of it any more. When the answer is lost on its
way and they say it again, they are not to read that there never was such a Space.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.standing import is_shown
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.spaces import access, members, queries
from fedispace.spaces.models import Declined, Space

_REMEMBERED: Final = timedelta(days=1)


async def note(tx: Tx, space_id: int, account_id: int, now: datetime) -> None:
    """Write that somebody said no, for the first time or again."""
    statement = insert(tx, Declined).values(space_id=space_id, account_id=account_id, declined_at=now)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["space_id", "account_id"], set_={"declined_at": statement.excluded.declined_at}
        )
    )


async def is_so(tx: Tx, space_id: int, account_id: int) -> bool:
    """Tell whether the last thing somebody had to do with a Space was to decline it.

    Not of whom anything else keeps out since: for them there is no such Space.
    """
    statement = (
        select(Space, Declined.declined_at)
        .join(Declined, Declined.space_id == Space.id)
        .join(Account, Account.id == Space.host_id)
        .where(Space.id == space_id, Declined.account_id == account_id, is_shown())
    )
    found = (await tx.execute(statement)).one_or_none()
    if found is None:
        return False
    row = await members.member(tx, space_id, account_id)
    if row is not None and (row.invited_as is not None or row.updated_at > found.declined_at):
        return False
    standing = await queries.standing(tx, found.Space, account_id)
    return access.is_let_in(access.parse_access(found.Space.access), replace(standing, is_invited=True))


async def prune(db: Database, clock: Clock) -> None:
    """Forget who declined more than a day ago."""
    await forget(db, Declined, Declined.declined_at <= clock.now() - _REMEMBERED)
