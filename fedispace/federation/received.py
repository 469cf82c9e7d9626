"""What came in, to the byte: for passing on, later, what proves itself only as it was sent.

It is kept for a week (`inbox.py`); after that whoever wants it fetches what it was about.
"""

from sqlalchemy import select

from fedispace.db.engine import Tx
from fedispace.federation.models import InboxItem


async def body_of(tx: Tx, activity_id: str) -> bytes | None:
    """Return the bytes of an activity that was received, if they are still here."""
    return await tx.scalar(select(InboxItem.body).where(InboxItem.activity_id == activity_id))
