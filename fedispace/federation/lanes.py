"""Lanes of claimed rows: in order within a lane, side by side among lanes, none waiting for another.

A pump claims rows and starts each lane as a task here, so that a peer that hangs holds up its own lane
and no claim. What bounds it is the number of rows held. A lane that ends badly (the database went
away, the process is stopping) leaves its rows leased; they are remembered and given back when the
database answers again, or else their lease runs out.

A lane that ends may leave work that only waited for it. The pump sleeps until a wake-up comes, so one
is sent then; without it a long lane would move at one claim per poll interval. While others run it is
sent a moment later, once for all that end within it: each claim is a transaction that looks at
everything that waits. The moment is longer while what was claimed already still waits for its turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

import structlog

from fedispace.queue.leases import Held

log = structlog.get_logger()

WAKE_WINDOW = 0.1
BUSY_WINDOW = 0.4

Work = TypeVar("Work", bound=Held)


class Lanes(Generic[Work]):
    """Runs lanes and owns their tasks."""

    def __init__(
        self, capacity: int, wake: Callable[[], None], *, is_busy: Callable[[], bool] = lambda: False
    ) -> None:
        self._capacity = capacity
        self._wake = wake
        self._is_busy = is_busy
        self._running: set[asyncio.Task[None]] = set()
        self._held = 0
        self._more = False
        self._alarm: asyncio.TimerHandle | None = None
        self._abandoned: list[Sequence[Work]] = []

    async def room(self, rows: int) -> None:
        """Return when `rows` more may be held."""
        while self._running and self._held + rows > self._capacity:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    def start(self, name: str, lane: Sequence[Work], run: Coroutine[Any, Any, None]) -> None:
        """Run a lane as a task of its own."""
        self._held += len(lane)
        task = asyncio.create_task(run, name=name)
        self._running.add(task)
        task.add_done_callback(lambda ended: self._end(ended, lane))

    def keep_awake(self) -> None:
        """Say that more is due than could be claimed: the next lane that ends wakes the pump."""
        self._more = True

    async def reclaim(self, give_back: Callable[[Sequence[Work]], Awaitable[None]]) -> None:
        """Give back what lanes that ended badly still hold."""
        while self._abandoned:
            await give_back(self._abandoned[-1])
            self._abandoned.pop()

    async def idle(self) -> None:
        """Return when no lane runs. Cancelling this ends the lanes where they are."""
        try:
            while self._running:
                await asyncio.wait(self._running)
        except asyncio.CancelledError:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            raise

    def _end(self, task: asyncio.Task[None], lane: Sequence[Work]) -> None:
        self._running.discard(task)
        self._held -= len(lane)
        if task.cancelled():
            self._abandoned.append(lane)
        elif (error := task.exception()) is not None:
            log.error("lane.broke_off", lane=task.get_name(), rows=len(lane), exc_info=error)
            self._abandoned.append(lane)
            self._more = True
        if self._more and not self._running:
            self._ring()
        elif self._more and self._alarm is None:
            window = BUSY_WINDOW if self._is_busy() else WAKE_WINDOW
            self._alarm = asyncio.get_running_loop().call_later(window, self._ring)

    def _ring(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._more = None, False
        self._wake()
