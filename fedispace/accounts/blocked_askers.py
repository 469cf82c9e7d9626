"""Whom our people block, as the federation door has to know it: who signs a GET is an actor."""

from sqlalchemy import select
from sqlalchemy.orm import aliased

from fedispace.accounts.handles import name_key
from fedispace.accounts.models import Account, Block
from fedispace.db.engine import Database
from fedispace.federation.vocab.uri import Uri


class BlockedAskers:
    """Answers for each document that is a person's."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def is_blocked(self, name: str, asker: Uri) -> bool:
        """Tell whether the person `name` here blocks the actor `asker`."""
        owner, other = aliased(Account), aliased(Account)
        async with self._db.reading() as tx:
            found = await tx.scalar(
                select(Block.id)
                .join(owner, owner.id == Block.account_id)
                .join(other, other.id == Block.target_id)
                .where(owner.name_key == name_key(name), owner.domain == "", other.uri == asker)
            )
        return found is not None
