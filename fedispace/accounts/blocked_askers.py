"""Whom our people block, as the federation door has to know it: who signs a GET is an actor.

Somebody of a domain that a person blocks is blocked; of whom we know no account, the host is the domain.
"""

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import aliased

from fedispace.accounts.handles import name_key
from fedispace.accounts.models import Account, Block, DomainMute
from fedispace.db.engine import Database
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of


class BlockedAskers:
    """Answers for each document that is a person's."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def is_blocked(self, name: str, asker: Uri) -> bool:
        """Tell whether the person `name` here blocks the actor `asker`."""
        owner, other = aliased(Account), aliased(Account)
        async with self._db.reading() as tx:
            owns = (owner.name_key == name_key(name), owner.domain == "")
            blocks = exists().where(
                *owns, other.uri == asker, Block.account_id == owner.id, Block.target_id == other.id
            )
            domain = select(other.domain).where(other.uri == asker).scalar_subquery()
            shuns = exists().where(
                *owns,
                DomainMute.account_id == owner.id,
                or_(DomainMute.domain == host_of(asker), DomainMute.domain == domain),
            )
            return bool(await tx.scalar(select(or_(blocks, shuns))))
