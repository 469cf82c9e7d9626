"""Whom somebody does not want to read, as conditions of SQL: blocks, mutes, and whole domains.

A mute that has run out counts no longer from that moment on; its row is pruned later. The conditions
take ids, columns or parameters, so that statements made of them can be built once.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, bindparam, exists, or_

from fedispace.accounts.models import Account, Block, DomainMute, Mute
from fedispace.db.base import UtcDateTime, table_of

Id = int | SQLColumnExpression[Any]
Moment = datetime | BindParameter[datetime]

NOW: BindParameter[datetime] = bindparam("now", type_=UtcDateTime())
"""The moment of asking, in a statement that is built once."""

_blocks = table_of(Block)
_mutes = table_of(Mute)
_domains = table_of(DomainMute)
_accounts = table_of(Account)


def blocks(viewer: Id, author: Id) -> ColumnElement[bool]:
    """Return the condition that the viewer blocks the author."""
    return exists().where(_blocks.c.account_id == viewer, _blocks.c.target_id == author)


def mutes(viewer: Id, author: Id, now: Moment) -> ColumnElement[bool]:
    """Return the condition that the viewer mutes the author at the moment `now`."""
    return exists().where(
        _mutes.c.account_id == viewer,
        _mutes.c.target_id == author,
        or_(_mutes.c.expires_at.is_(None), _mutes.c.expires_at > now),
    )


def mutes_notifications(viewer: Id, author: Id, now: Moment) -> ColumnElement[bool]:
    """Return the condition that the viewer does not want to hear of what the author does, either."""
    return exists().where(
        _mutes.c.account_id == viewer,
        _mutes.c.target_id == author,
        _mutes.c.notifications.is_(True),
        or_(_mutes.c.expires_at.is_(None), _mutes.c.expires_at > now),
    )


def shuns_domain(viewer: Id, author: Id) -> ColumnElement[bool]:
    """Return the condition that the viewer wants nothing to do with the author's domain."""
    theirs = _accounts.alias()
    return exists().where(
        _domains.c.account_id == viewer, _domains.c.domain == theirs.c.domain, theirs.c.id == author
    )
