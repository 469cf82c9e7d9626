"""Which event loop serves: asyncio's own, or uvloop where the operator asks for it.

uvloop handles bare requests faster; deliveries, which are mostly signatures, and the inbox gain nothing
from it (docs/benchmarks.md), so it is not the default.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final

from fedispace.errors import ConfigError

LOOPS: Final = ("asyncio", "uvloop")


def _uvloop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        raise ConfigError("uvloop is not installed; it comes with the speedups extra") from None
    return uvloop.new_event_loop()


def run(main: Coroutine[None, None, None], loop: str = "asyncio") -> None:
    """Run `main` to its end."""
    factory = _uvloop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
