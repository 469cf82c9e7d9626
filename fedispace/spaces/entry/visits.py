"""Visits: somebody of another server, known in one browser of ours for half a day.

They proved who they are at their home server (`homes.py`) or by a link sent to their account
(`entry_links.py`). The cookie holds 256 random bits, the row their SHA-256. A visit is believed for as
long as the account is: one that is suspended, here or at home, or whose server is blocked, visits no
more, though the cookie is still good.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog
from sqlalchemy import ColumnElement, Select, select, update

from fedispace.accounts.models import Account
from fedispace.accounts.tokens import at_rest, is_token
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.errors import Forbidden
from fedispace.federation.policy import Policy
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.visit_models import Visit

log = structlog.get_logger()

LIFE: Final = timedelta(hours=12)
MAX_AT_ONCE: Final = 10
"""In how many browsers one account may visit; the oldest visit gives way."""

Way = Literal["oauth", "miauth", "link"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Who visits with this browser; `csrf` must come back with every form of theirs."""

    account: Account
    csrf: str
    via: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A visit that has just begun: its token, and the Space somebody was on their way to."""

    token: str
    space_id: int | None


class Visits:
    """Begins, believes and ends visits."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, policy: Policy, exits: Exits) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._policy = policy
        self._exits = exits

    async def begin(self, tx: Tx, account: Account, via: Way) -> str:
        """Write a visit and return the token for the cookie; a new token every time.

        Raises `Forbidden` for an account that may not visit.
        """
        if not _may_visit(account):
            raise Forbidden("This account cannot visit here.")
        now, token = self._clock.now(), self._ids.token()
        await tx.execute(
            update(Visit).where(Visit.token_hash.in_(_surplus(account.id, now))).values(revoked_at=now)
        )
        tx.add(
            Visit(
                token_hash=at_rest(token),
                account_id=account.id,
                via=via,
                created_at=now,
                expires_at=now + LIFE,
                revoked_at=None,
            )
        )
        await tx.flush()
        log.info("visit.began", account=account.id, via=via)
        return token

    async def guest(self, token: str) -> Guest | None:
        """Return who visits with `token`; None when it is not, or no longer, good."""
        if not is_token(token):
            return None
        async with self._db.reading() as tx:
            row = (
                await tx.execute(
                    select(Visit, Account)
                    .join(Account, Account.id == Visit.account_id)
                    .where(
                        Visit.token_hash == at_rest(token),
                        Visit.revoked_at.is_(None),
                        Visit.expires_at > self._clock.now(),
                    )
                )
            ).one_or_none()
        if row is None:
            return None
        visit, account = row
        if not _may_visit(account) or await self._policy.is_refused(host_of(account.uri)):
            return None
        return Guest(account=account, csrf=_csrf_of(token), via=visit.via, expires_at=visit.expires_at)

    async def listed(self, account_id: int) -> Sequence[Visit]:
        """Return the visits of an account that go on, newest first."""
        async with self._db.reading() as tx:
            rows = await tx.scalars(
                select(Visit)
                .where(_goes_on(account_id, self._clock.now()))
                .order_by(Visit.created_at.desc())
                .limit(MAX_AT_ONCE)
            )
            return rows.all()

    async def end(self, token: str) -> None:
        """End the visit of `token`, and what it holds in rooms; doing it twice is fine.

        A page of the same account in another browser is let in again by its own visit.
        """
        async with self._db.transaction() as tx:
            account_id = await tx.scalar(
                update(Visit)
                .where(Visit.token_hash == at_rest(token), Visit.revoked_at.is_(None))
                .values(revoked_at=self._clock.now())
                .returning(Visit.account_id)
            )
            if account_id is not None:
                await self._exits.sign_out(tx, account_id)

    async def end_all(self, account_id: int) -> None:
        """End every visit of an account, and its stay in every room."""
        async with self._db.transaction() as tx:
            now = self._clock.now()
            await tx.execute(update(Visit).where(_goes_on(account_id, now)).values(revoked_at=now))
            await self._exits.sign_out(tx, account_id)

    async def prune(self) -> None:
        """Forget visits that have run out."""
        await forget(self._db, Visit, Visit.expires_at <= self._clock.now())


def _goes_on(account_id: int, now: datetime) -> ColumnElement[bool]:
    return (Visit.account_id == account_id) & Visit.revoked_at.is_(None) & (Visit.expires_at > now)


def _surplus(account_id: int, now: datetime) -> Select[str]:
    """Select the visits that give way to a new one."""
    return (
        select(Visit.token_hash)
        .where(_goes_on(account_id, now))
        .order_by(Visit.created_at.desc())
        .offset(MAX_AT_ONCE - 1)
    )


def _may_visit(account: Account) -> bool:
    return not account.local and account.suspended_at is None and not account.suspended_at_home


def _csrf_of(token: str) -> str:
    """Return what a form must bring: made of the cookie, which no other site can read."""
    return hashlib.sha256(f"fedispace visit form v1\n{token}".encode()).hexdigest()
