"""The post that said that a Space is live says in the end that it is over.

Whoever sees it in a timeline hours later is not sent to an empty room. A job, because it is an edit like
any other and may take its time; a host who has rewritten the post by hand keeps what he wrote.
"""

from collections.abc import Mapping
from typing import Final

from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.spaces.fediverse import wire
from fedispace.spaces.models import Space
from fedispace.threads.edits import Editing
from fedispace.threads.models import Status
from fedispace.threads.written import Draft

SAY_FAREWELL: Final = "spaces.say_farewell"


async def enqueue_farewell(tx: Tx, jobs: Jobs, space: Space) -> None:
    """Have the announcement of an ended Space rewritten."""
    if space.announcement_id is not None:
        await jobs.enqueue(tx, SAY_FAREWELL, {"space": space.id}, unique_key=f"{SAY_FAREWELL} {space.id}")


class Farewell:
    """Runs the job."""

    def __init__(self, db: Database, people: People, editing: Editing) -> None:
        self._db = db
        self._people = people
        self._editing = editing

    def tasks(self) -> Mapping[str, Task]:
        return {SAY_FAREWELL: self.say}

    async def say(self, arguments: Arguments) -> None:
        """Rewrite the post; one that is gone, or says something else by now, is left alone."""
        async with self._db.reading() as tx:
            space = await tx.get(Space, int(arguments["space"]))
            if space is None or space.announcement_id is None:
                return
            host = await self._people.by_id(tx, space.host_id)
            status = await tx.get(Status, space.announcement_id)
            if status is None or status.edited_at is not None:
                return
        try:
            await self._editing.edit(host, status.id, Draft(text=wire.farewell_of(space, host)))
        except NotFound:
            return
