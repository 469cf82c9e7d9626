"""Lists of posts, newest first, made when they are read.

Nothing is copied into anybody's timeline. The home timeline is chosen from a window of the newest posts
(`window.py`) by what the viewer wants to see: no blocked, muted or shunned people, no muted
conversations, no languages and boosts they switched off.

The statements are built once and kept: to build them anew each time would take SQLAlchemy many times
longer than it takes the database to answer.
"""

import functools
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, cast, exists, func, not_, or_, select

from fedispace.accounts.hiding import NOW, blocks, mutes, shuns_domain
from fedispace.accounts.models import Follow
from fedispace.accounts.paging import Page, paged
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.threads import pins
from fedispace.threads.attention import muted
from fedispace.threads.models import Status
from fedispace.threads.visibility import VIEWER, Posts, not_silenced, original, unmuted, visible, wanted
from fedispace.threads.window import has_followed_tag, nearest, window

_follows: Final = table_of(Follow).c
_WINDOWS: Final = (40, 160, 640, 2560, 10_240)
"""How many of the newest are looked through: the first, and wider ones when too few are to be shown."""


async def home(tx: Tx, viewer_id: int, page: Page, now: datetime) -> list[Status]:
    """Return what the viewer and those they follow posted and boosted, and what has hashtags they follow.

    Replies are shown when the viewer follows both sides, or is one of them (Mastodon's rule). A post
    that answers the very thing it is about, such as the announcement of a Space, is no reply.

    What is shown is chosen from a window of the newest: to ask of every followed account's newest post
    whether it is shown would take four times as long. When too few of a window are, the next one,
    which is wider, is looked through.
    """
    at: dict[str, Any] = {"viewer": viewer_id, "now": now, **page.cursors()}
    wanted_rows = at["limit"]
    sizes = [size for size in _WINDOWS if size >= 2 * wanted_rows]
    found: list[Status] = []
    while True:
        at["near"] = nearest(at["below"], at["above"], now, upwards=page.upwards)
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        found += (await tx.scalars(_home(tx.dialect_name, page.upwards, size), at)).all()
        if len(found) == wanted_rows:
            break
        count, first, last = (await tx.core(_extent(tx.dialect_name, page.upwards, size), at)).one()
        if count < size:
            break
        at |= {"above": last} if page.upwards else {"below": first}
        at |= {"limit": wanted_rows - len(found)}
    return page.newest_first(found)


async def public(
    tx: Tx,
    viewer_id: int | None,
    page: Page,
    now: datetime,
    *,
    local: bool = False,
    remote: bool = False,
) -> list[Status]:
    """Return public posts of anybody known here: no boosts, no replies to others, no silenced servers."""
    statement = _public(viewer_id is None, local and not remote, remote and not local, page.upwards)
    rows = await tx.scalars(statement, {"viewer": viewer_id, "now": now, **page.cursors()})
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
def _extent(dialect: str, upwards: bool, size: int) -> Select[int, int, int]:
    looked_at = window(dialect, upwards, size).subquery().c.id
    return select(func.count(looked_at), func.min(looked_at), func.max(looked_at))


@functools.cache
def _home(dialect: str, upwards: bool, size: int) -> Select[Status]:
    statement = _looked_at(dialect, window(dialect, upwards, size)).where(
        or_(
            Status.in_reply_to_uri.is_(None),
            Status.in_reply_to_uri == Status.subject_uri,
            Status.in_reply_to_account_id == Status.account_id,
            Status.in_reply_to_account_id == VIEWER,
            Status.account_id == VIEWER,
            exists().where(
                _follows.account_id == VIEWER,
                _follows.target_id == Status.in_reply_to_account_id,
                _follows.accepted.is_(True),
            ),
            and_(Status.visibility == "public", has_followed_tag(Status.id)),
        ),
        not_(_unwanted(Status)),
        not_(_switched_off()),
        visible(VIEWER, not_(_unwanted(original))),
    )
    return paged(statement, Status.id, upwards=upwards)


def _looked_at(dialect: str, ids: Select[int]) -> Select[Status]:
    """Select the posts of a window; one after the other, so that what a full page does not need is not read.

    SQLite does that of itself. PostgreSQL would lose the order in an IN, and read all of their posts.
    """
    if dialect == "postgresql":
        in_order = ids.subquery("in_order")
        return select(Status).join(in_order, in_order.c.id == Status.id)
    return select(Status).where(Status.id.in_(ids))


def _unwanted(post: Posts) -> ColumnElement[bool]:
    """Return the condition that the viewer wants to read nothing of a post's author or conversation.

    As one condition, so that PostgreSQL keeps the posts in the order of the window and asks this of each:
    it would make a join of its own of every NOT EXISTS.
    """
    author = post.account_id
    return or_(
        and_(
            author != VIEWER,
            or_(blocks(VIEWER, author), mutes(VIEWER, author, NOW), shuns_domain(VIEWER, author)),
        ),
        muted(VIEWER, post.conversation_id),
    )


def _switched_off() -> ColumnElement[bool]:
    """Return the condition that the viewer follows the author but not their boosts, or this language."""
    spoken = cast(_follows.languages, String).like('%"' + Status.language + '"%')
    return exists().where(
        _follows.account_id == VIEWER,
        _follows.target_id == Status.account_id,
        or_(
            and_(Status.boost_of_id.is_not(None), _follows.show_boosts.is_(False)),
            and_(
                Status.boost_of_id.is_(None),
                Status.language.is_not(None),
                cast(_follows.languages, String).like("[%"),
                not_(spoken),
            ),
        ),
    )


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
        unmuted(viewer, NOW),
        not_silenced(viewer),
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
