"""Which post of ours a document's path leads to, and whether the asker may see it."""

from collections.abc import Mapping

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.db.engine import Tx
from fedispace.errors import NotFound
from fedispace.federation import tombstones
from fedispace.federation.addresses import Addresses
from fedispace.federation.routes import Asker
from fedispace.federation.vocab.objects import Tombstone
from fedispace.federation.vocab.uri import parse_uri
from fedispace.threads.models import Status
from fedispace.threads.visibility import may_see


async def shown(
    tx: Tx, people: People, addresses: Addresses, path: Mapping[str, str], asker: Asker
) -> tuple[Status, Account] | Tombstone:
    """Return the post of ours at a path and its author, or the tombstone in its place."""
    id_ = number(path["id"])
    status = await tx.get(Status, id_)
    if status is None:
        grave = await tombstones.tombstone(tx, addresses.status(path["name"], id_))
        if grave is None:
            raise NotFound("There is no such post.")
        return Tombstone(id=parse_uri(grave.uri), former_type=grave.former_type, deleted=grave.deleted_at)
    author = await people.by_id(tx, status.account_id)
    if not author.local or author.name_key != path["name"].lower():
        raise NotFound("There is no such post.")
    if not await may_see(tx, await viewer_of(tx, people, asker), status):
        raise NotFound("There is no such post.")
    return status, author


async def viewer_of(tx: Tx, people: People, asker: Asker) -> int | None:
    """Return the account of who signed the GET, if they are known here."""
    if asker.actor is None:
        return None
    account = await people.by_uri(tx, asker.actor)
    return None if account is None else account.id


def number(text: str) -> int:
    """Return an id from a path or a query; what is none leads nowhere."""
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) >= 2**63:
        raise NotFound("There is no such post.")
    return int(text)
