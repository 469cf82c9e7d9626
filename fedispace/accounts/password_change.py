"""A new password, and with it the end of everything the old one opened."""

from sqlalchemy import delete

from fedispace.accounts.endings import Ending, nothing_more
from fedispace.accounts.models import OAuthCode, OAuthToken, Session
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.registration import find_user
from fedispace.db.engine import Database
from fedispace.errors import NotFound


class PasswordChange:
    """Sets passwords."""

    def __init__(self, db: Database, passwords: Passwords, ends_too: Ending = nothing_more) -> None:
        self._ends_too = ends_too
        self._db = db
        self._passwords = passwords

    async def set(self, name: str, password: str) -> None:
        """Give `name` a new password; every session, code and token of theirs ends."""
        hashed = await self._passwords.hash(password)
        async with self._db.transaction() as tx:
            user = await find_user(tx, name)
            if user is None:
                raise NotFound(f"There is no user {name}.")
            user.password_hash = hashed
            for table in (Session, OAuthCode, OAuthToken):
                await tx.execute(delete(table).where(table.user_id == user.id))
            await self._ends_too(tx, user.id)
