"""Rows of accounts to the profiles a list shows."""

from collections.abc import Iterable

from fedispace.accounts.models import Account
from fedispace.accounts.moved import successors
from fedispace.api.entities import account as entities
from fedispace.api.present.accounts import AccountPresenter
from fedispace.db.engine import Tx


async def profiles(tx: Tx, presenter: AccountPresenter, rows: Iterable[Account]) -> list[entities.Account]:
    """Return profiles in their order, those of people who moved with whom they became."""
    people = list(rows)
    return presenter.accounts(people, await successors(tx, people))
