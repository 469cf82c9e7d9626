"""Lists of posts, newest first, made when they are read.

Nothing is copied into anybody's timeline. The home timeline is one statement: the database walks
the newest posts of each followed account by the index on (account_id, id) and leaves each walk as
soon as it has nothing newer to add.

The statements are built once and kept: to build them anew each time would take SQLAlchemy many times
longer than it takes the database to answer.
"""

import functools
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    union_all,
)

from fedispace.accounts.models import Block, Follow
from fedispace.accounts.paging import Page, paged
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.threads import pins
from fedispace.threads.models import Status
from fedispace.threads.visibility import VIEWER, original, visible, wanted

_posts: Final = table_of(Status).alias().c
_follows: Final = table_of(Follow).c
_WINDOW: Final = 4
_WIDEST: Final = 10_000


async def home(tx: Tx, viewer_id: int, page: Page) -> list[Status]:
    """Return what the viewer and those they follow posted and boosted.

    Replies are shown when the viewer follows both sides, or is one of them (Mastodon's rule). A post
    that answers the very thing it is about, such as the announcement of a Space, is no reply.

    What is shown is chosen from a window of the newest: to ask of every followed account's newest post
    whether it is shown would take four times as long. When too few of a window are, the next one,
    which is wider, is looked through.
    """
    at: dict[str, int] = {"viewer": viewer_id, **page.cursors()}
    wanted_rows, at["window"] = at["limit"], _WINDOW * at["limit"]
    found: list[Status] = []
    while True:
        found += (await tx.scalars(_home(page.upwards), at)).all()
        if len(found) == wanted_rows:
            break
        size, first, last = (await tx.core(_extent(page.upwards), at)).one()
        if size < at["window"]:
            break
        at |= {"above": last} if page.upwards else {"below": first}
        at |= {"limit": wanted_rows - len(found), "window": min(4 * at["window"], _WIDEST)}
    return page.newest_first(found)


async def public(
    tx: Tx, viewer_id: int | None, page: Page, *, local: bool = False, remote: bool = False
) -> list[Status]:
    """Return public posts of anybody known here: no boosts, and no replies to others."""
    statement = _public(viewer_id is None, local and not remote, remote and not local, page.upwards)
    rows = await tx.scalars(statement, {"viewer": viewer_id, **page.cursors()})
    return page.newest_first(rows.all())


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
    """Return what an account posted, or pinned, as far as the viewer may see it."""
    if pinned:
        return list(await pins.pinned(tx, viewer_id, account_id, page))
    statement = _of_account(viewer_id is None, exclude_replies, exclude_reblogs, only_media, page.upwards)
    rows = await tx.scalars(statement, {"viewer": viewer_id, "account": account_id, **page.cursors()})
    return page.newest_first(rows.all())


@functools.cache
def _window(upwards: bool) -> Select[int]:
    """Select the newest posts of the viewer and those they follow, whatever they are."""
    following = select(_follows.target_id).where(_follows.account_id == VIEWER, _follows.accepted.is_(True))
    return (
        select(_posts.id)
        .where(_posts.account_id.in_(union_all(following, select(VIEWER))))
        .where(_posts.id < bindparam("below", type_=BigId), _posts.id > bindparam("above", type_=BigId))
        .order_by(_posts.id.asc() if upwards else _posts.id.desc())
        .limit(bindparam("window", type_=BigId))
    )


@functools.cache
def _extent(upwards: bool) -> Select[int, int, int]:
    window = _window(upwards).subquery().c.id
    return select(func.count(window), func.min(window), func.max(window))


@functools.cache
def _home(upwards: bool) -> Select[Status]:
    quiet = exists().where(
        Follow.account_id == VIEWER,
        Follow.target_id == Status.account_id,
        Follow.show_boosts.is_(False),
    )
    boosts_of_blocked = exists().where(
        original.id == Status.boost_of_id,
        Block.account_id == VIEWER,
        Block.target_id == original.account_id,
    )
    statement = select(Status).where(
        Status.id.in_(_window(upwards)),
        or_(
            Status.in_reply_to_uri.is_(None),
            Status.in_reply_to_uri == Status.subject_uri,
            Status.in_reply_to_account_id == Status.account_id,
            Status.in_reply_to_account_id == VIEWER,
            Status.account_id == VIEWER,
            exists().where(
                Follow.account_id == VIEWER,
                Follow.target_id == Status.in_reply_to_account_id,
                Follow.accepted.is_(True),
            ),
        ),
        or_(Status.boost_of_id.is_(None), and_(~quiet, ~boosts_of_blocked)),
        visible(VIEWER),
    )
    return paged(statement, Status.id, upwards=upwards)


@functools.cache
def _public(stranger: bool, only_local: bool, only_remote: bool, upwards: bool) -> Select[Status]:
    viewer = None if stranger else VIEWER
    places = [place for place, excluded in ((True, only_remote), (False, only_local)) if not excluded]
    statement = select(Status).where(
        Status.visibility == "public",
        Status.local.in_(places),
        Status.boost_of_id.is_(None),
        _not_a_reply(),
        wanted(viewer),
        visible(viewer),
    )
    return paged(statement, Status.id, upwards=upwards)


@functools.cache
def _of_account(
    stranger: bool, exclude_replies: bool, exclude_reblogs: bool, only_media: bool, upwards: bool
) -> Select[Status]:
    account = bindparam("account", type_=BigId)
    statement = select(Status).where(Status.account_id == account, visible(None if stranger else VIEWER))
    if exclude_replies:
        statement = statement.where(_not_a_reply())
    if exclude_reblogs:
        statement = statement.where(Status.boost_of_id.is_(None))
    if only_media:
        statement = statement.where(cast(Status.attachments, String) != "[]")
    return paged(statement, Status.id, upwards=upwards)


def _not_a_reply() -> ColumnElement[bool]:
    return or_(
        Status.in_reply_to_uri.is_(None),
        Status.in_reply_to_uri == Status.subject_uri,
        Status.in_reply_to_account_id == Status.account_id,
    )
