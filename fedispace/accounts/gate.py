"""What somebody is told, decided where it is written: one statement that asks everything and inserts.

Nobody is told of what somebody does whom they block, whose domain they block, or whom they mute with
their notifications. What accounts know nothing of, such as whether the post in question is one the
recipient may see, comes as a further condition from above (`threads/hearing.py`), in terms of the
parameters named here. It is one constant statement because a worker asks it for every activity.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, String, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from fedispace.accounts.hiding import NOW, blocks, mutes_notifications, shuns_domain
from fedispace.accounts.models import Notification
from fedispace.db.base import BigId, table_of

TO: Final[BindParameter[int]] = bindparam("to", type_=BigId)
"""Who would be told."""
BY: Final[BindParameter[int]] = bindparam("by", type_=BigId)
"""Who did it."""
SUBJECT: Final[BindParameter[int]] = bindparam("subject", type_=BigId)
"""The post it is about, or 0."""
TYPE: Final[BindParameter[str]] = bindparam("type", type_=String())

GROUPED: Final = frozenset({"favourite", "reblog", "follow"})
"""The types of which many at one thing are told as one (Mastodon's groupable types)."""
_WINDOW_SECONDS: Final = 12 * 3600
_notifications: Final = table_of(Notification)


def ungrouped(notification_id: int) -> str:
    """Return the group key of a notification that stands alone."""
    return f"ungrouped-{notification_id}"


def group_key(type: str, subject: int, at: datetime, notification_id: int) -> str:
    """Return which notifications are told as one: those of a type about one thing, of the same half day."""
    if type not in GROUPED:
        return ungrouped(notification_id)
    return f"{type}-{subject}-{int(at.timestamp()) // _WINDOW_SECONDS}"


def telling(dialect: str, heard: ColumnElement[bool]) -> sqlite.Insert:
    """Return the statement that writes a notification and returns its id, if it is to be told at all."""
    columns = _notifications.c
    row = select(
        bindparam("id", type_=BigId),
        TO,
        BY,
        TYPE,
        SUBJECT,
        NOW,
        bindparam("group_key", type_=String()),
    ).where(~blocks(TO, BY), ~mutes_notifications(TO, BY, NOW), ~shuns_domain(TO, BY), heard)
    statement: Any = (
        postgresql.insert(_notifications) if dialect == "postgresql" else sqlite.insert(_notifications)
    )
    names = ["id", "account_id", "from_id", "type", "subject", "created_at", "group_key"]
    told: sqlite.Insert = (
        statement.from_select([columns[name] for name in names], row, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(columns.id)
    )
    return told
