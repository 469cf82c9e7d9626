"""How a profile reads: the text somebody typed about themselves, with its links, names and hashtags."""

from fedispace.accounts.people import People
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.threads.compose import Named, find_mentions, render


class BioMarkup:
    """Makes markup of profile texts. Only people known here become links: nothing is fetched for a bio."""

    def __init__(self, people: People, addresses: Addresses) -> None:
        self._people = people
        self._addresses = addresses

    async def text(self, tx: Tx, typed: str) -> str:
        """Return a bio as it is shown and sent."""
        named: dict[tuple[str, str], Named] = {}
        for username, domain in find_mentions(typed):
            account = await self._people.by_handle(tx, username, domain)
            if account is not None and not account.is_suspended:
                named[username, domain] = Named(username=account.username, url=account.url)
        return render(typed, named, self._addresses)

    async def field(self, tx: Tx, typed: str) -> str:
        """Return the value of a profile field: the same, on one line."""
        return (await self.text(tx, typed)).removeprefix("<p>").removesuffix("</p>")
