"""What somebody is told, decided where it is written: one statement that asks everything and inserts.

Nobody is told of what somebody does whom they block, whose domain they block, or whom they mute with
their notifications. What accounts know nothing of, such as whether the post in question is one the
recipient may see, comes as a further condition from above (`threads/hearing.py`), in terms of the
parameters named here. It is one constant statement because a worker asks it for every activity.

Whoever wants less says so in a policy (Mastodon's): of people of a kind they are told nothing (drop), or
only when they look (filter). Who has none costs one look into an empty place, besides what everybody
begins with: of what the people of a silenced server do hears only who follows them.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from fedispace.accounts.hiding import NOW, blocks, mutes_notifications, shuns_domain
from fedispace.accounts.models import (
    Account,
    Follow,
    Notification,
    NotificationPermission,
    NotificationPolicy,
)
from fedispace.db.base import BigId, UtcDateTime, table_of

TO: Final[BindParameter[int]] = bindparam("to", type_=BigId)
"""Who would be told."""
BY: Final[BindParameter[int]] = bindparam("by", type_=BigId)
"""Who did it."""
SUBJECT: Final[BindParameter[int]] = bindparam("subject", type_=BigId)
"""The post it is about, or the Space, or 0."""
TYPE: Final[BindParameter[str]] = bindparam("type", type_=String())

GROUPED: Final = frozenset({"favourite", "reblog", "follow"})
"""The types of which many at one thing are told as one (Mastodon's groupable types)."""
SPACE_REMINDER: Final = "fedispace:space_reminder"
SPACE_INVITATION: Final = "fedispace:space_invitation"
SPACE_CANCELLED: Final = "fedispace:space_cancelled"
ABOUT_SPACES: Final = (SPACE_REMINDER, SPACE_INVITATION, SPACE_CANCELLED)
UNFILTERED: Final = ("poll", "update", "quoted_update", SPACE_REMINDER, SPACE_CANCELLED)
"""What no policy holds back: one asked for it oneself."""
WITHOUT_A_POST: Final = ("follow", "follow_request")
A_WHILE_AGO: Final[BindParameter[datetime]] = bindparam("a_while_ago", type_=UtcDateTime())
"""Who came after this moment is new."""
LATELY: Final[BindParameter[datetime]] = bindparam("lately", type_=UtcDateTime())
"""Who began to follow after this moment does not count as a follower yet."""
_WINDOW_SECONDS: Final = 12 * 3600
_notifications: Final = table_of(Notification)
_policies: Final = table_of(NotificationPolicy)
_accounts: Final = table_of(Account)
_follows: Final = table_of(Follow)
_permissions: Final = table_of(NotificationPermission)


def ungrouped(notification_id: int) -> str:
    """Return the group key of a notification that stands alone."""
    return f"ungrouped-{notification_id}"


def group_key(type: str, subject: int, at: datetime, notification_id: int) -> str:
    """Return which notifications are told as one: those of a type about one thing, of the same half day."""
    if type not in GROUPED:
        return ungrouped(notification_id)
    return f"{type}-{subject}-{int(at.timestamp()) // _WINDOW_SECONDS}"


def moments(now: datetime) -> dict[str, datetime]:
    """Return what the gate's parameters of time are at `now` (Mastodon's thirty days, and three)."""
    return {"now": now, "a_while_ago": now - timedelta(days=30), "lately": now - timedelta(days=3)}


def _other_than(types: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """Return the conditions that something is of none of these types; an IN has no fixed length."""
    return [literal(each) != TYPE for each in types]


def _falls_under(what: str, private: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the recipient's policy says `what` of the sender or of what they did."""
    mine = _policies.alias()
    new, limited = _accounts.alias(), _accounts.alias()
    unknown = ~_follows_since(TO, BY, None)
    permitted = exists().where(_permissions.c.account_id == TO, _permissions.c.from_id == BY)
    return exists().where(
        mine.c.account_id == TO,
        *_other_than(UNFILTERED),
        or_(
            and_(mine.c.for_not_following == what, unknown),
            and_(mine.c.for_not_followers == what, ~_follows_since(BY, TO, LATELY)),
            and_(
                mine.c.for_new_accounts == what,
                exists().where(new.c.id == BY, new.c.created_at > A_WHILE_AGO),
                unknown,
            ),
            and_(mine.c.for_private_mentions == what, private, unknown),
            and_(
                mine.c.for_limited_accounts == what,
                exists().where(limited.c.id == BY, limited.c.silenced),
                unknown,
            ),
        ),
        ~permitted,
    )


def _is_limited() -> ColumnElement[bool]:
    """Return the condition that the sender's server is silenced and the recipient has no word on that."""
    sender = _accounts.alias()
    silenced = exists().where(sender.c.id == BY, sender.c.silenced)
    decided = exists().where(_policies.c.account_id == TO)
    told_anyway = (*WITHOUT_A_POST, SPACE_REMINDER, SPACE_CANCELLED)
    return and_(silenced, *_other_than(told_anyway), ~_follows_since(TO, BY, None), ~decided)


def _follows_since(
    follower: BindParameter[int], target: BindParameter[int], before: BindParameter[datetime] | None
) -> ColumnElement[bool]:
    one = _follows.alias()
    long_enough = [] if before is None else [one.c.created_at <= before]
    return exists().where(
        one.c.account_id == follower, one.c.target_id == target, one.c.accepted, *long_enough
    )


@cache
def telling(dialect: str, heard: ColumnElement[bool], private: ColumnElement[bool]) -> sqlite.Insert:
    """Return the statement that writes a notification and returns its id, if it is to be told at all.

    It returns besides whether it is held back; `private` is the condition that it is a mention in a post
    to the recipient alone that they did not ask for.
    """
    columns = _notifications.c
    row = select(
        bindparam("id", type_=BigId),
        TO,
        BY,
        TYPE,
        SUBJECT,
        NOW,
        bindparam("group_key", type_=String()),
        case((_falls_under("filter", private), true()), else_=false()),
    ).where(
        ~blocks(TO, BY),
        ~mutes_notifications(TO, BY, NOW),
        ~shuns_domain(TO, BY),
        ~_is_limited(),
        ~_falls_under("drop", private),
        heard,
    )
    statement: Any = (
        postgresql.insert(_notifications) if dialect == "postgresql" else sqlite.insert(_notifications)
    )
    names = ["id", "account_id", "from_id", "type", "subject", "created_at", "group_key", "filtered"]
    told: sqlite.Insert = (
        statement.from_select([columns[name] for name in names], row, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(columns.id, columns.filtered)
    )
    return told
