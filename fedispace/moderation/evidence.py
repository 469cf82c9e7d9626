"""The sound that came with a report: sealed before it is written, opened for moderators, forgotten in time.

Whoever copies the table `report_evidence`, a row of a backup or a log of the database's changes has nothing
without the instance's own key, from which the seal's key is derived (HKDF, RFC 5869). The seal (AES-256-GCM)
covers which report it belongs to: evidence cannot be moved to another report, nor altered. The key is in
the same database, so a copy of all of it opens the seal; it is a lock on the drawer and not a safe.

When the instance's key is changed, the former one still opens what it sealed; changed twice within
the life of evidence, what is older cannot be heard any more.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import func, select

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, ActorSecret
from fedispace.ids import Ids
from fedispace.moderation.models import Evidence, Report

KEPT_FOR: Final = timedelta(days=30)
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"fedispace report evidence v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Sound that belongs to a report: a whole file of `media_type`, `seconds` long."""

    media_type: str
    seconds: int
    sound: bytes = field(repr=False)


class EvidenceDrawer:
    """Keeps evidence and gives it out."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, addresses: Addresses) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses

    async def keep(self, tx: Tx, report_id: int, heard: Heard) -> None:
        """Seal what was heard, and write it beside its report."""
        (key, *_) = await self._keys(tx)
        now, nonce = self._clock.now(), secrets.token_bytes(_NONCE_BYTES)
        tx.add(
            Evidence(
                id=self._ids.next(),
                report_id=report_id,
                media_type=heard.media_type,
                seconds=heard.seconds,
                nonce=nonce,
                sealed=AESGCM(key).encrypt(nonce, heard.sound, _label(report_id)),
                created_at=now,
                expires_at=now + KEPT_FOR,
            )
        )
        await tx.flush()

    async def sound_of(self, report_id: int) -> Heard:
        """Return what was heard; raises `NotFound` when there is nothing, or nothing that can be opened."""
        async with self._db.reading() as tx:
            rows = await tx.scalars(
                select(Evidence)
                .where(Evidence.report_id == report_id, Evidence.expires_at > self._clock.now())
                .order_by(Evidence.id)
                .limit(1)
            )
            row = rows.one_or_none()
            keys = await self._keys(tx)
        if row is None:
            raise NotFound("There is no sound with this report, or not any more.")
        for key in keys:
            try:
                sound = AESGCM(key).decrypt(row.nonce, row.sealed, _label(report_id))
            except InvalidTag:
                continue
            return Heard(media_type=row.media_type, seconds=row.seconds, sound=sound)
        raise NotFound("The sound of this report was sealed with a key that is gone.")

    async def prune(self) -> None:
        """Forget evidence whose time is over."""
        await forget(self._db, Evidence, Evidence.expires_at <= self._clock.now())

    async def _keys(self, tx: Tx) -> list[bytes]:
        """Derive the keys: first the one that seals, then the former one."""
        secret = (
            await tx.scalars(
                select(ActorSecret)
                .join(ActorRow, ActorRow.id == ActorSecret.actor_id)
                .where(ActorRow.uri == self._addresses.instance_actor, ActorRow.local)
            )
        ).one()
        return [_derived(pem) for pem in (secret.rsa, secret.former_rsa) if pem]


async def count_of(tx: Tx, reporter_uri: str, space_id: int) -> int:
    """Count the pieces of evidence that somebody's reports of one Space brought."""
    many = await tx.scalar(
        select(func.count())
        .select_from(Evidence)
        .join(Report, Report.id == Evidence.report_id)
        .where(Report.reporter_uri == reporter_uri, Report.space_id == space_id)
    )
    return many or 0


async def with_sound(tx: Tx, report_ids: Iterable[int]) -> dict[int, int]:
    """Return how many seconds of sound there are, for those reports that have any."""
    rows = await tx.execute(
        select(Evidence.report_id, Evidence.seconds).where(Evidence.report_id.in_(list(report_ids)))
    )
    return {row.report_id: row.seconds for row in rows}


def _label(report_id: int) -> bytes:
    return f"report {report_id}".encode()


def _derived(pem: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(pem.encode())
