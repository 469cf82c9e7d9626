"""What a host or a moderator orders about a person in a live Space, carried out at once.

    mute    his packets are dropped from now on, in whatever session they come; he stays
    remove  his sessions end, his tickets and grants open nothing; he may ask to come in again
    ban     the same, and nothing opens for him again until he is readmitted

The rows come first (tickets, sessions), then the SFUs, which remember the order for those who come back. They
forget with their process: one that started anew is told again what still holds. Who may order what is
decided before this is called. A person without an account is known by no more than a
session, and that is what ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Unavailable
from fedispace.media.live.client import SfuClient
from fedispace.queue.bus import Bus
from fedispace.spaces import presence
from fedispace.spaces.fleet import Fleet
from fedispace.spaces.live import participant_of
from fedispace.spaces.tickets import Tickets

log = structlog.get_logger()

_LOOK_SECONDS: Final = 0.5


class Obedience:
    """Has people silenced and sent away. One instance for each web process, beside its `LiveRooms`."""

    def __init__(self, *, db: Database, clock: Clock, bus: Bus, fleet: Fleet, tickets: Tickets) -> None:
        self._db = db
        self._clock = clock
        self._bus = bus
        self._fleet = fleet
        self._task: asyncio.Task[None] | None = None
        self._tickets = tickets
        self._muted: set[tuple[int, int]] = set()
        self._banned: set[tuple[int, int]] = set()

    async def start(self) -> None:
        """Begin to look for servers that have started anew; returns at once."""
        self._task = asyncio.create_task(self._keep_told(), name="obedience")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def mute(self, space_id: int, account_id: int, *, muted: bool = True) -> None:
        """Silence somebody, or end that."""
        (self._muted.add if muted else self._muted.discard)((space_id, account_id))
        await self._tell_all(lambda sfu: sfu.mute(str(space_id), participant_of(account_id), muted))
        log.info("space.muted", space=space_id, account=account_id, muted=muted)

    async def remove(self, space_id: int, account_id: int) -> None:
        """Send somebody away: what happens when a role is revoked, too."""
        await self._send_away(space_id, account_id, banned=False)

    async def ban(self, space_id: int, account_id: int) -> None:
        """Send somebody away for good."""
        self._banned.add((space_id, account_id))
        await self._send_away(space_id, account_id, banned=True)

    async def readmit(self, space_id: int, account_id: int) -> None:
        """Lift a ban."""
        self._banned.discard((space_id, account_id))
        await self._tell_all(lambda sfu: sfu.readmit(str(space_id), participant_of(account_id)))

    async def retell(self, name: str) -> None:
        """Tell a server again what still holds; raises `Unavailable`."""
        sfu = self._fleet.client(name)
        for space_id, account_id in list(self._muted):
            await sfu.mute(str(space_id), participant_of(account_id), True)
        for space_id, account_id in list(self._banned):
            await sfu.expel(str(space_id), participant_of(account_id), banned=True)

    def forget(self, space_id: int) -> None:
        """Forget what was ordered in a Space that is over."""
        self._muted = {order for order in self._muted if order[0] != space_id}
        self._banned = {order for order in self._banned if order[0] != space_id}

    async def _send_away(self, space_id: int, account_id: int, *, banned: bool) -> None:
        async with self._db.transaction() as tx:
            await self._close_doors(tx, space_id, account_id)
        person = participant_of(account_id)
        await self._tell_all(lambda sfu: sfu.expel(str(space_id), person, banned=banned))
        log.info("space.expelled", space=space_id, account=account_id, banned=banned)

    async def _close_doors(self, tx: Tx, space_id: int, account_id: int) -> None:
        now = self._clock.now()
        await self._tickets.revoke(tx, space_id=space_id, account_id=account_id)
        sessions = await presence.sessions_of(tx, space_id, account_id)
        await presence.record(tx, self._bus, connected=(), ended=sessions, now=now)

    async def _tell_all(self, order: Callable[[SfuClient], Awaitable[None]]) -> None:
        """Give an order wherever the room may be. A server that is away has no sessions of theirs either."""
        for name in self._fleet.names:
            try:
                await order(self._fleet.client(name))
            except Unavailable:
                log.warning("space.order_not_given", sfu=name)

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
            await asyncio.sleep(_LOOK_SECONDS)
