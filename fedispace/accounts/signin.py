"""Browsers that are signed in: a random token in the cookie, its SHA-256 in a row."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import delete, select

from fedispace.accounts.attempts import Attempts
from fedispace.accounts.endings import Ending, nothing_more
from fedispace.accounts.models import Account, Session, User
from fedispace.accounts.one_line import one_line
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.registration import find_user
from fedispace.accounts.tokens import at_rest, is_token
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.db.pruning import forget
from fedispace.errors import Unauthenticated
from fedispace.ids import Ids

log = structlog.get_logger()

LIFETIME: Final = timedelta(days=30)
MAX_USER_AGENT: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is signed in with this browser; `csrf` must come back with every form of theirs."""

    user: User
    account: Account
    csrf: str


class SignIn:
    """Signs people in and out. 25 tries in an hour per name, and in five minutes per address."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        passwords: Passwords,
        ends_too: Ending = nothing_more,
    ) -> None:
        self._ends_too = ends_too
        self._db = db
        self._clock = clock
        self._ids = ids
        self._passwords = passwords
        self._by_name = Attempts(clock, limit=25, window=timedelta(hours=1))
        self._by_address = Attempts(clock, limit=25, window=timedelta(minutes=5))

    async def sign_in(
        self, name_or_email: str, password: str, *, user_agent: str, ip: str = ""
    ) -> tuple[Visitor, str]:
        """Return the visitor and the token for the cookie; a new token every time.

        Raises `Unauthenticated` in the same words and after the same work whether the name exists
        or not, and `RateLimited`. An old session of this browser is not taken over, which is what
        session fixation would need.
        """
        name = name_or_email.strip().removeprefix("@").lower()[:320]
        if ip:
            self._by_address.count(ip)
        self._by_name.count(name)
        async with self._db.reading() as tx:
            user = await find_user(tx, name)
        right = await self._passwords.verify(None if user is None else user.password_hash, password)
        if user is None or not right or user.disabled_at is not None:
            log.info("sign_in.refused", known=user is not None)
            raise Unauthenticated("The name or the password is not right.")
        self._by_name.forgive(name)
        if ip:  # behind one address may be a whole school: only what fails counts against it
            self._by_address.take_back(ip)
        return await self._begin(user.id, user_agent)

    async def prune(self) -> None:
        """Forget sessions that have run out."""
        await forget(self._db, Session, Session.expires_at <= self._clock.now())

    async def _begin(self, user_id: int, user_agent: str) -> tuple[Visitor, str]:
        token, csrf, now = self._ids.token(), self._ids.token(), self._clock.now()
        async with self._db.transaction() as tx:
            await tx.execute(delete(Session).where(Session.user_id == user_id, Session.expires_at <= now))
            tx.add(
                Session(
                    token_hash=at_rest(token),
                    user_id=user_id,
                    csrf=csrf,
                    user_agent=one_line(user_agent)[:MAX_USER_AGENT],
                    created_at=now,
                    expires_at=now + LIFETIME,
                )
            )
        visitor = await self.visitor(token)
        if visitor is None:
            raise Unauthenticated("This account is not open.")
        return visitor, token

    async def visitor(self, token: str) -> Visitor | None:
        """Return who holds `token`; None when it is not, or no longer, good."""
        if not is_token(token):
            return None
        async with self._db.reading() as tx:
            row = (
                await tx.execute(
                    select(Session.csrf, User, Account)
                    .join(User, User.id == Session.user_id)
                    .join(Account, Account.id == User.id)
                    .where(
                        Session.token_hash == at_rest(token),
                        Session.expires_at > self._clock.now(),
                        User.disabled_at.is_(None),
                        Account.suspended_at.is_(None),
                    )
                )
            ).one_or_none()
        if row is None:
            return None
        csrf, user, account = row
        return Visitor(user=user, account=account, csrf=csrf)

    async def sign_out(self, token: str) -> None:
        """End the session of `token`; doing it twice is fine."""
        async with self._db.transaction() as tx:
            user_id = await tx.scalar(
                delete(Session).where(Session.token_hash == at_rest(token)).returning(Session.user_id)
            )
            if user_id is not None:
                await self._ends_too(tx, user_id)
