"""Looking again and again at what nobody tells: every so often, and never for much of the time.

A look that takes long makes the next one wait, so that looking takes a tenth of the time at most; but no
wait is longer than `longest`.
"""

import asyncio
from abc import ABC, abstractmethod
from math import inf
from typing import Final

import structlog

from fedispace.clock import Clock

log = structlog.get_logger()

_SHARE: Final = 9


class Lookout(ABC):
    """What looks; `name` is what it is called in logs."""

    def __init__(self, *, clock: Clock, name: str, every: float, longest: float = inf) -> None:
        self._clock = clock
        self._name = name
        self._every = every
        self._longest = longest
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def look(self) -> None:
        """Look once, and do what follows."""

    async def start(self) -> None:
        """Begin to look; returns at once."""
        self._task = asyncio.create_task(self._look_now_and_then(), name=self._name)

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _look_now_and_then(self) -> None:
        while True:
            began = self._clock.monotonic()
            try:
                await self.look()
            except Exception:  # a database that is away comes back: this loop owns the retry
                log.exception("lookout.failed", lookout=self._name)
            took = self._clock.monotonic() - began
            await asyncio.sleep(min(max(self._every, _SHARE * took), self._longest))
