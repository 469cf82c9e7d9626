"""`python -m fedispace.media.live.server`: the SFU as a process.

Reads its settings as one line of standard input, binds, and has a child (`nursery`) that writes one
line to standard output (the port, or why not), and serves until standard input ends or a signal says
so. Its parent holds the other end of that pipe, so however the parent dies, the SFU follows.
"""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import resource
import signal
import sys
import time

import msgspec
import structlog

from fedispace.clock import Clock, SystemClock
from fedispace.config import address_of
from fedispace.errors import ConfigError
from fedispace.media.live import nursery, port, promptness, settings
from fedispace.media.live.candidates import candidate_addresses
from fedispace.media.live.control import ControlSocket
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.sfu import Sfu
from fedispace.media.live.sparing import Bridge, Sparing
from fedispace.media.live.supervisor import Ready

log = structlog.get_logger()

_FILES = 8192
_SWITCH_SECONDS = 0.001
_BIND_TRIES = 30
_BIND_PAUSE = 0.05


async def serve(chosen: SfuSettings, sockets: port.Sockets, stop: asyncio.Event, clock: Clock) -> None:
    """Serve until `stop` is set; announces itself on standard output once it does."""
    audio = port.Port(sockets, clock)
    control = ControlSocket(chosen.control, chosen.secret)
    sfu = Sfu(
        settings=chosen,
        port=audio,
        addresses=candidate_addresses(chosen.listen, chosen.public_addresses),
        clock=clock,
        tell=control.tell,
        # numpy is a hundred thousand things to look at, 40 ms. Sessions end without the collector.
        on_loaded=gc.freeze,
    )
    try:
        await control.open(sfu)
        await audio.open()
        _announce(Ready(port=audio.number, pid=os.getpid()))
        watch = asyncio.create_task(sfu.run(), name="sfu")
        # What is loaded by now stays: keep it out of every later collection, whose pauses are heard.
        gc.collect()
        gc.freeze()
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((stopped, watch), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        watch.cancel()
        # Should the watch have failed, so do we: the supervisor starts a sound one.
        with contextlib.suppress(asyncio.CancelledError):
            await watch
    finally:
        await control.close()
        audio.close()


def _bound(listen: str) -> port.Sockets:
    """Bind, waiting a moment for a predecessor whose parent was killed and who is saying goodbye."""
    for _ in range(_BIND_TRIES):
        try:
            return port.bind(*address_of(listen))
        except ConfigError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EADDRINUSE:
                raise
        time.sleep(_BIND_PAUSE)
    return port.bind(*address_of(listen))


async def _main(chosen: SfuSettings, sockets: port.Sockets, nurse: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # An interrupt from the terminal reaches parent and child alike; the parent decides.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    for lifeline in (0, nurse):
        pipe = os.fdopen(lifeline, "rb", buffering=0, closefd=False)
        await loop.connect_read_pipe(lambda: _Lifeline(stop), pipe)
    await serve(chosen, sockets, stop, SystemClock())


class _Lifeline(asyncio.Protocol):
    """Standard input after the settings, or the nursery's pipe: its end is our end."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()


def _announce(ready: Ready) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
        sys.stdout.buffer.flush()


def _first_line() -> bytes:
    """Read one line without reading past it: the rest of the pipe is the lifeline."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def _allow_many_files() -> None:
    """Take the sockets we may have: each TCP connection is a file."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def main() -> int:
    """Run; return the exit code."""
    structlog.configure(
        processors=[
            Sparing(SystemClock()),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[Bridge()])
    _allow_many_files()
    promptness.go_first()
    # How long a thread (a handshake, a file) may keep the sound waiting for the interpreter: not 5 ms.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        chosen = settings.decode(_first_line())
        sockets = _bound(chosen.listen)
    except ConfigError as error:
        return _excuse(error)
    return nursery.keep(lambda nurse: _life(chosen, sockets, nurse))


def _life(chosen: SfuSettings, sockets: port.Sockets, nurse: int) -> int:
    try:
        asyncio.run(_main(chosen, sockets, nurse))
    except ConfigError as error:
        return _excuse(error)
    return 0


def _excuse(error: ConfigError) -> int:
    _announce(Ready(port=0, error=error.detail))
    return 2


if __name__ == "__main__":
    sys.exit(main())
