"""Wanting nothing to do with a whole domain: one person's own decision, as Mastodon's clients know it.

What its people post and do is not shown, they can follow no longer, and those who followed are removed:
that by a job, since they may be many and each is told.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import delete, select

from fedispace.accounts.following import Following
from fedispace.accounts.models import Account, DomainMute, Follow
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import Invalid
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task

REMOVE_FOLLOWERS: Final = "accounts.remove_followers_of_domain"
_AT_ONCE: Final = 50


class Shunning:
    """Blocks of domains by single people."""

    def __init__(
        self, db: Database, ids: Ids, clock: Clock, jobs: Jobs, people: People, following: Following
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._jobs = jobs
        self._people = people
        self._following = following

    async def shun(self, by: Account, domain: str) -> None:
        """Have nothing to do with a domain; repeating it is fine. Raises `Invalid` for our own."""
        name = self._name(domain)
        if not name:
            raise Invalid("This server itself cannot be blocked.", field="domain")
        async with self._db.transaction() as tx:
            row = {
                "id": self._ids.next(),
                "account_id": by.id,
                "domain": name,
                "created_at": self._clock.now(),
            }
            await tx.execute(insert(tx, DomainMute).values(row).on_conflict_do_nothing())
            arguments = {"account": by.id, "domain": name}
            await self._jobs.enqueue(
                tx, REMOVE_FOLLOWERS, arguments, unique_key=f"{REMOVE_FOLLOWERS} {by.id} {name}"
            )

    async def welcome(self, by: Account, domain: str) -> None:
        """Lift the block of a domain; repeating it is fine. Who was removed has to follow again."""
        name = self._name(domain)
        async with self._db.transaction() as tx:
            await tx.execute(
                delete(DomainMute).where(DomainMute.account_id == by.id, DomainMute.domain == name)
            )

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {REMOVE_FOLLOWERS: self.remove_followers}

    async def remove_followers(self, arguments: Arguments) -> None:
        """Remove the followers from a domain, and who asks to follow, while the block lasts."""
        account_id, domain = int(arguments["account"]), str(arguments["domain"])
        left = True
        while left:
            async with self._db.transaction() as tx:
                left = await self._remove_some(tx, account_id, domain)

    async def _remove_some(self, tx: Tx, account_id: int, domain: str) -> bool:
        """Remove as many followers as one transaction should; tell whether there may be more."""
        by = await tx.get(Account, account_id)
        if by is None:
            return False
        rows = await tx.execute(
            select(Follow, Account)
            .join(Account, Account.id == Follow.account_id)
            .join(DomainMute, DomainMute.domain == Account.domain)
            .where(Follow.target_id == by.id, DomainMute.account_id == by.id, DomainMute.domain == domain)
            .limit(_AT_ONCE)
        )
        found = [(follow, follower) for follow, follower in rows]
        for follow, follower in found:
            await self._following.turn_away(tx, by, follower, follow)
        return len(found) == _AT_ONCE

    def _name(self, domain: str) -> str:
        try:
            return self._people.domain_key(domain.strip().removeprefix("@"))
        except Invalid as error:
            raise Invalid("That is not a domain name.", field="domain") from error


async def shunned(tx: Tx, account_id: int, page: Page) -> list[DomainMute]:
    """Return the domains an account blocks, newest first; pages go by the id of the row."""
    rows = await tx.scalars(
        page.apply(select(DomainMute).where(DomainMute.account_id == account_id), DomainMute.id)
    )
    return page.newest_first(rows.all())
