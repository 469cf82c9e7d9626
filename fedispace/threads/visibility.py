"""The rule of `audience.py` where the posts are: in SQL for lists, and for one post by its facts."""

from typing import Final

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.orm.util import AliasedClass

from fedispace.accounts.hiding import Moment, blocks, mutes, shuns_domain
from fedispace.accounts.models import Account, Block, Follow
from fedispace.accounts.standing import is_shown
from fedispace.db.base import BigId
from fedispace.db.engine import Tx
from fedispace.errors import NotFound
from fedispace.moderation.silence import silenced
from fedispace.threads.audience import StatusFacts, Viewer, can_view, parse_visibility
from fedispace.threads.known import Post
from fedispace.threads.models import Mention, Status

Posts = type[Status] | AliasedClass[Status]
ViewerId = int | BindParameter[int]
"""An account's id; or, in a statement that is built once, the parameter that holds it."""

VIEWER: Final = bindparam("viewer", type_=BigId)
original: Final = aliased(Status)
"""What a boost passes on, in conditions about boosts."""


def visible(viewer_id: ViewerId | None, *passed_on: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition under which a row of `Status` exists for the viewer (None: a stranger).

    A boost is seen by whoever may see both the boost and the post it passes on. `passed_on` is what else
    must be true of that post (`original`), so that it need not be looked up again.
    """
    return and_(
        _seen(Status, viewer_id),
        or_(
            Status.boost_of_id.is_(None),
            exists().where(original.id == Status.boost_of_id, _seen(original, viewer_id), *passed_on),
        ),
    )


def _seen(post: Posts, viewer_id: ViewerId | None) -> ColumnElement[bool]:
    author: InstrumentedAttribute[int] = post.account_id
    shared = or_(post.visibility == "public", post.visibility == "unlisted")
    active = ~exists().where(Account.id == author, ~is_shown())
    approved = post.pending_approval.is_(False)
    if viewer_id is None:
        return and_(shared, approved, active)
    follows = exists().where(
        Follow.account_id == viewer_id, Follow.target_id == author, Follow.accepted.is_(True)
    )
    blocked = exists().where(Block.account_id == author, Block.target_id == viewer_id)
    return and_(
        or_(
            shared,
            author == viewer_id,
            mentioned(post, viewer_id),
            and_(post.visibility == "private", follows),
        ),
        or_(approved, author == viewer_id, post.in_reply_to_account_id == viewer_id),
        or_(author == viewer_id, ~blocked),
        active,
    )


def mentioned(post: Posts, viewer_id: ViewerId) -> ColumnElement[bool]:
    """Return the condition that a post is addressed to the viewer by name."""
    return exists().where(
        Mention.status_id == post.id, Mention.account_id == viewer_id, Mention.silent.is_(False)
    )


def wanted(viewer_id: ViewerId | None) -> ColumnElement[bool]:
    """Return the condition that the viewer has blocked neither the author nor their domain.

    For lists nobody asked by name.
    """
    if viewer_id is None:
        return true()
    return and_(~blocks(viewer_id, Status.account_id), ~shuns_domain(viewer_id, Status.account_id))


def unmuted(viewer_id: ViewerId | None, now: Moment) -> ColumnElement[bool]:
    """Return the condition that the viewer does not mute the author at the moment `now`."""
    return true() if viewer_id is None else ~mutes(viewer_id, Status.account_id, now)


def not_silenced(viewer_id: ViewerId | None) -> ColumnElement[bool]:
    """Return the condition that the author's server is not silenced, or that the viewer follows them."""
    if viewer_id is None:
        return ~silenced(Status.account_id)
    follows = exists().where(
        Follow.account_id == viewer_id,
        Follow.target_id == Status.account_id,
        Follow.accepted.is_(True),
    )
    return or_(Status.account_id == viewer_id, ~silenced(Status.account_id), follows)


async def require_visible(tx: Tx, viewer_id: int | None, status_id: int) -> Status:
    """Return the post, or raise the `NotFound` that an id nobody gave out raises."""
    status = await tx.get(Status, status_id)
    if status is None or not await may_see(tx, viewer_id, status):
        raise NotFound("There is no such post.")
    return status


async def may_see(tx: Tx, viewer_id: int | None, status: Post) -> bool:
    """Tell whether the viewer may see this post, and what it boosts."""
    if not await _may_see(tx, viewer_id, status):
        return False
    if status.boost_of_id is None:
        return True
    original = await tx.get(Status, status.boost_of_id)
    return original is not None and await _may_see(tx, viewer_id, original)


async def _may_see(tx: Tx, viewer_id: int | None, status: Post) -> bool:
    await tx.flush()
    author = {"author": status.account_id}
    if viewer_id is None:
        (suspended,) = (await tx.core(_AUTHOR, author)).one()
        follows = named = blocked = False
    else:
        relation = {"viewer": viewer_id, "post": status.id}
        suspended, follows, named, blocked = (await tx.core(_RELATION, author | relation)).one()
    return can_view(
        Viewer(
            account_id=viewer_id, follows_author=follows, is_mentioned=named, is_blocked_by_author=blocked
        ),
        StatusFacts(
            author_id=status.account_id,
            visibility=parse_visibility(status.visibility),
            is_author_suspended=suspended,
            unapproved=status.pending_approval,
            answers_id=status.in_reply_to_account_id,
        ),
    )


def _relation() -> tuple[Select[bool], Select[bool, bool, bool, bool]]:
    author, post = bindparam("author", type_=BigId), bindparam("post", type_=BigId)
    suspended = exists().where(Account.id == author, ~is_shown())
    follows = exists().where(
        Follow.account_id == VIEWER, Follow.target_id == author, Follow.accepted.is_(True)
    )
    named = exists().where(Mention.status_id == post, Mention.account_id == VIEWER, Mention.silent.is_(False))
    blocked = exists().where(Block.account_id == author, Block.target_id == VIEWER)
    return select(suspended), select(suspended, follows, named, blocked)


_AUTHOR, _RELATION = _relation()
