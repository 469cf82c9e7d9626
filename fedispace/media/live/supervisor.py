"""Starts the SFU, keeps it running, and takes it along at the end.

    SfuProcess --stdin: settings, then silence until our end--> python -m fedispace.media.live.server
               <--stdout: a line for each start, "ready", its id and the port--

The child ends when its standard input ends, so it cannot outlive us, whatever kills us. What it
started is a nursery (`nursery`), which brings a killed SFU back in milliseconds, at the same port, so
that browsers find it where it was. Should the nursery itself die it is started again from here, at once
the first time and then with a growing pause.
"""

import asyncio
import contextlib
import os
import sys

import msgspec
import structlog

from fedispace.errors import ConfigError, Unavailable
from fedispace.media.live import settings as sfu_settings
from fedispace.media.live.settings import SfuSettings

log = structlog.get_logger()

_READY_SECONDS = 10.0
_STOP_SECONDS = 3.0
_PAUSE_SECONDS = 0.05
_PAUSE_SECONDS_MAX = 5.0
_STEADY_SECONDS = 10.0


class Ready(msgspec.Struct, frozen=True):
    """The line of each SFU that starts: its port and process id, or why it could not start."""

    port: int
    error: str = ""
    pid: int = 0


class SfuProcess:
    """The SFU as a child process that is there until `stop()`."""

    def __init__(self, settings: SfuSettings) -> None:
        self._settings = sfu_settings.check(settings)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._port = 0
        self._pid = 0
        self._starts = 0

    @property
    def pid(self) -> int | None:
        """The process id of the SFU that started last, while there is one."""
        running = self._process is not None and self._process.returncode is None
        return self._pid if running else None

    @property
    def port(self) -> int:
        """The UDP port, known once started."""
        return self._port

    @property
    def starts(self) -> int:
        """How many times an SFU became ready."""
        return self._starts

    @property
    def control(self) -> str:
        """Where an `SfuClient` finds it."""
        return self._settings.control

    async def start(self) -> None:
        """Start the child and return when it serves; raises `ConfigError` when it cannot."""
        await self.launch()
        await self.ready()

    async def launch(self) -> None:
        """Start the child and leave it to itself: until `ready` there is time for other things."""
        try:
            await self._launch()
        except Unavailable:
            await self._end_child()
            raise

    async def ready(self) -> None:
        """Return when the child serves; raises `ConfigError` when it cannot."""
        try:
            await self._serves()
        except (ConfigError, Unavailable):
            await self._end_child()
            raise
        self._keeper = asyncio.create_task(self._keep_running(), name="sfu-supervisor")

    async def stop(self) -> None:
        """End the child: its input first, then signals."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        await self._end_child()

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _PAUSE_SECONDS
        while True:
            if self._process is not None:
                since = loop.time()
                following = asyncio.create_task(self._follow(self._process))
                try:
                    code = await self._process.wait()
                finally:
                    following.cancel()
                if loop.time() - since > _STEADY_SECONDS:
                    pause = _PAUSE_SECONDS
                log.error("sfu.nursery_died", exit_code=code, restart_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_SECONDS_MAX)
            try:
                await self._launch()
                await self._serves()
            except (ConfigError, Unavailable, OSError) as error:
                log.error("sfu.start_failed", error=str(error))
                await self._end_child()

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        """Note each SFU that takes the place of one that died, until there comes no other."""
        assert process.stdout is not None
        while line := await process.stdout.readline():
            with contextlib.suppress(msgspec.DecodeError):
                ready = msgspec.json.decode(line, type=Ready)
                if not ready.error:
                    self._note(ready)

    def _note(self, ready: Ready) -> None:
        self._port, self._pid = ready.port, ready.pid
        self._starts += 1
        log.info("sfu.ready", pid=ready.pid, port=ready.port, start=self._starts)

    async def _launch(self) -> None:
        await self._end_child()
        settings = self._settings
        if self._port:
            address = settings.listen.rpartition(":")[0]
            settings = msgspec.structs.replace(settings, listen=f"{address}:{self._port}")
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fedispace.media.live.server",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={key: value for key, value in os.environ.items() if not key.startswith("FEDISPACE_")},
            start_new_session=True,  # Ctrl-C is for us; the child ends when we do
        )
        assert process.stdin is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                process.stdin.write(sfu_settings.encode(settings))
                await process.stdin.drain()
        except (TimeoutError, ConnectionError) as error:
            raise Unavailable("the audio server did not start") from error

    async def _serves(self) -> None:
        """Read the child's first line."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                line = await process.stdout.readline()
            ready = msgspec.json.decode(line, type=Ready)
        except (TimeoutError, ConnectionError, msgspec.DecodeError) as error:
            raise Unavailable("the audio server did not start") from error
        if ready.error:
            raise ConfigError(ready.error)
        self._note(ready)

    async def _end_child(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()  # a nursery that was killed leaves an SFU behind, which reads this
        if process.returncode is not None:
            return
        for end in (None, process.terminate, process.kill):
            if end is not None:
                with contextlib.suppress(ProcessLookupError):
                    end()
            # Not `wait_for`, which (Python 3.11) loses a `stop` that comes together with the child's end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
                return
