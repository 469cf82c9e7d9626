"""May this person do this with that post: the facts from the database, the verdict from `policies.py`."""

from typing import Final

from sqlalchemy import Select, bindparam, exists, select

from fedispace.accounts.models import Block, Follow
from fedispace.accounts.people import Somebody
from fedispace.db.base import BigId
from fedispace.db.engine import Tx
from fedispace.threads.audience import is_distributable, parse_visibility
from fedispace.threads.known import Post
from fedispace.threads.models import Mention
from fedispace.threads.policies import Answer, Asker, Kind, answer
from fedispace.threads.policy_wire import policy_of

_LET_IN: Final = Answer(verdict="automatic")


async def judge(tx: Tx, kind: Kind, by: Somebody, status: Post) -> Answer:
    """Decide whether `by`, who may see the post, may do `kind` with it.

    The database is only asked where the answer depends on more than the post itself: on nearly every
    post everybody may do everything.
    """
    if by.id == status.account_id and status.visibility != "direct":
        return _LET_IN
    if is_open(status, kind):
        return _LET_IN
    return answer(
        policy_of(status), kind, await asker_of(tx, by, status), parse_visibility(status.visibility)
    )


async def asker_of(tx: Tx, by: Somebody, status: Post) -> Asker:
    """Return what `by` is to a post and its author."""
    at = {"asker": by.id, "author": status.account_id, "post": status.id}
    await tx.flush()
    follows, followed, named, blocked = (await tx.core(_RELATIONS, at)).one()
    return Asker(
        actor=by.uri,
        is_author=by.id == status.account_id,
        is_follower=follows,
        is_followed=followed,
        is_mentioned=named,
        is_blocked=blocked,
    )


def is_open(status: Post, kind: Kind) -> bool:
    """Tell whether everybody who may see the post may do `kind` with it."""
    parties = policy_of(status).of(kind)
    if "public" not in parties.automatic or parties.manual:
        return False
    return kind in ("reply", "favourite") or is_distributable(status.visibility)


def _relations() -> Select[bool, bool, bool, bool]:
    asker, author = bindparam("asker", type_=BigId), bindparam("author", type_=BigId)
    post = bindparam("post", type_=BigId)
    follows = exists().where(
        Follow.account_id == asker, Follow.target_id == author, Follow.accepted.is_(True)
    )
    followed = exists().where(
        Follow.account_id == author, Follow.target_id == asker, Follow.accepted.is_(True)
    )
    named = exists().where(Mention.status_id == post, Mention.account_id == asker)
    blocked = exists().where(Block.account_id == author, Block.target_id == asker)
    return select(follows, followed, named, blocked)


_RELATIONS: Final = _relations()
