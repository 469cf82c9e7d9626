"""Waiting for what other processes do: ask again until it is so, or say what was seen instead."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.05
_PAUSE_MAX = 1.0


async def eventually(
    what: str, ask: Callable[[], Awaitable[T]], is_so: Callable[[T], bool], *, within: float = 60.0
) -> T:
    """Return the first answer of `ask` that satisfies `is_so`; fail with the last one seen.

    It asks less and less often, so that waiting does not spend the asker's rate limit.
    """
    deadline = time.monotonic() + within
    pause = _PAUSE
    while True:
        answer = await ask()
        if is_so(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {within:g} s still not so: {what}; last seen: {answer!r:.2000}")
        await asyncio.sleep(pause)
        pause = min(_PAUSE_MAX, pause * 1.25)


def until(what: str, ask: Callable[[], bool], *, within: float = 20.0) -> None:
    """Block until `ask` says yes; for starting processes, where no event loop runs yet."""
    deadline = time.monotonic() + within
    while not ask():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {within:g} s still not so: {what}")
        time.sleep(_PAUSE)
