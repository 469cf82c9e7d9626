"""Whose word keeps somebody out of a room, as conditions of SQL on a Space and an account.

    the host, or who made the Space, blocks them, or all of their server        there is no such Space
    the host, or who made the Space, banned them, here or in another Space      they see it and cannot join
    a co-host or a speaker blocks them, and stands above them                   they see it and cannot join
    our server takes nothing from theirs                                        the same
    our server silences theirs, and no host follows them                        they listen; no hand is seen
    they themselves block somebody on stage                                     they are warned, and may join

A block counts against who stands lower: a speaker's keeps a listener out, a co-host's a speaker too, the
host's everybody. So nobody must be heard by whom they block, and nobody empties a stage by blocking it.

The arguments are ids, columns or parameters, so that statements made of them can be built once. Each
condition says what it reads itself (`correlate_except`): SQLAlchemy looks for a column's table one statement
further out and no further, and `spaces.id` two deep would mean any Space whatever.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from fedispace.accounts.models import Account, Block, DomainMute, Follow
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.spaces.models import HostBan, Member
from fedispace.spaces.roles import ON_STAGE, MemberRole

_accounts: Final = table_of(Account)
_bans: Final = table_of(HostBan)
_blocks: Final = table_of(Block)
_follows: Final = table_of(Follow)
_members: Final = table_of(Member)
_shunned: Final = table_of(DomainMute)
_RANKS: Final = {role.value: rank for rank, role in enumerate(reversed(MemberRole))}
_STAGE: Final = tuple(sorted(ON_STAGE))


def is_blocked_by_host(space_id: Any, author_id: Any, account_id: Any) -> ColumnElement[bool]:
    """The condition that who made or hosts the Space blocks the account."""
    block = _blocks.alias()
    is_theirs = and_(block.c.target_id == account_id, _is_of_host(block.c.account_id, space_id, author_id))
    return exists().where(is_theirs).correlate_except(block)


def is_shunned_by_host(space_id: Any, author_id: Any, account_id: Any) -> ColumnElement[bool]:
    """The condition that who made or hosts the Space wants nothing of the account's whole server."""
    rule, them = _shunned.alias(), _accounts.alias()
    is_theirs = and_(
        them.c.id == account_id,
        rule.c.domain == them.c.domain,
        _is_of_host(rule.c.account_id, space_id, author_id),
    )
    return exists().where(is_theirs).correlate_except(rule, them)


def is_banned_by_host(space_id: Any, author_id: Any, account_id: Any) -> ColumnElement[bool]:
    """The condition that who made or hosts the Space lets the account into none of theirs.

    Nobody to whom a Space was handed over keeps out who made it. Most are hosted by who made them: of those
    one row is looked up, and no list of bans is read through.
    """
    of_author, of_heir = _bans.alias(), _bans.alias()
    by_author = and_(of_author.c.host_id == author_id, of_author.c.account_id == account_id)
    by_heir = and_(of_heir.c.account_id == account_id, _hosts(of_heir.c.host_id, space_id))
    return or_(
        exists().where(by_author).correlate_except(of_author),
        and_(
            ~_hosts(author_id, space_id),
            account_id != author_id,
            exists().where(by_heir).correlate_except(of_heir),
        ),
    )


def is_followed_by_host(space_id: Any, author_id: Any, account_id: Any) -> ColumnElement[bool]:
    """The condition that who made or hosts the Space follows the account."""
    follow = _follows.alias()
    is_theirs = and_(
        follow.c.target_id == account_id,
        follow.c.accepted,
        _is_of_host(follow.c.account_id, space_id, author_id),
    )
    return exists().where(is_theirs).correlate_except(follow)


def is_blocked_by_stage(space_id: Any, account_id: Any, role: Any) -> ColumnElement[bool]:
    """The condition that somebody on stage blocks the account, and stands above its `role` (None: none)."""
    block, there = _blocks.alias(), _members.alias()
    above = case(_RANKS, value=there.c.role, else_=0) > case(_RANKS, value=role, else_=0)
    is_theirs = and_(block.c.target_id == account_id, _is_there(there, block, space_id), above)
    return exists().where(is_theirs).correlate_except(block, there)


def is_unseen(space_id: Any, author_id: Any, account_id: Any) -> ColumnElement[bool]:
    """The condition that the account's server is silenced here, and no host follows the account."""
    them = _accounts.alias()
    is_silenced = exists().where(them.c.id == account_id, them.c.silenced.is_(True)).correlate_except(them)
    return and_(is_silenced, ~is_followed_by_host(space_id, author_id, account_id))


async def blocked_on_stage(tx: Tx, space_id: int, author_id: int, viewer_id: int) -> int:
    """Count whom the viewer blocks on stage: told before they come in, not who.

    Of another server's Space only who made it is known here to be there.
    """
    block, there = _blocks.alias(), _members.alias()
    seated = select(there.c.account_id).where(
        there.c.space_id == space_id, there.c.role.in_(_STAGE), there.c.removed_at.is_(None)
    )
    is_there = or_(block.c.target_id.in_(seated), block.c.target_id == author_id)
    statement = select(func.count()).where(block.c.account_id == viewer_id, is_there)
    return await tx.scalar(statement) or 0


def _is_there(there: Any, block: Any, space_id: Any) -> ColumnElement[bool]:
    return and_(
        there.c.account_id == block.c.account_id,
        there.c.space_id == space_id,
        there.c.role.in_(_STAGE),
        there.c.removed_at.is_(None),
    )


def _is_of_host(account_id: Any, space_id: Any, author_id: Any) -> ColumnElement[bool]:
    return or_(account_id == author_id, _hosts(account_id, space_id))


def _hosts(account_id: Any, space_id: Any) -> ColumnElement[bool]:
    hosting = _members.alias()
    is_theirs = and_(
        hosting.c.account_id == account_id,
        hosting.c.space_id == space_id,
        hosting.c.role == MemberRole.HOST,
    )
    return exists().where(is_theirs).correlate_except(hosting)
