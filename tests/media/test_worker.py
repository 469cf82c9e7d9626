"""The thread that computes for the loop: who is told what, how often, and what is not computed at all."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fedispace.media.live.worker import Worker

_SECONDS = 10


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker("test")
    yield worker
    worker.close()


class _Counting(asyncio.SelectorEventLoop):
    """A loop that counts how often another thread wakes it."""

    def __init__(self) -> None:
        super().__init__()
        self.woken = 0

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        self.woken += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


async def test_everybody_gets_what_came_of_his_own_job(worker: Worker) -> None:
    def seven() -> int:
        return 7

    def fails() -> int:
        raise ValueError("not that")

    results = await asyncio.gather(
        worker.do(seven), worker.do(fails), worker.do(threading.get_ident), return_exceptions=True
    )

    assert results[0] == 7
    assert isinstance(results[1], ValueError)
    assert results[2] != threading.get_ident()


async def test_what_nobody_waits_for_any_more_is_not_computed(worker: Worker) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    computed: list[str] = []

    def first() -> None:
        begun.set()
        may_go_on.wait(_SECONDS)

    before = asyncio.create_task(worker.do(first))
    given_up = asyncio.create_task(worker.do(lambda: computed.append("given up")))
    after = asyncio.create_task(worker.do(lambda: computed.append("after")))
    await asyncio.to_thread(begun.wait, _SECONDS)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    may_go_on.set()
    await asyncio.gather(before, after)

    assert computed == ["after"]


def test_a_crowd_of_jobs_that_are_done_wakes_the_loop_once() -> None:
    async def crowd() -> list[int]:
        worker = Worker("test")
        all_done = threading.Event()
        jobs = [asyncio.create_task(worker.do(lambda number=number: number)) for number in range(20)]
        last = asyncio.create_task(worker.do(all_done.set))
        await asyncio.sleep(0)  # they are with the worker now
        all_done.wait(_SECONDS)  # the loop is busy until all of them are computed
        results = await asyncio.gather(*jobs)
        await last
        worker.close()
        return results

    loop = _Counting()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        results = runner.run(crowd())
        woken = loop.woken

    assert results == list(range(20))
    # The last may still be on its way when the loop looks, and is told of anew.
    assert woken <= 2
