"""Which posts of other servers are any business of ours.

Anybody may knock at the inbox; only what somebody here follows, is addressed by, or is talking about
is kept. Without this rule a stranger could fill the disk, and the public timeline, with anything.
"""

from typing import Final

from sqlalchemy import String, bindparam, exists, or_, select

from fedispace.accounts.models import Account, Follow
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.links import Mention
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.models import Status

_followed: Final = exists().where(Follow.target_id == Account.id, Follow.accepted.is_(True))
_IS_FOLLOWED: Final = select(
    exists()
    .where(Follow.target_id == Account.id, Follow.accepted.is_(True))
    .where(Account.uri == bindparam("actor", type_=String()), Account.domain != "")
)
_ANSWERS_ONE_OF_INTEREST: Final = select(
    exists().where(
        Status.uri == bindparam("answered", type_=String()),
        Account.id == Status.account_id,
        or_(Account.domain == "", _followed),
    )
)


async def is_followed_here(tx: Tx, actor: str) -> bool:
    """Tell whether somebody of ours follows the actor."""
    return bool((await tx.core(_IS_FOLLOWED, {"actor": actor})).scalar())


async def concerns_us(tx: Tx, addresses: Addresses, note: Note, *, is_followed: bool) -> bool:
    """Tell whether a note that was sent to us is to be kept; `is_followed` its author by one of ours."""
    if is_followed or is_addressed_here(addresses, note):
        return True
    if note.in_reply_to is None:
        return False
    if addresses.is_ours(note.in_reply_to):
        return True
    return bool((await tx.core(_ANSWERS_ONE_OF_INTEREST, {"answered": note.in_reply_to})).scalar())


def is_addressed_here(addresses: Addresses, note: Note) -> bool:
    """Tell whether a note is to, or names, somebody of ours."""
    tagged = (tag.href for tag in note.tags if isinstance(tag, Mention))
    return is_any_ours(addresses, (*note.to, *note.cc, *tagged))


def is_any_ours(addresses: Addresses, uris: tuple[Uri, ...]) -> bool:
    return any(addresses.is_ours(uri) for uri in uris)
