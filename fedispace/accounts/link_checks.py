"""Whether the pages named in a profile name it back (`rel="me"`): what earns a field its mark.

One job per account looks at its fields, one fetch for each https address in them, of which only the
first 512 KiB count. However often a profile is edited, its pages are asked for at most every five
minutes. A page that does not answer leaves the mark as it was; one that answers without the link
takes it away.
"""

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final

import structlog

from fedispace.accounts.models import Account, User
from fedispace.clock import Clock, iso
from fedispace.db.engine import Database, Tx
from fedispace.errors import FedispaceError, Gone, NotFound, Unavailable
from fedispace.net import Net
from fedispace.queue.jobs import Jobs, Task
from fedispace.start_tags import start_tags

log = structlog.get_logger()

TASK: Final = "accounts.check_links"
EVERY: Final = timedelta(minutes=5)
MAX_PAGE: Final = 512 * 1024
_MAX_LINKS: Final = 2000


class LinkChecks:
    """Asks for checks, and makes them."""

    def __init__(self, db: Database, clock: Clock, net: Net, jobs: Jobs, *, plain_http: bool = False) -> None:
        self._db = db
        self._clock = clock
        self._net = net
        self._jobs = jobs
        self._schemes = ("https://", "http://") if plain_http else ("https://",)

    def tasks(self) -> dict[str, Task]:
        return {TASK: self.check}

    async def ask(self, tx: Tx, account: Account) -> None:
        """Have the fields of an account looked at, soon but not too often."""
        user = await tx.get(User, account.id)
        if user is None or not any(self._addresses(user)):
            return
        source = dict(user.profile_source or {})
        now = self._clock.now()
        due = max(now.timestamp(), float(source.get("links_checked", 0)) + EVERY.total_seconds())
        source["links_checked"] = due
        user.profile_source = source
        await self._jobs.enqueue(
            tx,
            TASK,
            {"account": account.id},
            run_at=now + timedelta(seconds=due - now.timestamp()),
            unique_key=f"{TASK}:{account.id}",
        )

    async def check(self, arguments: Mapping[str, Any]) -> None:
        """Fetch what the fields of an account name, and mark those that name it back."""
        async with self._db.reading() as tx:
            account, user = (
                await tx.get(Account, arguments["account"]),
                await tx.get(User, arguments["account"]),
            )
        if account is None or user is None or account.is_suspended:
            return
        wanted = {account.url, account.uri}
        found: list[bool | None] = []
        for address in self._addresses(user):
            found.append(False if address is None else await self._names(address, wanted))
        async with self._db.transaction() as tx:
            await self._mark(tx, account, user, found)

    async def _mark(self, tx: Tx, seen: Account, asked: User, found: list[bool | None]) -> None:
        account, user = await tx.get(Account, seen.id), await tx.get(User, seen.id)
        if account is None or user is None or _typed(user) != _typed(asked):
            return  # edited meanwhile: that edit has asked for a check of its own
        now = iso(self._clock.now())
        account.fields = [
            each if names_us is None else {**each, "verified_at": _since(each, now) if names_us else None}
            for each, names_us in zip(account.fields, found, strict=True)
        ]

    def _addresses(self, user: User) -> list[str | None]:
        """Return for each field the address it is, if it is one and nothing else."""
        return [
            value if value.startswith(self._schemes) and not any(c.isspace() for c in value) else None
            for _, value in _typed(user)
        ]

    async def _names(self, address: str, wanted: set[str]) -> bool | None:
        """Tell whether a page names the profile; None when it cannot be had now."""
        try:
            page = await self._net.get(address, accept="text/html", limit=MAX_PAGE)
        except Unavailable:
            return None
        except (NotFound, Gone):
            return False
        except FedispaceError as error:
            log.info("profile.link_refused", reason=error.detail)
            return False
        return not wanted.isdisjoint(me_links(page.body.decode("utf-8", "replace")))


def me_links(page: str) -> set[str]:
    """Return the addresses a page links to with rel=me (https://microformats.org/wiki/rel-me)."""
    tags = islice(start_tags(page, "a", "link"), _MAX_LINKS)
    return {
        tag["href"].strip() for tag in tags if "me" in tag.get("rel", "").lower().split() and "href" in tag
    }


def _typed(user: User) -> list[list[str]]:
    return [[str(name), str(value)] for name, value in (user.profile_source or {}).get("fields", ())]


def _since(field: Mapping[str, Any], now: str) -> str:
    """Return when the mark of a field was earned."""
    return str(field.get("verified_at") or now)
