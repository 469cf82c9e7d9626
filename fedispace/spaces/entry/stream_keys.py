"""Stream keys: what a speaker copies into OBS or FFmpeg, which hold a bearer token (WHIP).

A key stands for its owner's right to speak in one Space, not beyond it: whoever is sent to the audience,
removed or banned speaks by no key either, because the role is asked for at the door every time. It is
shown once; the row holds its SHA-256. Revoking it ends what is being sent with it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import ColumnElement, delete, exists, select, update

from fedispace.accounts.one_line import one_line
from fedispace.accounts.tokens import at_rest
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, NotFound, Unavailable
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.spaces import access, presence, queries, roles
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.members import is_on_stage
from fedispace.spaces.models import LiveSession, Member, Space, StreamKey
from fedispace.spaces.order_of_locks import take_space
from fedispace.spaces.roles import Action
from fedispace.spaces.sound.fleet import Fleet

log = structlog.get_logger()

MAX_KEYS: Final = 5
"""How many good keys one person may have for one Space."""
MAX_LABEL: Final = 60
_PREFIX: Final = "fsk_"
_KEY: Final = re.compile(r"fsk_[A-Za-z0-9_-]{43}")
_OVER: Final = (Phase.ENDED, Phase.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made: the only time it is known in clear."""

    row: StreamKey
    secret: str


def is_stream_key(bearer: str) -> bool:
    """Tell whether a bearer token has the shape of a stream key."""
    return _KEY.fullmatch(bearer) is not None


async def holder(tx: Tx, bearer: str, space_id: int, now: datetime) -> int | None:
    """Return whose key `bearer` is in this Space, and note its use; None when it is not good.

    It is not while its owner is not on stage: a program cannot tell why it is refused, and must not go on
    trying. Whatever else the room's rules say is for the door to ask.
    """
    if not is_stream_key(bearer):
        return None
    return await tx.scalar(
        update(StreamKey)
        .where(
            StreamKey.token_hash == at_rest(bearer),
            StreamKey.space_id == space_id,
            StreamKey.revoked_at.is_(None),
            exists().where(
                Member.space_id == space_id, Member.account_id == StreamKey.account_id, is_on_stage()
            ),
        )
        .values(used_at=now)
        .returning(StreamKey.account_id)
    )


class StreamKeys:
    """Makes, lists and revokes keys of whoever is on stage."""

    def __init__(self, *, db: Database, clock: Clock, ids: Ids, bus: Bus, fleet: Fleet) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._bus = bus
        self._fleet = fleet

    async def make(self, space_id: int, account_id: int, label: str) -> NewKey:
        """Write a key for somebody who is on stage.

        Raises `NotFound`, `Forbidden` for who is not, and `Conflict` in a Space that is over and for one
        key too many.
        """
        async with self._db.transaction() as tx:
            await tx.get(Space, space_id, with_for_update=True)  # two at once are counted in turn
            space = await self._streamed(tx, space_id, account_id)
            access.require_unfinished(Phase(space.state))
            if len(await _good(tx, space_id, account_id)) >= MAX_KEYS:
                raise Conflict(f"You have {MAX_KEYS} stream keys for this Space; revoke one first.")
            secret = _PREFIX + self._ids.token()
            row = StreamKey(
                id=self._ids.next(),
                token_hash=at_rest(secret),
                space_id=space_id,
                account_id=account_id,
                label=one_line(label)[:MAX_LABEL],
                created_at=self._clock.now(),
                used_at=None,
                revoked_at=None,
            )
            tx.add(row)
            await tx.flush()
        log.info("stream_key.made", space=space_id, account=account_id)
        return NewKey(row=row, secret=secret)

    async def listed(self, space_id: int, account_id: int) -> Sequence[StreamKey]:
        """Return the good keys of somebody on stage, oldest first; raises `NotFound`, `Forbidden`."""
        async with self._db.reading() as tx:
            await self._streamed(tx, space_id, account_id)
            return await _good(tx, space_id, account_id)

    async def revoke(self, space_id: int, account_id: int, key_id: int) -> None:
        """Have a key open nothing any more, and end what its owner is sending.

        Sessions do not say by what they were opened, so a microphone in a browser is cut too; the page
        connects again by itself, a program with the revoked key cannot.
        """
        async with self._db.transaction() as tx:
            await take_space(tx, space_id)
            key = await tx.get(StreamKey, key_id, with_for_update=True)
            if key is None or (key.space_id, key.account_id) != (space_id, account_id):
                raise NotFound("There is no such stream key.")
            if key.revoked_at is not None:
                return
            key.revoked_at = self._clock.now()
            sending = await _sending(tx, space_id, account_id) if key.used_at is not None else []
            names = [session.engine_session for session in sending]
            await presence.record(tx, self._bus, connected=(), ended=names, now=self._clock.now())
        for session in sending:
            await self._hang_up(session)
        log.info("stream_key.revoked", space=space_id, account=account_id, ended=len(sending))

    async def prune(self) -> None:
        """Forget the keys of Spaces that are over."""
        over = select(Space.id).where(Space.state.in_(_OVER))
        async with self._db.transaction() as tx:
            await tx.execute(delete(StreamKey).where(StreamKey.space_id.in_(over)))

    async def _streamed(self, tx: Tx, space_id: int, account_id: int) -> Space:
        """Return a Space of ours in which somebody may speak by a program."""
        space = await queries.space(tx, space_id, account_id)
        if not space.local:
            raise access.no_such_space()
        standing = await queries.standing(tx, space, account_id)
        access.require_presence(access.parse_access(space.access), standing)
        roles.require(standing.role, Action.STREAM)
        return space

    async def _hang_up(self, session: LiveSession) -> None:
        if session.sfu not in self._fleet.names:
            return
        try:
            await self._fleet.client(session.sfu).hang_up(session.engine_session)
        except Unavailable:  # an audio server that is away has no sessions
            log.warning("stream_key.sfu_away", sfu=session.sfu)


def _of(space_id: int, account_id: int) -> ColumnElement[bool]:
    return (StreamKey.space_id == space_id) & (StreamKey.account_id == account_id)


async def _good(tx: Tx, space_id: int, account_id: int) -> Sequence[StreamKey]:
    rows = await tx.scalars(
        select(StreamKey)
        .where(_of(space_id, account_id), StreamKey.revoked_at.is_(None))
        .order_by(StreamKey.id)
        .limit(MAX_KEYS)
    )
    return rows.all()


async def _sending(tx: Tx, space_id: int, account_id: int) -> list[LiveSession]:
    rows = await tx.scalars(
        select(LiveSession).where(
            LiveSession.space_id == space_id,
            LiveSession.account_id == account_id,
            LiveSession.role == "speaker",
            LiveSession.ended_at.is_(None),
        )
    )
    return list(rows)
