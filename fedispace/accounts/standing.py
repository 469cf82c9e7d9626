"""What an account as such may do, and whether it is shown at all."""

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm.util import AliasedClass

from fedispace.accounts.models import Account
from fedispace.errors import Forbidden

Accounts = type[Account] | AliasedClass[Account]


def is_shown(account: Accounts = Account) -> ColumnElement[bool]:
    """Return the condition that an account is suspended neither by us nor by its own server."""
    return and_(account.suspended_at.is_(None), account.suspended_at_home.is_(False))


def require_at_home(account: Account) -> None:
    """Raise `Forbidden` for somebody who moved away: the old account follows and says nothing new."""
    if account.moved_to_uri is not None:
        raise Forbidden("This account has moved. Undo the move to use it again.")
