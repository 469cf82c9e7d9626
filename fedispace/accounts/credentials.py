"""Changing how somebody signs in. Whatever was signed in with the old password is signed out."""

from sqlalchemy import delete, update

from fedispace.accounts.models import OAuthCode, OAuthToken, Session, User
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.registration import find_user
from fedispace.db.engine import Database
from fedispace.errors import NotFound


class Credentials:
    """Sets passwords."""

    def __init__(self, db: Database, passwords: Passwords) -> None:
        self._db = db
        self._passwords = passwords

    async def set_password(self, name_or_email: str, password: str) -> None:
        """Give a user a new password; ends every session, token and code, which a thief may hold."""
        password_hash = await self._passwords.hash(password)
        async with self._db.transaction() as tx:
            user = await find_user(tx, name_or_email)
            if user is None:
                raise NotFound("There is no such user.")
            await tx.execute(update(User).where(User.id == user.id).values(password_hash=password_hash))
            for table in (Session, OAuthToken, OAuthCode):
                await tx.execute(delete(table).where(table.user_id == user.id))
