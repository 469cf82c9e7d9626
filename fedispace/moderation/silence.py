"""The people of silenced servers, as a condition of SQL, for lists that are read all at once.

It says of an account what `policy.severity_of` says of a host: the nearest rule's severity is
`silence`. Both the server an account lives on and the domain of its address count.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_

from fedispace.accounts.models import Account
from fedispace.db.base import table_of
from fedispace.federation.models import ActorRow
from fedispace.moderation.models import DomainRule

_accounts = table_of(Account)
_actors = table_of(ActorRow)
_rules = table_of(DomainRule)


def silenced(account_id: Any) -> ColumnElement[bool]:
    """Return the condition that an account is of a silenced server."""
    who, where, rule, nearer = _accounts.alias(), _actors.alias(), _rules.alias(), _rules.alias()

    def holds(domain: ColumnElement[str]) -> ColumnElement[bool]:
        pattern = "%." + domain + ":%"
        return or_(
            ("." + where.c.host + ":").like(pattern),
            ("." + who.c.domain + ":").like(pattern),
        )

    overruled = exists().where(
        func.length(nearer.c.domain) > func.length(rule.c.domain), holds(nearer.c.domain)
    )
    return exists().where(
        rule.c.severity == "silence",
        who.c.id == account_id,
        where.c.id == who.c.id,
        who.c.domain != "",
        holds(rule.c.domain),
        ~overruled,
    )
