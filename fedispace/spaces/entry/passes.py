"""Passes: somebody's stay in one room, for a quarter of an hour at a time.

A ticket opens one session once. A pass is what it is exchanged for: it opens sessions, commands and the
room's events, for one person in one Space, and says nothing about what they may do there: that is
asked of the rows each time. It cannot prolong itself. Somebody of another server renews it with the
ticket of a new Join, so that a home that suspended them takes effect here; one of ours with their own
session or token. It ends with the Space, and at once when they are sent out or suspended.

Its secret is 256 bits after a prefix that tells it from a ticket and from an OAuth token; the row holds
the SHA-256.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, select, update

from fedispace.accounts.models import Account
from fedispace.accounts.standing import is_shown
from fedispace.accounts.tokens import at_rest
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.errors import Unauthenticated
from fedispace.ids import Ids
from fedispace.spaces import access, queries
from fedispace.spaces.entry.tickets import Tickets
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Pass, Space
from fedispace.spaces.order_of_locks import hold_space

LIFE: Final = timedelta(minutes=15)
MAX_HELD: Final = 10
_REMEMBERED: Final = timedelta(hours=2)
_PREFIX: Final = "fsp_"
_PASS: Final = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPass:
    """A pass as it is handed over; `token` is nowhere else."""

    token: str
    space_id: int
    account_id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose a pass is, until when, and which key their browser proved to hold, if any."""

    account_id: int
    expires_at: datetime
    client_key: str | None


def is_pass(token: str) -> bool:
    """Tell whether a bearer token has the shape of a pass."""
    return _PASS.fullmatch(token) is not None


async def prune(db: Database, clock: Clock) -> None:
    """Forget passes that were good long ago."""
    await forget(db, Pass, Pass.expires_at < clock.now() - _REMEMBERED)


class Passes:
    """Issues, renews, revokes and judges passes."""

    def __init__(self, *, db: Database, ids: Ids, clock: Clock, tickets: Tickets) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._tickets = tickets

    async def exchange(
        self, ticket: str, space_id: int, *, renews: str | None = None, proof: str | None = None
    ) -> IssuedPass:
        """Use a ticket up, of whatever role, and return a pass; `renews` is the one held until now.

        A pass whose ticket was bound to a key is prolonged only by tickets that are bound to the same.
        """
        async with self._db.transaction() as tx:
            await hold_space(tx, space_id)
            spent = await self._tickets.exchange(tx, ticket, space_id=space_id, proof=proof)
            return await self._admit(tx, space_id, spent.account_id, renews, spent.client_key)

    async def grant(self, account_id: int, space_id: int, *, renews: str | None = None) -> IssuedPass:
        """Return a pass for somebody whom the caller knows: one of ours, or a visitor."""
        async with self._db.transaction() as tx:
            await hold_space(tx, space_id)
            return await self._admit(tx, space_id, account_id, renews, None)

    async def holder(self, token: str, space_id: int) -> Holder:
        """Return whose pass for this Space that is; raises `Unauthenticated`."""
        async with self._db.reading() as tx:
            return await self.judge(tx, token, space_id)

    async def person(self, token: str, space_id: int) -> Account:
        """Return the profile of whose pass for this Space that is; raises `Unauthenticated`."""
        async with self._db.reading() as tx:
            holder = await self.judge(tx, token, space_id)
            account = await tx.get(Account, holder.account_id)
        assert account is not None  # the row of a pass goes with its account
        return account

    async def judge(self, tx: Tx, token: str, space_id: int) -> Holder:
        """Return whose pass that is; raises `Unauthenticated`, in the same words whatever is wrong.

        A Space that is over, and an account that is suspended, have no passes.
        """
        row = None
        if is_pass(token):
            row = (
                await tx.execute(
                    select(Pass.account_id, Pass.expires_at, Pass.client_key)
                    .join(Space, Space.id == Pass.space_id)
                    .join(Account, Account.id == Pass.account_id)
                    .where(Pass.token_hash == at_rest(token), Pass.space_id == space_id, is_shown())
                    .where(Pass.revoked_at.is_(None), Pass.expires_at > self._clock.now())
                    .where(Space.state.in_((Phase.SCHEDULED, Phase.LIVE)))
                )
            ).one_or_none()
        if row is None:
            raise Unauthenticated("The pass is not valid here, or has expired.")
        return Holder(account_id=row.account_id, expires_at=row.expires_at, client_key=row.client_key)

    async def revoke(self, tx: Tx, *, space_id: int, account_id: int) -> None:
        """Have what somebody holds for a Space open nothing."""
        await self._revoke(tx, (Pass.space_id == space_id) & (Pass.account_id == account_id))

    async def revoke_all(self, tx: Tx, account_id: int) -> None:
        """Have what somebody holds for any Space open nothing."""
        await self._revoke(tx, Pass.account_id == account_id)

    async def _revoke(self, tx: Tx, which: ColumnElement[bool]) -> None:
        await tx.execute(
            update(Pass).where(which, Pass.revoked_at.is_(None)).values(revoked_at=self._clock.now())
        )

    async def _admit(
        self, tx: Tx, space_id: int, account_id: int, renews: str | None, client_key: str | None
    ) -> IssuedPass:
        space = await queries.space(tx, space_id, account_id)
        if not space.local:
            raise access.no_such_space()
        standing = await queries.standing(tx, space, account_id)
        access.require_presence(access.parse_access(space.access), standing)
        access.require_unfinished(Phase(space.state))
        expires_at = (self._clock.now() + LIFE).replace(microsecond=0)
        token = None
        if renews is not None:
            token = await self._renewed(tx, renews, space_id, account_id, expires_at, client_key)
        if token is None:
            token = await self._write(tx, space_id, account_id, expires_at, client_key)
        return IssuedPass(token=token, space_id=space_id, account_id=account_id, expires_at=expires_at)

    async def _renewed(
        self,
        tx: Tx,
        token: str,
        space_id: int,
        account_id: int,
        expires_at: datetime,
        client_key: str | None,
    ) -> str | None:
        """Have somebody's own pass last longer, if it still holds."""
        found = await tx.scalar(
            update(Pass)
            .where(Pass.token_hash == at_rest(token), Pass.space_id == space_id)
            .where(Pass.account_id == account_id, Pass.client_key.is_not_distinct_from(client_key))
            .where(Pass.revoked_at.is_(None), Pass.expires_at > self._clock.now())
            .values(expires_at=expires_at)
            .returning(Pass.token_hash)
        )
        return None if found is None else token

    async def _write(
        self, tx: Tx, space_id: int, account_id: int, expires_at: datetime, client_key: str | None
    ) -> str:
        """Write a new pass; of those somebody holds, the oldest make room for it."""
        now, token = self._clock.now(), f"{_PREFIX}{self._ids.token()}"
        older = (
            select(Pass.token_hash)
            .where(Pass.space_id == space_id, Pass.account_id == account_id)
            .where(Pass.revoked_at.is_(None), Pass.expires_at > now)
            .order_by(Pass.created_at.desc(), Pass.token_hash)
            .limit(MAX_HELD)
            .offset(MAX_HELD - 1)
        )
        surplus = list(await tx.scalars(older))
        if surplus:
            await self._revoke(tx, Pass.token_hash.in_(surplus))
        tx.add(
            Pass(
                token_hash=at_rest(token),
                space_id=space_id,
                account_id=account_id,
                client_key=client_key,
                created_at=now,
                expires_at=expires_at,
            )
        )
        await tx.flush()
        return token
