"""A worker that is told to stop, stops."""

import asyncio

from fedispace.queue.bus import MemoryBus
from fedispace.queue.worker import Worker


class Nothing:
    """A pump for which nothing is ever due."""

    wake_topic = "nothing"

    async def pump(self) -> int:
        return 0

    async def idle(self) -> None:
        return


async def test_a_stop_that_comes_with_a_wake_up_is_heard() -> None:
    for steps in range(8):
        bus = MemoryBus()
        worker = Worker([Nothing()], bus)
        worker.start()
        for _ in range(4):
            await asyncio.sleep(0)
        bus.publish("nothing", {})
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await worker.stop()
