"""Profiles, ours and other servers': found by id, by address, and made from what an actor says.

A profile has the id of its actor. That of a remote actor is made when something of theirs is first
stored here, and rewritten whenever they send or serve a newer self-description.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import String, bindparam, select

from fedispace.accounts.emojis import pictured
from fedispace.accounts.handles import is_username, name_key, parse_domain
from fedispace.accounts.models import Account
from fedispace.accounts.one_line import one_line
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Gone, Invalid, NotFound
from fedispace.federation.actors import MAX_ALIAS, MAX_ALIASES, actor_of
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.links import Image
from fedispace.ids import Ids

MAX_DISPLAY_NAME: Final = 500
MAX_FIELDS: Final = 16
MAX_FIELD_NAME: Final = 255
MAX_FIELD_VALUE: Final = 1024
_BY_URI: Final = select(Account).where(Account.uri == bindparam("uri", type_=String()))
_accounts: Final = table_of(Account).c
_DOER: Final = select(_accounts.id, _accounts.uri).where(
    _accounts.uri == bindparam("uri", type_=String()), _accounts.suspended_at_home.is_(False)
)


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does something: as much of a profile as judging that takes, read in a tenth of the time."""

    id: int
    uri: str


Somebody = Account | Doer
"""Somebody whose doing is judged, and whose profile is not changed: whichever the caller has."""


class People:
    """Reads and writes profiles.

    `clean` is the sanitiser that every piece of foreign HTML passes; `known` is told of each account that
    becomes known here or gets another address.
    """

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        clean: Callable[[str], str],
        known: Callable[[Tx, int], Awaitable[None]] | None = None,
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._clean = clean
        self._known = known

    async def by_id(self, tx: Tx, account_id: int) -> Account:
        """Return a profile; raises `NotFound`."""
        account = await tx.get(Account, account_id)
        if account is None:
            raise NotFound("There is no such account.")
        return account

    async def by_ids(self, tx: Tx, ids: Iterable[int]) -> dict[int, Account]:
        """Return the profiles among `ids` that exist, by id."""
        wanted = set(ids)
        if not wanted:
            return {}
        rows = await tx.scalars(select(Account).where(Account.id.in_(wanted)))
        return {account.id: account for account in rows}

    async def by_uri(self, tx: Tx, uri: str) -> Account | None:
        return (await tx.scalars(_BY_URI, {"uri": uri})).one_or_none()

    async def by_uris(self, tx: Tx, uris: Iterable[str]) -> dict[str, Account]:
        """Return the profiles among `uris` that we know, by uri."""
        wanted = set(uris)
        if not wanted:
            return {}
        rows = await tx.scalars(select(Account).where(Account.uri.in_(wanted)))
        return {account.uri: account for account in rows}

    async def by_handle(self, tx: Tx, username: str, domain: str = "") -> Account | None:
        """Return the profile of `username` at `domain` (empty, or any of our own names: here)."""
        if not is_username(username):
            return None
        try:
            at = "" if not domain else self.domain_key(domain)
        except Invalid:
            return None
        return (
            await tx.scalars(
                select(Account).where(Account.name_key == name_key(username), Account.domain == at)
            )
        ).one_or_none()

    def domain_key(self, domain: str) -> str:
        """Return the form `Account.domain` keeps: empty for our own names; raises `Invalid`."""
        spelled = parse_domain(domain)
        ours = {self._addresses.account_domain.lower(), self._addresses.host.lower()}
        return "" if spelled in ours else spelled

    async def ensure(self, tx: Tx, uri: str) -> Account:
        """Return the profile of a known actor, making it if there is none yet.

        Raises `NotFound` when the actor is unknown and `Gone` when it was deleted.
        """
        known = await self.by_uri(tx, uri)
        if known is not None and not known.suspended_at_home:
            return known
        row = (await tx.scalars(select(ActorRow).where(ActorRow.uri == uri))).one_or_none()
        if row is None:
            raise NotFound("There is no such account.")
        if row.gone_at is not None:
            raise Gone("This account was deleted.")
        if known is not None:
            return known
        if not row.local:
            return await self._write(tx, row, self._said_by(actor_of(row)), domain=row.host)
        if uri == self._addresses.instance_actor:
            return await self._write(tx, row, self._of_the_instance(), domain="")
        raise NotFound("There is no such account.")

    async def doer(self, tx: Tx, uri: str) -> Doer:
        """Return who does what the actor says; makes the profile, and refuses, as `ensure` does."""
        await tx.flush()
        row = (await tx.core(_DOER, {"uri": uri})).one_or_none()
        if row is not None:
            return Doer(*row)
        account = await self.ensure(tx, uri)
        return Doer(account.id, account.uri)

    async def refresh(self, tx: Tx, actor: Actor) -> Account:
        """Take over what a remote actor now says of itself. Its user name stays what it was."""
        account = await self.ensure(tx, actor.id)
        said = self._said_by(actor)
        for name in ("username", "created_at"):
            del said[name]
        for name, value in said.items():
            setattr(account, name, value)
        await tx.flush()
        return account

    async def described(self, tx: Tx, account: Account) -> Actor | None:
        """Return what a remote account last said of itself, if that was kept."""
        row = await tx.get(ActorRow, account.id)
        return None if row is None or row.local or not row.document else actor_of(row)

    async def claim(self, tx: Tx, account: Account, domain: str) -> None:
        """Record that WebFinger at `domain` names `account`: its word decides who has an address.

        So an account whose address is at another domain than its id gets the right one, and a
        profile that held the address before (a server set up anew, say) loses it.
        """
        key = name_key(account.username)
        if account.local or (account.domain == domain and account.name_key == key):
            return
        others = (Account.name_key == key) & (Account.domain == domain) & (Account.id != account.id)
        for other in (await tx.scalars(select(Account).where(others))).all():
            other.name_key = _spare(key, other.id)
        await tx.flush()
        account.domain, account.name_key = domain, key
        await tx.flush()
        await self._is_known(tx, account)

    async def _write(self, tx: Tx, row: ActorRow, said: dict[str, Any], *, domain: str) -> Account:
        key = name_key(said["username"])
        born = {"id": row.id, "uri": row.uri, "domain": domain, **said}
        for candidate in (key, _spare(key, row.id)):
            statement = insert(tx, Account).values({**born, "name_key": candidate})
            await tx.execute(statement.on_conflict_do_nothing())
            written = await self.by_uri(tx, row.uri)
            if written is not None:
                await self._is_known(tx, written)
                return written
        raise AssertionError("neither the address nor the spare one could be written")

    async def _is_known(self, tx: Tx, account: Account) -> None:
        """Tell moderation that an account is known here, or by another address."""
        if self._known is not None and not account.local:
            await self._known(tx, account.id)
            await tx.refresh(account, ["silenced"])

    def _said_by(self, actor: Actor) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "username": actor.preferred_username,
            "display_name": one_line(actor.name or "")[:MAX_DISPLAY_NAME],
            "note": self._clean(actor.summary or ""),
            "url": actor.url or actor.id,
            "avatar": _address_of(actor.icon),
            "header": _address_of(actor.image),
            "fields": [
                {
                    "name": name[:MAX_FIELD_NAME],
                    "value": self._clean(value[:MAX_FIELD_VALUE]),
                    "verified_at": None,
                }
                for name, value in actor.fields[:MAX_FIELDS]
            ],
            "emojis": pictured(actor.tags),
            "bot": actor.type in ("Service", "Application"),
            "group": actor.type == "Group",
            "locked": actor.manually_approves_followers,
            "discoverable": actor.discoverable is True,
            "indexable": actor.indexable is True,
            "suspended_at_home": actor.suspended,
            "memorial": actor.memorial,
            "also_known_as": [alias for alias in actor.also_known_as if len(alias) <= MAX_ALIAS][
                :MAX_ALIASES
            ],
            "moved_to_uri": None if actor.moved_to == actor.id else actor.moved_to,
            "created_at": _born(actor.published, now),
        }

    def _of_the_instance(self) -> dict[str, Any]:
        """Return the profile of the instance actor, so that a relay or Mobilizon can follow it."""
        return {
            "username": self._addresses.host,
            "display_name": self._addresses.host,
            "note": "",
            "url": self._addresses.origin,
            "fields": [],
            "bot": True,
            "discoverable": False,
            "created_at": self._clock.now(),
        }


def _spare(key: str, account_id: int) -> str:
    """Return a name nobody can ask for, for a profile whose address is another's."""
    return f"{key}#{account_id}"


def _address_of(image: Image | None) -> str | None:
    return None if image is None else image.url


def _born(published: datetime | None, now: datetime) -> datetime:
    return now if published is None or published > now else published
