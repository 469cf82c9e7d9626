"""Finding people: by what somebody types or pastes, here or anywhere in the fediverse."""

import re
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select

from fedispace.accounts.handles import Handle, parse_handle
from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.accounts.standing import is_shown
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.uri import is_uri

MAX_TEXT: Final = 2048
MAX_FOUND: Final = 80

_OUR_PATHS: Final = re.compile(r"/(?:users/|@)(?P<handle>[^/?#]+)/?")


class Lookup:
    """Turns an address or a link into an account, fetching what is not known."""

    def __init__(self, db: Database, resolver: Resolver, people: People, addresses: Addresses) -> None:
        self._db = db
        self._resolver = resolver
        self._people = people
        self._addresses = addresses

    async def account(self, handle_or_url: str) -> Account:
        """Return the account of a handle, a profile page or an actor id.

        Raises `NotFound`, whatever the reason: what is not there, what refuses us and what does not
        prove itself look the same to the person who asked.
        """
        text = handle_or_url.strip()[:MAX_TEXT]
        try:
            if is_uri(text):
                return await self._by_url(text)
            return await self._by_handle(parse_handle(text))
        except (Gone, Invalid, Refused, Unavailable) as error:
            raise NotFound("There is no such account.") from error

    async def known(self, handle: str) -> Account:
        """Return the account of a handle if we know it; nothing is fetched. Raises `NotFound`."""
        try:
            wanted = parse_handle(handle)
        except Invalid as error:
            raise NotFound("There is no such account.") from error
        account = await self._known(wanted)
        if account is None:
            raise NotFound("There is no such account.")
        return account

    async def search_accounts(self, tx: Tx, text: str, limit: int) -> list[Account]:
        """Return the accounts we know whose address or shown name begins with `text`, ours first.

        Those who do not want to be discovered are found by their whole address only.
        """
        name, at, domain = text.strip()[:MAX_TEXT].removeprefix("@").lower().partition("@")
        if not name or not (name + domain).isprintable():
            return []
        whole = (Account.name_key == name) & (Account.domain == self._spelled(domain))
        begins: ColumnElement[bool] = Account.name_key.startswith(name, autoescape=True)
        if at:
            begins = begins & Account.domain.startswith(self._spelled(domain), autoescape=True)
        else:
            begins = or_(begins, func.lower(Account.display_name).startswith(name, autoescape=True))
        statement = (
            select(Account)
            .where(is_shown(), or_(whole, begins & Account.discoverable.is_(True)))
            .order_by(Account.domain != "", Account.followers_count.desc(), Account.id)
            .limit(max(1, min(limit, MAX_FOUND)))
        )
        return list((await tx.scalars(statement)).all())

    def _spelled(self, domain: str) -> str:
        try:
            return self._people.domain_key(domain) if domain else ""
        except Invalid:
            return domain

    async def _by_handle(self, handle: Handle) -> Account:
        account = await self._known(handle)
        if account is not None:
            return account
        domain = self._people.domain_key(handle.domain) if handle.domain else ""
        if not domain:
            raise NotFound("There is no such account.")
        named = await self._resolver.webfinger(handle.username, domain)
        if self._addresses.is_ours(named.uri):
            raise NotFound("There is no such account.")
        await self._resolver.actor(named.uri)
        async with self._db.transaction() as tx:
            account = await self._people.ensure(tx, named.uri)
            if account.username.lower() == named.username.lower():
                await self._people.claim(tx, account, self._people.domain_key(named.domain))
            return account

    async def _by_url(self, url: str) -> Account:
        if self._addresses.is_ours(url):
            return await self._ours(url)
        async with self._db.reading() as tx:
            known = await tx.scalar(
                select(Account).where(or_(Account.uri == url, Account.url == url)).limit(1)
            )
        if known is not None:
            return known
        document = await self._resolver.document(url)
        if not isinstance(document, Actor):
            raise NotFound("That address is not an account.")
        async with self._db.transaction() as tx:
            return await self._people.refresh(tx, document)

    async def _ours(self, url: str) -> Account:
        """Read one of our own addresses: an actor id, a profile page, or our page of a remote person."""
        path = url.removeprefix(self._addresses.origin)
        if url == self._addresses.instance_actor:
            async with self._db.transaction() as tx:
                return await self._people.ensure(tx, url)
        match = _OUR_PATHS.fullmatch(path)
        if match is None:
            raise NotFound("There is no such account.")
        return await self._by_handle(parse_handle(match["handle"]))

    async def _known(self, handle: Handle) -> Account | None:
        async with self._db.reading() as tx:
            return await self._people.by_handle(tx, handle.username, handle.domain)
