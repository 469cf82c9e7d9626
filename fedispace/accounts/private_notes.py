"""What somebody wrote down for themselves about somebody else. Nobody else ever reads it."""

from typing import Final

from sqlalchemy import delete

from fedispace.accounts.models import Account, PrivateNote
from fedispace.accounts.people import People
from fedispace.accounts.relationships import Relationship, relationship
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.db.upsert import insert
from fedispace.errors import Invalid

MAX_COMMENT: Final = 2000


class PrivateNotes:
    """Writes private notes."""

    def __init__(self, db: Database, clock: Clock, people: People) -> None:
        self._db = db
        self._clock = clock
        self._people = people

    async def write(self, by: Account, target_id: int, comment: str) -> Relationship:
        """Replace the note about an account; an empty one is none."""
        if len(comment) > MAX_COMMENT:
            raise Invalid(f"A note has at most {MAX_COMMENT} characters.", field="comment")
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            if comment:
                row = {"account_id": by.id, "target_id": target.id, "comment": comment}
                await tx.execute(
                    insert(tx, PrivateNote)
                    .values(row)
                    .on_conflict_do_update(
                        index_elements=["account_id", "target_id"], set_={"comment": comment}
                    )
                )
            else:
                await tx.execute(
                    delete(PrivateNote).where(
                        PrivateNote.account_id == by.id, PrivateNote.target_id == target.id
                    )
                )
            return await relationship(tx, by.id, target.id, self._clock.now())
