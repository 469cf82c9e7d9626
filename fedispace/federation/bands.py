"""In which queue a delivery stands, so that much of one kind never keeps the rest waiting.

What concerns few people (a reply, a follow, a mention) stands in a queue of its own. What goes to very
many stands in one of several, by its sender, so that a viral post is in the way of few other senders
and of nobody's replies (stochastic fairness queueing, McKenney 1990). Deletes and updates that go to all
followers wait in the last queue: somebody who deletes ten thousand old posts is in nobody's way. Each
claim takes an equal share of every queue in which something is due, so none of them starves either.

Within a sender and a host the order holds across the queues (`leases.py`): a Delete stays behind its
Create.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import literal, select, union_all

from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.federation.models import Delivery
from fedispace.queue.leases import due

ORDINARY: Final = 0
BULK: Final = tuple(range(1, 7))
LOW: Final = 7
ALL: Final = (ORDINARY, *BULK, LOW)

MANY: Final = 100
"""So many inboxes make a fan-out one to very many."""

_LOW_TYPES: Final = frozenset({"Delete", "Update"})


def band_of_followers(activity_type: str, sender_id: int, *, inboxes: int) -> int:
    """Return the queue of deliveries to the followers of `sender_id`, who listen at so many inboxes."""
    if activity_type in _LOW_TYPES:
        return LOW
    if inboxes > MANY:
        # Ids are made of the time and a little chance; their lowest bits are what chance there is.
        return BULK[sender_id % len(BULK)]
    return ORDINARY


_deliveries = table_of(Delivery)
_bands = union_all(*(select(literal(band, literal_execute=True).label("band")) for band in ALL)).subquery()
_BUSY = select(_bands.c.band).where(
    select(_deliveries.c.id).where(_deliveries.c.band == _bands.c.band, due(_deliveries.c)).exists()
)


async def with_something_due(tx: Tx, now: datetime) -> Sequence[int]:
    """Return the queues in which something is due, lanes apart."""
    return list((await tx.core(_BUSY, {"now": now})).scalars())
