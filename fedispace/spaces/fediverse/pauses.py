"""That a room of ours is paused, and goes on, told to other servers: their people read it before they listen.

A few seconds later, and once for all that happened meanwhile: hosts who press the button over and over do not
make us write to every follower's server as often. The job takes itself back in the transaction in which it
reads the row, which the verb holds as well; so a pause that comes while it runs has a job of its own.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.spaces import lifecycle, members
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.lifecycle import Phase

TELL_PAUSE: Final = "spaces.tell_pause"
SETTLES: Final = timedelta(seconds=5)


async def enqueue_pause(tx: Tx, jobs: Jobs, space_id: int, now: datetime) -> None:
    """Have others told, soon, whether a room is paused; the Space must be `locked`."""
    await jobs.enqueue(tx, TELL_PAUSE, {"space": space_id}, run_at=now + SETTLES, unique_key=_key(space_id))


class PauseNews:
    """Runs the job."""

    def __init__(self, db: Database, clock: Clock, jobs: Jobs, tidings: Tidings) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._tidings = tidings

    def tasks(self) -> Mapping[str, Task]:
        return {TELL_PAUSE: self.tell}

    async def tell(self, arguments: Arguments) -> None:
        """Send the Event as it is now; that a Space is over was told when it ended."""
        space_id = int(arguments["space"])
        async with self._db.transaction() as tx:
            try:
                space = await members.locked(tx, space_id)
            except NotFound:
                return
            await self._jobs.cancel(tx, _key(space_id))
            author = await tx.get(Account, space.host_id)
            if author is None or space.state != Phase.LIVE:
                return
            space.updated_at = lifecycle.after_change(space.updated_at, self._clock.now())
            await self._tidings.told(tx, space, author)


def _key(space_id: int) -> str:
    return f"{TELL_PAUSE} {space_id}"
