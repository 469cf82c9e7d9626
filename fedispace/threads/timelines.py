"""Lists of posts, newest first, made when they are read.

Nothing is copied into anybody's timeline. The home timeline is one statement: the database walks
the newest posts of each followed account by the index on (account_id, id) and leaves each walk as
soon as it has nothing newer to add.
"""

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from fedispace.accounts.models import Block, Follow
from fedispace.accounts.paging import Page
from fedispace.db.engine import Tx
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible, wanted


async def home(tx: Tx, viewer_id: int, page: Page) -> list[Status]:
    """Return what the viewer and those they follow posted and boosted.

    Replies are shown when the viewer follows both sides, or is one of them (Mastodon's rule). A post
    that answers the very thing it is about, such as the announcement of a Space, is no reply.
    """
    following = select(Follow.target_id).where(Follow.account_id == viewer_id, Follow.accepted.is_(True))
    quiet = exists().where(
        Follow.account_id == viewer_id,
        Follow.target_id == Status.account_id,
        Follow.show_boosts.is_(False),
    )
    statement = select(Status).where(
        Status.account_id.in_(union_all(following, select(literal(viewer_id)))),
        or_(
            Status.in_reply_to_uri.is_(None),
            Status.in_reply_to_uri == Status.subject_uri,
            Status.in_reply_to_account_id == Status.account_id,
            Status.in_reply_to_account_id == viewer_id,
            Status.account_id == viewer_id,
            exists().where(
                Follow.account_id == viewer_id,
                Follow.target_id == Status.in_reply_to_account_id,
                Follow.accepted.is_(True),
            ),
        ),
        or_(Status.boost_of_id.is_(None), and_(~quiet, ~_boosts_of_blocked(viewer_id))),
        visible(viewer_id),
    )
    return await _page(tx, statement, page)


async def public(
    tx: Tx, viewer_id: int | None, page: Page, *, local: bool = False, remote: bool = False
) -> list[Status]:
    """Return public posts of anybody known here: no boosts, and no replies to others."""
    places = [place for place, excluded in ((True, remote), (False, local)) if not excluded] or [True, False]
    statement = select(Status).where(
        Status.visibility == "public",
        Status.local.in_(places),
        Status.boost_of_id.is_(None),
        _not_a_reply(),
        wanted(viewer_id),
        visible(viewer_id),
    )
    return await _page(tx, statement, page)


async def of_account(
    tx: Tx,
    viewer_id: int | None,
    account_id: int,
    page: Page,
    *,
    exclude_replies: bool = False,
    exclude_reblogs: bool = False,
    only_media: bool = False,
    pinned: bool = False,
) -> list[Status]:
    """Return what an account posted, as far as the viewer may see it; nothing is ever pinned yet."""
    if pinned:
        return []
    statement = select(Status).where(Status.account_id == account_id, visible(viewer_id))
    if exclude_replies:
        statement = statement.where(_not_a_reply())
    if exclude_reblogs:
        statement = statement.where(Status.boost_of_id.is_(None))
    if only_media:
        statement = statement.where(cast(Status.attachments, String) != "[]")
    return await _page(tx, statement, page)


async def _page(tx: Tx, statement: Select[Status], page: Page) -> list[Status]:
    return page.newest_first((await tx.scalars(page.apply(statement, Status.id))).all())


def _not_a_reply() -> ColumnElement[bool]:
    return or_(
        Status.in_reply_to_uri.is_(None),
        Status.in_reply_to_uri == Status.subject_uri,
        Status.in_reply_to_account_id == Status.account_id,
    )


def _boosts_of_blocked(viewer_id: int) -> ColumnElement[bool]:
    original = aliased(Status)
    return exists().where(
        original.id == Status.boost_of_id,
        Block.account_id == viewer_id,
        Block.target_id == original.account_id,
    )
