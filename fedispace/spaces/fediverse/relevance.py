"""Which Spaces of other servers are any business of ours.

Anybody may knock at the inbox. Without this rule a stranger could fill the disk, and the list of
Spaces that everybody sees, with anything (`threads/relevance.py` is the same rule for posts).
"""

from sqlalchemy import exists, select

from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.objects import Event
from fedispace.spaces import queries
from fedispace.threads.relevance import is_followed_here


async def concerns_us(tx: Tx, addresses: Addresses, event: Event) -> bool:
    """Tell whether an event that was sent to us is to be kept.

    It is when the Space is known here (somebody looked it up, or was told of it before), when one of
    ours follows its host, or when it is addressed to one of ours.
    """
    return (
        await queries.by_uri(tx, event.id) is not None
        or await is_followed_here(tx, event.attributed_to)
        or await _is_addressed_here(tx, addresses, event)
    )


async def _is_addressed_here(tx: Tx, addresses: Addresses, event: Event) -> bool:
    """Tell whether the event is to somebody who lives here; a made-up address of ours is nobody's."""
    named = [uri for uri in (*event.to, *event.cc) if addresses.is_ours(uri)]
    if not named:
        return False
    return bool(await tx.scalar(select(exists().where(Account.uri.in_(named), Account.domain == ""))))
