"""A Space with everything a page or an app shows of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.spaces import queries
from fedispace.spaces.models import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceView:
    """`speakers` are those whose microphone is connected now; another server's are not known."""

    space: Space
    host: Account
    listener_count: int
    speakers: tuple[Account, ...]


async def view(tx: Tx, spaces: Sequence[Space]) -> list[SpaceView]:
    """Return the views of `spaces`, in their order, in two queries however many they are.

    The Spaces must already be visible to whoever looks.
    """
    if not spaces:
        return []
    speaking = await queries.speakers_in(tx, [space.id for space in spaces])
    wanted = {space.host_id for space in spaces}.union(*speaking.values())
    rows = await tx.scalars(select(Account).where(Account.id.in_(wanted)))
    accounts = {account.id: account for account in rows}
    return [
        SpaceView(
            space=space,
            host=accounts[space.host_id],
            listener_count=space.listener_count,
            speakers=tuple(accounts[id_] for id_ in speaking.get(space.id, ()) if id_ in accounts),
        )
        for space in spaces
    ]
