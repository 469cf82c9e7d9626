"""Housekeeping: what is worth doing now and then, and harms nobody when it is late or done twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

log = structlog.get_logger()

FIRST_AFTER = 60.0
EVERY = 3600.0


class Periodic:
    """Runs its chores once an hour, one after the other, until `stop`."""

    def __init__(self, chores: Sequence[Callable[[], Awaitable[None]]]) -> None:
        self.chores = tuple(chores)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="housekeeping")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_AFTER)
        while True:
            for chore in self.chores:
                try:
                    await chore()
                except Exception:  # the next hour is the retry
                    log.exception("housekeeping.failed")
            await asyncio.sleep(EVERY)
