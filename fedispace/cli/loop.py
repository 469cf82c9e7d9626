"""Which event loop serves: asyncio's own, or uvloop where the operator asks for it.

uvloop handles bare requests faster; deliveries, which are mostly signatures, and the inbox gain nothing
from it (docs/benchmarks.md), so it is not the default.

asyncio gives each TLS connection a buffer of 256 KiB and fills it with zeros. For a connection that
carries one signed request to a peer that is more work than the handshake, and three hundred kept ones
hold 77 MB. The size of a TLS record (RFC 8446 section 5.1) is room enough.
"""

import asyncio
from asyncio import sslproto
from collections.abc import Coroutine
from typing import Final

from fedispace.errors import ConfigError

LOOPS: Final = ("asyncio", "uvloop")
TLS_BUFFER: Final = 16 * 1024


def _uvloop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        raise ConfigError("uvloop is not installed; it comes with the speedups extra") from None
    return uvloop.new_event_loop()


def run(main: Coroutine[None, None, None], loop: str = "asyncio") -> None:
    """Run `main` to its end."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER
    factory = _uvloop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
