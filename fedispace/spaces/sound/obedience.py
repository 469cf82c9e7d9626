"""The audio servers do what the rows say about people in a live Space, at once.

    muted, or the room is paused   their packets are dropped from now on, in whatever session they come
    removed, or banned             their sessions end, and nothing opens for them until they are let in

Nothing is remembered here. After a verb has committed, the rows of those it concerned are read and the
servers are told; then the rows are read again, because of two processes that tell about the same person
at once the later word must be the truth. Servers forget with their process: one that started anew is told
again what holds, by every web process, which is harmless. Who may order what is decided before.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_

from fedispace.db.engine import Database
from fedispace.errors import NotFound, Unavailable
from fedispace.media.live.client import SfuClient
from fedispace.spaces import safety
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.members import is_on_stage
from fedispace.spaces.models import Member, Space
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.places import participant_of

log = structlog.get_logger()

_LOOK_SECONDS: Final = 0.5
_AT_ONCE: Final = 400
_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """What holds for one person in one Space."""

    space_id: int
    account_id: int
    is_silent: bool
    is_out: bool


class Obedience:
    """Has people silenced and kept out. One instance for each web process, beside its `LiveRooms`."""

    def __init__(self, *, db: Database, fleet: Fleet) -> None:
        self._db = db
        self._fleet = fleet
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look for servers that have started anew; returns at once."""
        self._task = asyncio.create_task(self._keep_told(), name="obedience")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def obey(self, space_id: int, account_ids: set[int]) -> None:
        """Have every server do what the rows say of these people now."""
        ids = sorted(account_ids)
        for start in range(0, len(ids), _AT_ONCE):
            of_these = and_(Member.space_id == space_id, Member.account_id.in_(ids[start : start + _AT_ONCE]))
            told: list[Order] = []
            for _ in range(_ROUNDS):
                orders = await self._orders(of_these)
                if orders == told:
                    break
                await self._tell_all([order for order in orders if order not in told])
                told = orders
        log.info("space.obeyed", space=space_id, people=len(ids))

    async def hang_up(self, sessions: list[tuple[str, str]]) -> None:
        """End sessions, as pairs of a server and its name for them."""
        await asyncio.gather(*(self._hang_up(server, session) for server, session in sessions))

    async def retell(self, name: str) -> None:
        """Tell a server again what still holds; raises `Unavailable`."""
        holds = and_(
            Space.local,
            Space.state == Phase.LIVE,
            or_(
                Member.muted_at.is_not(None),
                Member.removed_at.is_not(None),
                and_(Space.paused_at.is_not(None), is_on_stage()),
                _is_banned(),
            ),
        )
        last = (0, 0)
        while True:
            after = tuple_(Member.space_id, Member.account_id) > tuple_(*last)
            orders = await self._orders(and_(holds, after))
            if not orders:
                return
            for order in orders:
                await _tell(self._fleet.client(name), order, anew=True)
            last = (orders[-1].space_id, orders[-1].account_id)

    async def _orders(self, which: ColumnElement[bool]) -> list[Order]:
        async with self._db.reading() as tx:
            return [
                Order(
                    row.space_id,
                    row.account_id,
                    row.muted_at is not None or row.paused_at is not None,
                    row.removed_at is not None or row.banned,
                )
                for row in await tx.execute(_select().where(which))
            ]

    async def _tell_all(self, orders: Iterable[Order]) -> None:
        """Give orders wherever the room may be. A server that is away has no sessions of theirs either."""
        every = list(orders)

        async def tell(name: str) -> None:
            try:
                sfu = self._fleet.client(name)
                if not sfu.boot:  # never met: whoever meets it is told everything then (`retell`)
                    return
                for order in every:
                    await _tell(sfu, order)
            except Unavailable:
                log.warning("space.order_not_given", sfu=name)

        await asyncio.gather(*(tell(name) for name in self._fleet.names))

    async def _hang_up(self, server: str, session: str) -> None:
        if server not in self._fleet.names:
            return
        try:
            await self._fleet.client(server).hang_up(session)
        except (Unavailable, NotFound):
            log.warning("space.session_not_ended", sfu=server)

    async def _keep_told(self) -> None:
        told: dict[str, str] = {}
        while True:
            for name in self._fleet.names:
                try:
                    boot = self._fleet.client(name).boot
                    if boot != told.get(name, ""):
                        await self.retell(name)
                        told[name] = boot
                except Unavailable:
                    continue
                except Exception:  # a database that is away comes back: this loop owns the retry
                    log.exception("space.not_retold", sfu=name)
            await asyncio.sleep(_LOOK_SECONDS)


async def _tell(sfu: SfuClient, order: Order, *, anew: bool = False) -> None:
    """Tell one server what holds for one person; what `anew` it cannot have heard is not taken back."""
    room, person = str(order.space_id), participant_of(order.account_id)
    if order.is_silent or not anew:
        await sfu.mute(room, person, order.is_silent)
    if order.is_out:
        await sfu.expel(room, person, banned=True)
    elif not anew:
        await sfu.readmit(room, person)


def _select() -> Select[int, int, object, object, object, bool]:
    return (
        select(
            Member.space_id,
            Member.account_id,
            Member.muted_at,
            Member.removed_at,
            Space.paused_at,
            _is_banned().label("banned"),
        )
        .join(Space, Space.id == Member.space_id)
        .order_by(Member.space_id, Member.account_id)
        .limit(_AT_ONCE)
    )


def _is_banned() -> ColumnElement[bool]:
    return safety.is_banned_by_host(Space.id, Space.host_id, Member.account_id)
