"""A post that its own server no longer has.

We hear of it when we ask for a post that we know once more. "Gone" is said of what was deleted. "Not
found" is also what a server says to us of a post that is not for everybody: so it takes away only posts
that are, or anybody could have us ask and lose what somebody was told in private.
"""

from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Gone, NotFound
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Status
from fedispace.threads.removal import remove


async def vanished(db: Database, clock: Clock, uri: str, answer: NotFound | Gone) -> None:
    """Remove our copy of another server's post, if its server's answer means that it is no more."""
    async with db.transaction() as tx:
        status = (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()
        if status is None or status.local or status.boost_of_id is not None:
            return
        if isinstance(answer, Gone) or is_distributable(status.visibility):
            await remove(tx, clock, status)
