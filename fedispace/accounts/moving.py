"""Moving one's own account away, and naming one's other accounts.

The new account must name the old one as its alias, fetched at this moment. Then the old one says where
it went (`movedTo`, and a Move to its followers), and does nothing new until the move is undone. It
moves at most once in thirty days, because every move makes other servers' people follow somebody.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import select

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account
from fedispace.accounts.moves import Moves
from fedispace.accounts.news import ProfileNews
from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, FedispaceError, Invalid, NotFound, Refused
from fedispace.federation.actors import actor_of
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.activities import Move
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.uri import Uri, is_uri, parse_uri
from fedispace.ids import Ids

OURS_AT_MOST_EVERY: Final = timedelta(days=30)
MAX_ALIASES: Final = 10


class Moving:
    """What our people do about moving."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        lookup: Lookup,
        resolver: Resolver,
        news: ProfileNews,
        moves: Moves,
    ) -> None:
        self._db = db
        self._ids = ids
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._lookup = lookup
        self._resolver = resolver
        self._news = news
        self._moves = moves

    async def add_alias(self, account_id: int, handle_or_uri: str) -> list[str]:
        """Say that another account is the same person; return all aliases."""
        uri = await self._uri_of(handle_or_uri)
        async with self._db.transaction() as tx:
            account = await self._people.by_id(tx, account_id)
            if uri == account.uri:
                raise Invalid("That is this account itself.", field="alias")
            if uri not in account.also_known_as:
                if len(account.also_known_as) >= MAX_ALIASES:
                    raise Invalid(f"An account has at most {MAX_ALIASES} aliases.", field="alias")
                account.also_known_as = [*account.also_known_as, uri]
                await self._news.tell(tx, account)
        return list(account.also_known_as)

    async def remove_alias(self, account_id: int, uri: str) -> list[str]:
        """Say so no longer; removing what is not there is fine."""
        async with self._db.transaction() as tx:
            account = await self._people.by_id(tx, account_id)
            if uri in account.also_known_as:
                account.also_known_as = [alias for alias in account.also_known_as if alias != uri]
                await self._news.tell(tx, account)
        return list(account.also_known_as)

    async def move(self, account_id: int, handle_or_uri: str) -> Account:
        """Move to another account and return it.

        Raises `NotFound`, `Invalid` when the other account does not name this one, `Conflict` when this
        one moved already or too recently.
        """
        target_uri = (await self._lookup.account(handle_or_uri)).uri
        described = None
        if not self._addresses.is_ours(target_uri):
            described = actor_of(await self._resolver.actor(target_uri, refresh=True))
        try:
            async with self._db.transaction() as tx:
                return await self._move(tx, account_id, target_uri, described)
        except Refused as error:
            raise Conflict("You can move once in 30 days.") from error

    async def undo(self, account_id: int) -> None:
        """Be here again. Followers who went along are not brought back."""
        async with self._db.transaction() as tx:
            account = await self._people.by_id(tx, account_id)
            if account.moved_to_uri is not None:
                account.moved_to_uri = None
                await self._news.tell(tx, account)

    async def _move(self, tx: Tx, account_id: int, target_uri: str, described: Actor | None) -> Account:
        account = await self._people.by_id(tx, account_id)
        target = await self._people.by_uri(tx, target_uri)
        if described is not None:
            target = await self._people.refresh(tx, described)
        if target is None or target.is_suspended:
            raise NotFound("There is no such account.")
        if target.id == account.id:
            raise Invalid("That is this account itself.", field="target")
        if account.moved_to_uri is not None:
            raise Conflict("This account has moved already.")
        names = described.also_known_as if described is not None else target.also_known_as
        if account.uri not in names:
            raise Invalid("The other account does not name this one as its alias yet.", field="target")
        if target.moved_to_uri is not None:
            raise Invalid("That account has itself moved away.", field="target")
        await self._moves.record(tx, account, target, at_most_every=OURS_AT_MOST_EVERY)
        await self._news.tell(tx, account)
        followers = self._addresses.collection(account.uri, "followers")
        move = Move(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(account.uri),
            object=Uri(account.uri),
            target=Uri(target.uri),
            to=(followers,),
        )
        await self._outbox.send(tx, account.id, move, Audience(followers=True))
        return target

    async def _uri_of(self, handle_or_uri: str) -> str:
        """Return the id of an account; a server that is gone for good may still be named by its address."""
        text = handle_or_uri.strip()
        try:
            return (await self._lookup.account(text)).uri
        except FedispaceError:
            if not is_uri(text):
                raise
            return parse_uri(text)


async def aliases_known(tx: Tx, account: Account) -> dict[str, Account]:
    """Return those of an account's aliases that are known here, by their ids."""
    rows = await tx.scalars(select(Account).where(Account.uri.in_(account.also_known_as)))
    return {row.uri: row for row in rows}
