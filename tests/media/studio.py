"""A real SFU in its own process, a client that commands it, and grants for the asking."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from fedispace.clock import SystemClock
from fedispace.media.live import grants
from fedispace.media.live.client import SfuClient
from fedispace.media.live.grants import Role
from fedispace.media.live.messages import SessionEvent
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.supervisor import SfuProcess


class Studio:
    """`async with Studio(directory) as studio:` and there is a live audio server on the loopback."""

    def __init__(
        self,
        directory: Path,
        *,
        max_speakers: int = 13,
        max_sessions: int = 4000,
        handshake_seconds: float = 15.0,
        idle_seconds: float = 15.0,
        address: str = "127.0.0.1",
        control: str = "",
        secret: bytes | None = None,
        long_packets_above: int = 200,
        recordings: Path | None = None,
        resume_seconds: float = 600.0,
        safety_seconds: float = 0.0,
    ) -> None:
        self.secret = secret or secrets.token_bytes(32)
        self.address = address
        self.settings = SfuSettings(
            listen=f"{address}:0",
            control=control or str(directory / "sfu.sock"),
            secret=self.secret,
            max_speakers=max_speakers,
            max_sessions=max_sessions,
            handshake_seconds=handshake_seconds,
            idle_seconds=idle_seconds,
            long_packets_above=long_packets_above,
            recordings="" if recordings is None else str(recordings),
            resume_seconds=resume_seconds,
            safety_seconds=safety_seconds,
        )
        self.process = SfuProcess(self.settings)
        self.client = SfuClient(self.settings.control, self.secret)
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        await self.process.start()
        await self.client.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.close()
        await self.process.stop()

    @asynccontextmanager
    async def events(self) -> AsyncIterator["asyncio.Queue[SessionEvent]"]:
        """Collect what the SFU reports from now on; the block must end within half a minute."""
        queue: asyncio.Queue[SessionEvent] = asyncio.Queue()

        async def collect() -> None:
            async for event in self.client.events():
                queue.put_nowait(event)

        await self.client.status()
        task = asyncio.create_task(collect())
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(30):
                yield queue
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def grant(
        self,
        role: Role,
        *,
        room: str = "room",
        participant: str = "",
        session: str = "",
        stage: bool = False,
    ) -> str:
        """Return a fresh grant, for a fresh session of a fresh participant unless they are named."""
        number = next(self._numbers)
        issued = grants.issue(
            room=room,
            session=session or f"session-{number}",
            participant=participant or f"participant-{number}",
            role=role,
            nonce=secrets.token_hex(8),
            now=SystemClock().now(),
            stage=stage,
        )
        return grants.sign(issued, self.secret)
