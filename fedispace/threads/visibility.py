"""The rule of `audience.py` where the posts are: in SQL for lists, and for one post by its facts."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.orm.util import AliasedClass

from fedispace.accounts.models import Account, Block, Follow
from fedispace.db.engine import Tx
from fedispace.errors import NotFound
from fedispace.threads.audience import StatusFacts, Viewer, can_view, parse_visibility
from fedispace.threads.models import Mention, Status

Posts = type[Status] | AliasedClass[Status]


def visible(viewer_id: int | None) -> ColumnElement[bool]:
    """Return the condition under which a row of `Status` exists for the viewer (None: a stranger).

    A boost is seen by whoever may see both the boost and the post it passes on.
    """
    original = aliased(Status)
    return and_(
        _seen(Status, viewer_id),
        or_(
            Status.boost_of_id.is_(None),
            exists().where(original.id == Status.boost_of_id, _seen(original, viewer_id)),
        ),
    )


def _seen(post: Posts, viewer_id: int | None) -> ColumnElement[bool]:
    author: InstrumentedAttribute[int] = post.account_id
    shared = post.visibility.in_(("public", "unlisted"))
    active = ~exists().where(Account.id == author, Account.suspended_at.is_not(None))
    if viewer_id is None:
        return and_(shared, active)
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
        or_(author == viewer_id, ~blocked),
        active,
    )


def mentioned(post: Posts, viewer_id: int) -> ColumnElement[bool]:
    """Return the condition that a post is addressed to the viewer by name."""
    return exists().where(
        Mention.status_id == post.id, Mention.account_id == viewer_id, Mention.silent.is_(False)
    )


def wanted(viewer_id: int | None) -> ColumnElement[bool]:
    """Return the condition that the viewer has not blocked the author, for lists nobody asked by name."""
    if viewer_id is None:
        return true()
    return ~exists().where(Block.account_id == viewer_id, Block.target_id == Status.account_id)


async def require_visible(tx: Tx, viewer_id: int | None, status_id: int) -> Status:
    """Return the post, or raise the `NotFound` that an id nobody gave out raises."""
    status = await tx.get(Status, status_id)
    if status is None or not await may_see(tx, viewer_id, status):
        raise NotFound("There is no such post.")
    return status


async def may_see(tx: Tx, viewer_id: int | None, status: Status) -> bool:
    """Tell whether the viewer may see this post, and what it boosts."""
    if not await _may_see(tx, viewer_id, status):
        return False
    if status.boost_of_id is None:
        return True
    original = await tx.get(Status, status.boost_of_id)
    return original is not None and await _may_see(tx, viewer_id, original)


async def _may_see(tx: Tx, viewer_id: int | None, status: Status) -> bool:
    author = status.account_id
    facts: list[ColumnElement[Any]] = [
        exists().where(Account.id == author, Account.suspended_at.is_not(None)),
    ]
    if viewer_id is not None:
        facts += [
            exists().where(
                Follow.account_id == viewer_id, Follow.target_id == author, Follow.accepted.is_(True)
            ),
            exists().where(
                Mention.status_id == status.id, Mention.account_id == viewer_id, Mention.silent.is_(False)
            ),
            exists().where(Block.account_id == author, Block.target_id == viewer_id),
        ]
    suspended, *relation = (await tx.execute(select(*facts))).one()
    follows, named, blocked = relation or (False, False, False)
    return can_view(
        Viewer(
            account_id=viewer_id, follows_author=follows, is_mentioned=named, is_blocked_by_author=blocked
        ),
        StatusFacts(
            author_id=author,
            visibility=parse_visibility(status.visibility),
            is_author_suspended=suspended,
        ),
    )
