"""The people of silenced servers: a flag on their accounts, so that lists can be read without asking rules.

It says of an account what `policy.severity_of` says of a host: the nearest rule's severity is
`silence`. Both the server an account lives on and the domain of its address count. The flag is set when
an account becomes known here or gets another address, and for all of a domain when its rule changes.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, bindparam, exists, func, or_, select

from fedispace.accounts.models import Account
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.federation.models import ActorRow
from fedispace.moderation.models import DomainRule

_accounts: Final = table_of(Account)
_actors: Final = table_of(ActorRow)
_rules: Final = table_of(DomainRule)


def silenced(account_id: Any) -> ColumnElement[bool]:
    """Return the condition that an account is of a silenced server, as it was last marked."""
    who = _accounts.alias()
    return exists().where(who.c.id == account_id, who.c.silenced.is_(True))


async def mark(tx: Tx, account_id: int) -> None:
    """Set the flag of one account."""
    await tx.core(_MARK_ONE, {"account": account_id})


async def mark_all_of(tx: Tx, domain: str) -> None:
    """Set the flags of everybody of a domain and below it, because a rule on it changed."""
    await tx.execute(
        _MARK.where(
            _accounts.c.id.in_(
                select(_actors.c.id)
                .join(_accounts, _accounts.c.id == _actors.c.id)
                .where(_below(_actors.c.host, domain) | _below(_accounts.c.domain, domain))
            )
        )
    )


def shut_out(account_id: Any) -> ColumnElement[bool]:
    """Return the condition that an account is of a server from which nothing is taken."""
    who = _accounts.alias()
    return exists().where(who.c.id == account_id, who.c.domain != "", _ruled("suspend", who))


def _below(host: ColumnElement[str], domain: Any) -> ColumnElement[bool]:
    """Return the condition that a host is a domain or below it, whatever its port."""
    return ("." + host + ":").like("%." + domain + ":%")


def _ruled(severity: str, accounts: FromClause) -> ColumnElement[bool]:
    where, rule, nearer = _actors.alias(), _rules.alias(), _rules.alias()

    def holds(domain: ColumnElement[str]) -> ColumnElement[bool]:
        return or_(_below(where.c.host, domain), _below(accounts.c.domain, domain))

    overruled = exists().where(
        func.length(nearer.c.domain) > func.length(rule.c.domain), holds(nearer.c.domain)
    )
    return exists().where(
        rule.c.severity == severity,
        where.c.id == accounts.c.id,
        accounts.c.domain != "",
        holds(rule.c.domain),
        ~overruled,
    )


_MARK: Final = _accounts.update().values(silenced=_ruled("silence", _accounts))
_MARK_ONE: Final = _MARK.where(_accounts.c.id == bindparam("account", type_=BigId))
