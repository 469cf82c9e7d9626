"""The newest posts that may belong in somebody's home timeline, before anything is asked of them.

Those of the viewer and of whom they follow, and public ones with a hashtag they follow. The two
databases get there by different ways:

SQLite walks the newest posts of every followed account by the index on (account_id, id) and leaves each
walk as soon as it has nothing newer to add.

PostgreSQL would read all the posts of all of them and sort, so it is led. First it looks nearby. Whoever
follows many finds enough among the newest posts of everybody: a slice of those is walked, and left when
the window is full. For whoever follows fewer, the posts of half a day are taken of each: one look into the
index, which ends where the half day does. What is found so is the window, if it is as wide. If not, the one
newest post of each is looked up, of which only as many authors as the window is wide can matter; then the
posts of those authors, none older than the oldest of these newest ones. Without an end
the index reads a whole page of somebody's posts to find the newest.

Hashtags are looked at no further back than the window of people reaches. How wide the window is stands in
the statement, or it would be planned for a tenth of all posts.
"""

import functools
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    Subquery,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union,
    union_all,
)

from fedispace.accounts.models import Account, Follow
from fedispace.db.base import BigId, table_of
from fedispace.ids import id_at
from fedispace.threads.models import Status, StatusTag, TagFollow
from fedispace.threads.visibility import VIEWER

_posts: Final = table_of(Status).alias("posts").c
_follows: Final = table_of(Follow).c
_status_tags: Final = table_of(StatusTag).c
_tag_follows: Final = table_of(TagFollow).c
_BELOW: Final = bindparam("below", type_=BigId)
_ABOVE: Final = bindparam("above", type_=BigId)
_NEAR: Final = bindparam("near", type_=BigId)
_MANY: Final = 200
"""Whoever follows as many has perhaps enough of them among the newest posts of everybody."""
_SLICE: Final = 1000
"""How many of those are walked."""
_LATELY: Final = id_at(datetime(1970, 1, 1, 12, tzinfo=UTC))
"""How far back, as ids go, each of fewer is looked at first."""


@functools.cache
def window(dialect: str, upwards: bool, size: int) -> Select[int]:
    """Select the ids of the `size` newest posts (or oldest, upwards) between `below` and `above`."""
    many: ColumnElement[int] = literal_column(str(size))
    by_people: FromClause
    if dialect == "postgresql":
        by_people = _led(upwards, many)
        by_tags = _tagged_led(upwards, many, by_people)
    else:
        by_people, by_tags = _walked(upwards, many), _tagged_walked(upwards, many)
    both = union(select(by_people.c.id), select(by_tags.c.id)).subquery("both")
    return select(both.c.id).order_by(_ordered(both.c.id, upwards)).limit(many)


def nearest(below: int, above: int, now: datetime, *, upwards: bool) -> int:
    """Return the parameter `near`: where to stop, between `below` and `above`, when looking nearby."""
    if upwards:
        return min(below, above + _LATELY)
    return max(above, min(below, id_at(now)) - _LATELY)


def has_followed_tag(post_id: Any) -> ColumnElement[bool]:
    """Return the condition that a post has a hashtag the viewer follows."""
    return exists().where(
        _status_tags.status_id == post_id,
        _tag_follows.account_id == VIEWER,
        _tag_follows.name_key == _status_tags.name_key,
    )


def _people() -> Any:
    following = select(_follows.target_id).where(_follows.account_id == VIEWER, _follows.accepted.is_(True))
    return union_all(following, select(VIEWER))


def _walked(upwards: bool, many: ColumnElement[int]) -> Subquery:
    return (
        select(_posts.id)
        .where(_posts.account_id.in_(_people()), _posts.id < _BELOW, _posts.id > _ABOVE)
        .order_by(_ordered(_posts.id, upwards))
        .limit(many)
        .subquery("by_people")
    )


def _led(upwards: bool, many: ColumnElement[int]) -> CTE:
    people = _listed()
    near = _near(people, upwards, many)
    is_enough = select(func.count() >= many).select_from(near).scalar_subquery()
    heads = _heads(people, upwards, many, is_enough)
    edge = _edge(heads, upwards, many)
    bounds = (_posts.id > _ABOVE, _posts.id < edge) if upwards else (_posts.id < _BELOW, _posts.id > edge)
    theirs = _newest(heads.c.person, bounds, upwards, many).lateral("theirs")
    led = select(theirs.c.id).select_from(heads.join(theirs, true())).where(not_(is_enough))
    either = union_all(select(near.c.id).where(is_enough), led).subquery("either")
    return select(either.c.id).order_by(_ordered(either.c.id, upwards)).limit(many).cte("by_people")


def _listed() -> CTE:
    """Select whom the viewer follows, and the viewer, as one array.

    How long one is PostgreSQL takes for the same whoever asks; so it keeps its plan. It would plan the
    whole timeline anew for every page, which takes longer than to run it, for the sake of this number.
    """
    following = select(_follows.target_id).where(_follows.account_id == VIEWER, _follows.accepted.is_(True))
    listed = func.array_append(func.array(following.scalar_subquery()), VIEWER)
    return select(listed.label("ids")).cte("people")


def _near(people: CTE, upwards: bool, many: ColumnElement[int]) -> CTE:
    """Select what is found the quick way; the window is that, if it is as wide."""
    are_many = select(func.cardinality(people.c.ids) > literal_column(str(_MANY))).scalar_subquery()
    newest = (
        select(_posts.id, _posts.account_id)
        .where(_posts.id < _BELOW, _posts.id > _ABOVE, are_many)
        .order_by(_ordered(_posts.id, upwards))
        .limit(literal_column(str(_SLICE)))
        .subquery("newest_of_all")
    )
    listed = select(func.unnest(people.c.ids, type_=BigId))
    theirs = or_(newest.c.account_id == VIEWER, newest.c.account_id.in_(listed))
    of_all = select(newest.c.id).where(theirs).order_by(_ordered(newest.c.id, upwards)).limit(many)
    each = select(func.unnest(people.c.ids, type_=BigId).label("id")).where(not_(are_many)).subquery("each")
    bounds = (_posts.id > _ABOVE, _posts.id < _NEAR) if upwards else (_posts.id < _BELOW, _posts.id > _NEAR)
    lately = _newest(each.c.id, bounds, upwards, many).lateral("lately")
    of_each = select(lately.c.id).select_from(each.join(lately, true()))
    found = union_all(select(of_all.subquery("of_all").c.id), of_each).subquery("found_near")
    return select(found.c.id).order_by(_ordered(found.c.id, upwards)).limit(many).cte("near")


def _newest(
    person: ColumnElement[int],
    bounds: tuple[ColumnElement[bool], ...],
    upwards: bool,
    many: ColumnElement[int],
) -> Select[int]:
    """Select the newest posts of one person."""
    theirs = select(_posts.id).where(_posts.account_id == person, *bounds)
    return theirs.order_by(_ordered(_posts.id, upwards)).limit(many)


def _heads(people: CTE, upwards: bool, many: ColumnElement[int], is_enough: ScalarSelect[bool]) -> CTE:
    """Select the newest post of each, as many as the window is wide."""
    each = select(func.unnest(people.c.ids, type_=BigId).label("id")).subquery("each")
    bounds = (_posts.id < _BELOW, _posts.id > _ABOVE)
    newest = _newest(each.c.id, bounds, upwards, literal_column("1")).lateral("newest")
    return (
        select(each.c.id.label("person"), newest.c.id.label("id"))
        .select_from(each.join(newest, true()))
        .where(not_(is_enough))
        .order_by(_ordered(newest.c.id, upwards))
        .limit(many)
        .cte("heads")
    )


def _edge(found: FromClause, upwards: bool, many: ColumnElement[int]) -> ScalarSelect[int]:
    """Select how far the window reaches: to the last of what was found, if that is all it can hold."""
    are_all = func.count() < many
    low = _BELOW if upwards else _ABOVE
    last = func.max(found.c.id) + 1 if upwards else func.min(found.c.id) - 1
    return select(case((are_all, low), else_=last)).select_from(found).scalar_subquery()


def _tagged_walked(upwards: bool, many: ColumnElement[int]) -> Subquery:
    names = select(_tag_follows.name_key).where(_tag_follows.account_id == VIEWER)
    return (
        select(_status_tags.status_id.label("id"))
        .where(
            _status_tags.name_key.in_(names),
            *_may_be_shown(_status_tags.status_id),
        )
        .order_by(_ordered(_status_tags.status_id, upwards))
        .limit(many)
        .subquery("by_tags")
    )


def _tagged_led(upwards: bool, many: ColumnElement[int], by_people: FromClause) -> Subquery:
    edge = _edge(by_people, upwards, many)
    near = _status_tags.status_id < edge if upwards else _status_tags.status_id > edge
    names = select(_tag_follows.name_key).where(_tag_follows.account_id == VIEWER).subquery("names")
    found = (
        select(_status_tags.status_id.label("id"))
        .where(
            _status_tags.name_key == names.c.name_key,
            near,
            *_may_be_shown(_status_tags.status_id),
        )
        .order_by(_ordered(_status_tags.status_id, upwards))
        .limit(many)
        .lateral("found")
    )
    return (
        select(found.c.id)
        .select_from(names.join(found, true()))
        .order_by(_ordered(found.c.id, upwards))
        .limit(many)
        .subquery("by_tags")
    )


def _may_be_shown(post_id: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a post is shown for its hashtag alone.

    Asked of each by its id: left the choice, SQLite would begin with all posts that are no boosts.
    """
    post, author = table_of(Status).alias("tagged_post"), table_of(Account).alias("tagged_author")
    follows = exists().where(
        _follows.account_id == VIEWER,
        _follows.target_id == author.c.id,
        _follows.accepted.is_(True),
    )
    public = (
        select(post.c.id)
        .select_from(post.join(author, author.c.id == post.c.account_id))
        .where(
            post.c.id == post_id,
            post.c.visibility == "public",
            or_(author.c.silenced.is_(False), follows),
        )
        .exists()
    )
    return post_id < _BELOW, post_id > _ABOVE, public


def _ordered(column: ColumnElement[int], upwards: bool) -> ColumnElement[int]:
    return column.asc() if upwards else column.desc()
