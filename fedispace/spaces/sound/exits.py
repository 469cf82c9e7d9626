"""Letting go of a room: what somebody holds in it ends with the rows, whatever process writes them.

An audio server follows the rows (`watch.py`), so that a command line, another web process and this one need
do no more than this, in the transaction in which a session is signed out or an account is suspended.
"""

from sqlalchemy import ColumnElement, and_, select, union, update

from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.queue.bus import Bus
from fedispace.spaces import presence
from fedispace.spaces.models import LiveSession, Member, Pass, StreamKey, Ticket
from fedispace.spaces.order_of_locks import take_space, take_spaces
from fedispace.spaces.roles import MemberRole

_AT_MOST = 400


class Exits:
    """Ends what people hold."""

    def __init__(self, clock: Clock, bus: Bus) -> None:
        self._clock = clock
        self._bus = bus

    async def sign_out(self, tx: Tx, account_id: int) -> None:
        """End what somebody holds in any room, because one of the ways they signed in was revoked.

        They keep their seat, and whoever has another way in comes back by it at once.
        """
        await self._let_go(tx, None, account_id)

    async def revoke(self, tx: Tx, account_id: int) -> None:
        """The same, when every secret of theirs is void: what was copied into a program, too."""
        await self._let_go(tx, None, account_id)
        await self._void_keys(tx, StreamKey.account_id == account_id)

    async def send_out(self, tx: Tx, space_id: int, account_id: int, *, what: str = "removed") -> None:
        """End what somebody holds in one room, with their seat, their hand and any invitation."""
        await take_space(tx, space_id)
        await self._let_go(tx, space_id, account_id)
        await self._void_keys(tx, and_(StreamKey.space_id == space_id, StreamKey.account_id == account_id))
        await tx.execute(
            update(Member)
            .where(Member.space_id == space_id, Member.account_id == account_id)
            .values(
                role=MemberRole.LISTENER,
                hand_at=None,
                invited_as=None,
                has_mic_on=False,
                is_shown=False,
                updated_at=self._clock.now(),
            )
        )
        message = {"event": "you", "account_id": str(account_id), "what": what}
        tx.after_commit(lambda: self._bus.publish(presence.topic(space_id), message))

    async def _let_go(self, tx: Tx, space_id: int | None, account_id: int) -> None:
        now = self._clock.now()
        await take_spaces(
            tx,
            union(
                select(Pass.space_id).where(_held(Pass, space_id, account_id), Pass.revoked_at.is_(None)),
                select(Ticket.space_id).where(_held(Ticket, space_id, account_id), Ticket.expires_at > now),
                select(LiveSession.space_id).where(
                    _held(LiveSession, space_id, account_id), LiveSession.ended_at.is_(None)
                ),
            ),
        )
        await tx.execute(
            update(Pass)
            .where(_held(Pass, space_id, account_id), Pass.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        await tx.execute(
            update(Ticket)
            .where(_held(Ticket, space_id, account_id), Ticket.expires_at > now)
            .values(expires_at=now)
        )
        open_ = await tx.scalars(
            select(LiveSession.engine_session)
            .where(_held(LiveSession, space_id, account_id), LiveSession.ended_at.is_(None))
            .limit(_AT_MOST)
        )
        await presence.record(tx, self._bus, connected=(), ended=list(open_), now=now)

    async def _void_keys(self, tx: Tx, which: ColumnElement[bool]) -> None:
        await tx.execute(
            update(StreamKey)
            .where(which, StreamKey.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
        )


def _held(
    table: type[Pass] | type[Ticket] | type[LiveSession], space_id: int | None, account_id: int
) -> ColumnElement[bool]:
    mine = table.account_id == account_id
    return mine if space_id is None else and_(mine, table.space_id == space_id)
