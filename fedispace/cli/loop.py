"""Which event loop serves: uvloop where the `speedups` extra is installed, asyncio's own elsewhere."""

import asyncio
from collections.abc import Coroutine
from importlib.util import find_spec


def _new_loop() -> asyncio.AbstractEventLoop:
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def run(main: Coroutine[None, None, None]) -> None:
    """Run `main` to its end on the fastest loop there is."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(main)
