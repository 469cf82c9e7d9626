"""Tickets: the right to enter one Space in one role, once, within a minute.

A ticket is 256 bits; the row holds its SHA-256. One that answers a Join of another server is not
random but an HMAC of what it stands for, so that the same Join gets the same answer again although
its secret was never stored, and opens no second session, because the row is spent only once.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.errors import Forbidden, RateLimited, Unauthenticated
from fedispace.ids import Ids
from fedispace.spaces.access import Role
from fedispace.spaces.entry.client_keys import is_proven
from fedispace.spaces.models import Ticket

LIFE: Final = timedelta(seconds=60)
MAX_OUTSTANDING: Final = 10
_REMEMBERED: Final = timedelta(hours=2)
_MAX_TOKEN: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A ticket as it is handed over; `token` is nowhere else."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Whose a ticket was, and the key their browser proved to hold, if their Join named one."""

    account_id: int
    client_key: str | None


async def prune(db: Database, clock: Clock) -> None:
    """Forget tickets that were good long ago, in Spaces nobody asks for one any more."""
    await forget(db, Ticket, Ticket.expires_at < clock.now() - _REMEMBERED)


class Tickets:
    """Issues and takes tickets."""

    def __init__(self, ids: Ids, clock: Clock, secret: bytes) -> None:
        assert len(secret) >= 32
        self._ids = ids
        self._clock = clock
        self._secret = secret

    async def issue(
        self, tx: Tx, *, space_id: int, account_id: int, role: Role, client_key: str | None = None
    ) -> Issued:
        """Write a ticket for one of our own people."""
        return await self._write(tx, self._ids.token(), space_id, account_id, role, None, client_key)

    async def answer(
        self,
        tx: Tx,
        *,
        space_id: int,
        account_id: int,
        role: Role,
        join_uri: str,
        client_key: str | None = None,
    ) -> Issued:
        """Return the ticket that answers this Join, the same one however often it is asked for.

        Raises `Forbidden` when the id was used before to ask for something else.
        """
        token = self._token_for(space_id, account_id, role, join_uri, client_key)
        if await _answered(tx, join_uri) is None:
            await self._write(tx, token, space_id, account_id, role, join_uri, client_key)
        ticket = await _answered(tx, join_uri)
        if ticket is None or not hmac.compare_digest(ticket.token_hash, _hash(token)):
            raise Forbidden("That Join was answered already, for something else.")
        return Issued(token=token, expires_at=ticket.expires_at)

    async def redeem(self, tx: Tx, token: str, *, space_id: int, role: Role, proof: str | None = None) -> int:
        """Use a ticket up and return whose it was; `proof` is by the key it is bound to, if it is.

        Raises `Unauthenticated`, in the same words whatever is wrong with it.
        """
        spent = await self._spend(tx, token, proof, Ticket.space_id == space_id, Ticket.role == role)
        return spent.account_id

    async def exchange(self, tx: Tx, token: str, *, space_id: int, proof: str | None = None) -> Spent:
        """Use a ticket of any role up, for a pass; raises `Unauthenticated` as `redeem` does."""
        return await self._spend(tx, token, proof, Ticket.space_id == space_id)

    async def _spend(self, tx: Tx, token: str, proof: str | None, *where: ColumnElement[bool]) -> Spent:
        """Use a ticket up; one statement, so two who race cannot both win.

        Whoever holds a ticket and not its key uses it up for nobody: the proof is looked at first.
        """
        now = self._clock.now()
        key = None
        if len(token) <= _MAX_TOKEN:
            key = await tx.scalar(select(Ticket.client_key).where(Ticket.token_hash == _hash(token)))
        row = None
        if len(token) <= _MAX_TOKEN and (key is None or is_proven(key, proof, token)):
            row = (
                await tx.execute(
                    update(Ticket)
                    .where(Ticket.token_hash == _hash(token), *where)
                    .where(Ticket.used_at.is_(None), Ticket.expires_at > now)
                    .values(used_at=now)
                    .returning(Ticket.account_id, Ticket.client_key)
                )
            ).one_or_none()
        if row is None:
            raise Unauthenticated("The ticket is not valid here, has expired, or was used.")
        return Spent(account_id=row.account_id, client_key=row.client_key)

    async def give_back(self, tx: Tx, token: str) -> None:
        """Make a ticket good again that opened nothing (a malformed offer, an SFU that restarts)."""
        await tx.execute(update(Ticket).where(Ticket.token_hash == _hash(token)).values(used_at=None))

    async def revoke(self, tx: Tx, *, space_id: int, account_id: int) -> None:
        """Have what somebody holds for a Space open nothing, even if it is given back just now."""
        now = self._clock.now()
        await tx.execute(
            update(Ticket)
            .where(Ticket.space_id == space_id, Ticket.account_id == account_id, Ticket.expires_at > now)
            .values(expires_at=now)
        )

    async def _write(
        self,
        tx: Tx,
        token: str,
        space_id: int,
        account_id: int,
        role: Role,
        join_uri: str | None,
        client_key: str | None,
    ) -> Issued:
        now = self._clock.now()
        await self._require_few_outstanding(tx, space_id, account_id, now)
        await tx.execute(
            delete(Ticket).where(Ticket.space_id == space_id, Ticket.expires_at < now - _REMEMBERED)
        )
        expires_at = (now + LIFE).replace(microsecond=0)
        await tx.execute(
            insert(tx, Ticket)
            .values(
                token_hash=_hash(token),
                space_id=space_id,
                account_id=account_id,
                role=role,
                join_uri=join_uri,
                client_key=client_key,
                expires_at=expires_at,
            )
            .on_conflict_do_nothing()
        )
        return Issued(token=token, expires_at=expires_at)

    async def _require_few_outstanding(self, tx: Tx, space_id: int, account_id: int, now: datetime) -> None:
        outstanding = await tx.scalar(
            select(func.count())
            .select_from(Ticket)
            .where(Ticket.space_id == space_id, Ticket.account_id == account_id)
            .where(Ticket.used_at.is_(None), Ticket.expires_at > now)
        )
        if (outstanding or 0) >= MAX_OUTSTANDING:
            raise RateLimited("You hold too many tickets; use one.", retry_after=int(LIFE.total_seconds()))

    def _token_for(
        self, space_id: int, account_id: int, role: Role, join_uri: str, client_key: str | None
    ) -> str:
        named = f"fedispace ticket v2\n{space_id}\n{account_id}\n{role}\n{join_uri}\n{client_key or ''}"
        mac = hmac.digest(self._secret, named.encode(), hashlib.sha256)
        return urlsafe_b64encode(mac).rstrip(b"=").decode()


async def _answered(tx: Tx, join_uri: str) -> Ticket | None:
    return (await tx.scalars(select(Ticket).where(Ticket.join_uri == join_uri))).one_or_none()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
