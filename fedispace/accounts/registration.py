"""A new person comes to live here: an actor with keys, a profile, a sign-in."""

import re
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from fedispace.accounts.handles import name_key
from fedispace.accounts.models import Account, User
from fedispace.accounts.one_line import one_line
from fedispace.accounts.passwords import Passwords
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Invalid
from fedispace.federation.actors import Actors, new_keys
from fedispace.federation.addresses import Addresses
from fedispace.federation.keys import KeyPair
from fedispace.federation.tombstones import has_left
from fedispace.ids import Ids

ROLES: Final = ("user", "moderator", "admin")
MAX_DISPLAY_NAME: Final = 100
MAX_EMAIL: Final = 254

_USERNAME: Final = re.compile(r"[a-z0-9_]{1,30}", re.IGNORECASE | re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s\x00-\x20\x7f]{1,64}@[^@\s\x00-\x20\x7f]+")

RESERVED: Final = frozenset(
    {
        "abuse",
        "account",
        "accounts",
        "actor",
        "admin",
        "administrator",
        "api",
        "auth",
        "fedispace",
        "help",
        "hostmaster",
        "inbox",
        "instance",
        "media",
        "moderator",
        "no_reply",
        "noreply",
        "nobody",
        "oauth",
        "outbox",
        "owner",
        "postmaster",
        "relay",
        "root",
        "security",
        "server",
        "spaces",
        "staff",
        "static",
        "support",
        "system",
        "webmaster",
    }
)
"""Names that would pass for the operator, or that WebFinger gives to the instance itself."""


class Registration:
    """Creates users."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        actors: Actors,
        passwords: Passwords,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._actors = actors
        self._passwords = passwords

    async def create_user(
        self, *, username: str, email: str, password: str, role: str = "user", display_name: str = ""
    ) -> User:
        """Create a local person; raises `Invalid`, or `Conflict` when the name or address is taken."""
        name = acceptable_username(username)
        address = acceptable_email(email)
        if role not in ROLES:
            raise Invalid(f"A role is one of {', '.join(ROLES)}.", field="role")
        shown = one_line(display_name)
        if len(shown) > MAX_DISPLAY_NAME:
            raise Invalid("This display name is too long.", field="display_name")
        async with self._db.reading() as tx:
            await self._require_free(tx, name, address)
        password_hash = await self._passwords.hash(password)
        keys = await new_keys()
        try:
            async with self._db.transaction() as tx:
                await self._require_free(tx, name, address)
                account = await self._write_account(tx, name, shown, keys)
                user = User(
                    id=account.id,
                    email=address,
                    password_hash=password_hash,
                    role=role,
                    created_at=self._clock.now(),
                    disabled_at=None,
                )
                tx.add(user)
                await tx.flush()
        except IntegrityError as error:
            raise Conflict("This name or e-mail address is already taken.") from error
        return user

    async def _require_free(self, tx: Tx, name: str, address: str) -> None:
        taken = await tx.scalar(
            select(Account.id).where(Account.name_key == name_key(name), Account.domain == "")
        )
        if taken is not None or await has_left(tx, self._addresses, name):
            raise Conflict("This name is already taken.")
        if await tx.scalar(select(User.id).where(User.email == address)) is not None:
            raise Conflict("This e-mail address is already in use.")

    async def _write_account(self, tx: Tx, name: str, display_name: str, keys: KeyPair) -> Account:
        uri = self._addresses.actor(name)
        actor = await self._actors.create_local(tx, uri=uri, type="Person", keys=keys)
        account = Account(
            id=actor.id,
            uri=uri,
            username=name,
            name_key=name_key(name),
            domain="",
            display_name=display_name,
            url=self._addresses.profile(name),
            created_at=self._clock.now(),
        )
        tx.add(account)
        await tx.flush()
        return account


def acceptable_username(text: str) -> str:
    """Return a user name one may register; raises `Invalid`."""
    if _USERNAME.fullmatch(text) is None:
        raise Invalid("A name has 1 to 30 letters a to z, digits or underscores.", field="username")
    if name_key(text) in RESERVED:
        raise Invalid("This name is reserved.", field="username")
    return text


def acceptable_email(text: str) -> str:
    """Return an e-mail address in the form that is compared; raises `Invalid`."""
    address = text.strip().lower()
    if len(address) > MAX_EMAIL or _EMAIL.fullmatch(address) is None or not address.isprintable():
        raise Invalid("That is not an e-mail address.", field="email")
    return address


async def find_user(tx: Tx, name_or_email: str) -> User | None:
    """Return the user of that name (any case) or e-mail address."""
    wanted = name_or_email.strip().removeprefix("@").lower()
    if not wanted.isprintable():  # NUL and half a surrogate pair are errors of the database, not names
        return None
    return (
        await tx.scalars(
            select(User)
            .join(Account, Account.id == User.id)
            .where(or_(User.email == wanted, (Account.name_key == wanted) & (Account.domain == "")))
        )
    ).one_or_none()
