"""In which order rows are taken, so that two transactions never wait for each other: the Space first.

Every verb of a room takes the Space's row for itself (`members.locked`), and then whatever it changes:
sessions, passes, tickets, stream keys. Whoever changes those for another reason (an audio server reports who
went, somebody signs out, somebody comes in with a ticket) takes the Space's row first, too. Else one holds a
session and waits for the Space, to count its listeners, while the other holds the Space and waits for the
session, and PostgreSQL ends one of them with an error: the host, who only wanted to end the Space.

Several Spaces are taken in the order of their ids. SQLite has one writer, and nothing to take.
"""

from typing import Any

from sqlalchemy import CompoundSelect, Select, select

from fedispace.db.engine import Tx
from fedispace.spaces.models import Space


async def take_spaces(tx: Tx, ids: Select[int] | CompoundSelect[Any]) -> None:
    """Take the rows of these Spaces, to change what hangs on them."""
    if tx.dialect_name == "postgresql":
        which = select(Space.id).where(Space.id.in_(ids)).order_by(Space.id)
        await tx.execute(which.with_for_update(key_share=True))


async def take_space(tx: Tx, space_id: int) -> None:
    """Take the row of one Space, to change what hangs on it."""
    await take_spaces(tx, select(Space.id).where(Space.id == space_id))


async def hold_space(tx: Tx, space_id: int) -> None:
    """Wait until no verb has a Space's row, and have the next one wait; others may hold it as well."""
    if tx.dialect_name == "postgresql":
        held = select(Space.id).where(Space.id == space_id)
        await tx.execute(held.with_for_update(read=True, key_share=True))
