"""One thread that computes for the event loop, one job after the other.

What an executor of the standard library does besides, locks and futures of its own and one of asyncio's
around each, took as long as half a handshake's own work in Python.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class _Job(Generic[Result]):
    __slots__ = ("_call", "_loop", "_outcome", "done")

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._outcome: Result | Exception | None = None
        self.done: asyncio.Future[Result] = self._loop.create_future()

    def do(self) -> None:
        """Compute, in the thread."""
        try:
            self._outcome = self._call()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for whoever waits
            self._outcome = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if self.done.done():
            return
        if isinstance(self._outcome, Exception):
            self.done.set_exception(self._outcome)
        else:
            self.done.set_result(self._outcome)  # type: ignore[arg-type]


class Worker:
    """The thread; it starts with the first job."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, call: Callable[[], Result]) -> Result:
        """Return what `call` returns, or raise what it raises. Cancelled, it is computed in vain."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        job = _Job(call)
        self._jobs.put(job)  # type: ignore[arg-type]
        return await job.done

    def close(self) -> None:
        """End after what is being computed."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            del job  # what it holds is not to wait here for the next
