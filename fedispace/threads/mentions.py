"""Who a text names: found by their handles, and made known beforehand when they are elsewhere."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

import structlog

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import FedispaceError

log = structlog.get_logger()

Handle = tuple[str, str]
"""A user name and a domain, as `compose.find_mentions` returns them; ours have no domain."""

LOOKUPS_AT_ONCE: Final = 5


class AccountLookup(Protocol):
    """Makes an account of another server known; raises when there is none."""

    async def account(self, handle_or_url: str) -> Account: ...


class Mentions:
    """Turns handles into accounts."""

    def __init__(self, db: Database, people: People, lookup: AccountLookup) -> None:
        self._db = db
        self._people = people
        self._lookup = lookup

    async def make_known(self, handles: Iterable[Handle]) -> None:
        """Look up people of other servers. Who cannot be found stays plain text in the post."""
        wanted = sorted({handle for handle in handles if handle[1]})
        if not wanted:
            return
        async with self._db.reading() as tx:
            unknown = [handle for handle in wanted if await self._people.by_handle(tx, *handle) is None]
        slots = asyncio.Semaphore(LOOKUPS_AT_ONCE)

        async def look_up(user: str, domain: str) -> None:
            async with slots:
                try:
                    await self._lookup.account(f"{user}@{domain}")
                except FedispaceError as error:
                    log.info("publish.mention_unknown", domain=domain, error=type(error).__name__)

        await asyncio.gather(*(look_up(user, domain) for user, domain in unknown))

    async def known(self, tx: Tx, handles: Iterable[Handle]) -> dict[Handle, Account]:
        """Return those of the handles whose accounts are known here."""
        found: dict[Handle, Account] = {}
        for handle in dict.fromkeys(handles):
            account = await self._people.by_handle(tx, *handle)
            if account is not None:
                found[handle] = account
        return found
