"""What was taken back before it came: an Undo that overtakes its Like, its Announce or its Follow wins.

It is remembered for whom it was taken back, because nobody takes back what somebody else did, not even
on the same server. Only of accounts that are known here, or strangers could fill the table.
"""

from fedispace.accounts.people import Somebody
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation.origin import same_origin
from fedispace.federation.tombstones import bury, is_buried, tombstone


async def remember(tx: Tx, clock: Clock, by: Somebody | None, uri: str, kind: str) -> None:
    """Remember that `by` took back the activity `uri`, which has not come yet."""
    if by is not None and same_origin(uri, by.uri):
        await bury(tx, clock, _mark(by.uri, uri), kind)


async def was_undone(tx: Tx, actor: str, uri: str) -> bool:
    """Tell whether the actor took back its activity `uri` before it came."""
    return await is_buried(tx, _mark(actor, uri))


async def is_undone_once(tx: Tx, actor: str, uri: str) -> bool:
    """Tell the same of a Follow, and forget it: some peers give the next Follow of the same two its id."""
    mark = await tombstone(tx, _mark(actor, uri))
    if mark is not None:
        await tx.delete(mark)
        await tx.flush()
    return mark is not None


def _mark(actor: str, uri: str) -> str:
    """Return what stands for the activity among the tombstones: its address, and whose it is."""
    return f"{uri} of {actor}"
