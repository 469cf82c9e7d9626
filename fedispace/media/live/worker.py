"""One thread that computes for the event loop, one job after the other.

What an executor of the standard library does besides, locks and futures of its own and one of asyncio's
around each, took as long as half a handshake's own work in Python. The loop is woken once for all that is
done by the time it looks: a crowd's jobs do not wake it one by one.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class _Job(Generic[Result]):
    __slots__ = ("_call", "_outcome", "done")

    def __init__(self, call: Callable[[], Result], done: asyncio.Future[Result]) -> None:
        self._call = call
        self._outcome: Result | Exception | None = None
        self.done = done

    def compute(self) -> None:
        """Compute, in the thread, unless nobody waits for it any more."""
        if self.done.cancelled():
            return
        try:
            self._outcome = self._call()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for whoever waits
            self._outcome = error

    def tell(self) -> None:
        """Hand over what came of it, in the loop."""
        if self.done.done():
            return
        if isinstance(self._outcome, Exception):
            self.done.set_exception(self._outcome)
        else:
            self.done.set_result(self._outcome)  # type: ignore[arg-type]


class Worker:
    """The thread; it starts with the first job, for the loop that asked for that."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._finished: deque[_Job[object]] = deque()
        self._is_loop_told = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def do(self, call: Callable[[], Result]) -> Result:
        """Return what `call` returns, or raise what it raises. Cancelled in time, it is not computed."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._work, args=(self._loop,), name=self._name, daemon=True).start()
        done: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put(_Job(call, done))  # type: ignore[arg-type]
        return await done

    def close(self) -> None:
        """End after what is being computed."""
        self._jobs.put(None)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (job := self._jobs.get()) is not None:
            job.compute()
            self._finished.append(job)
            del job  # what it holds is not to wait here for the next
            if not self._is_loop_told:
                self._is_loop_told = True
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._is_loop_told = False  # first of all: what is finished from now on is told of anew
        while self._finished:
            self._finished.popleft().tell()
