"""Runs the pumps: each claims due rows of one table and does what they say.

A pump sleeps until it is woken (a wake-up over the bus, right after the COMMIT that made work) or
until its poll interval, whichever comes first. So a lost wake-up costs seconds, never a row.
"""

import asyncio
import contextlib
from typing import Protocol

import structlog

from fedispace.queue.bus import Bus

log = structlog.get_logger()

POLL_SECONDS = 2.0
ROUNDS = 10_000


class Pump(Protocol):
    """One kind of work. `wake_topic` names the wake-up it listens to."""

    @property
    def wake_topic(self) -> str: ...

    async def pump(self) -> int:
        """Claim and start (or finish) a batch of due work; return how many rows were taken."""
        ...

    async def idle(self) -> None:
        """Return when nothing that was started is still under way."""
        ...


class Worker:
    """Owns one task per pump; they end with `stop`."""

    def __init__(self, pumps: list[Pump], bus: Bus) -> None:
        self._pumps = pumps
        self._bus = bus
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run(pump), name=f"pump {pump.wake_topic}") for pump in self._pumps
        ]

    async def stop(self, grace: float = 10.0) -> None:
        """Stop claiming, give what is under way `grace` seconds, then cancel; leases cover the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(asyncio.gather(*(pump.idle() for pump in self._pumps)), grace)
        except TimeoutError:
            log.warning("worker.stopped_with_work_under_way")

    async def settle(self) -> None:
        """Run every pump until nothing is due. For tests: the deterministic end of all that was started."""
        for _ in range(ROUNDS):
            taken = 0
            for pump in self._pumps:
                taken += await pump.pump()
                await pump.idle()
            if not taken:
                return
        raise RuntimeError("work makes more work without end")

    async def _run(self, pump: Pump) -> None:
        async with self._bus.subscribe(pump.wake_topic) as wake_ups:
            while True:
                try:
                    taken = await pump.pump()
                except Exception:  # a database that is away comes back: this loop owns the retry
                    log.exception("worker.pump_failed", pump=pump.wake_topic)
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                if not taken:
                    # Not `wait_for`, which (Python 3.11) loses a `stop` that comes together with a wake-up.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(POLL_SECONDS):
                            await wake_ups.next()
