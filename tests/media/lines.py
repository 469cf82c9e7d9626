"""Many light clients that do what the page's scripts do (line.js, space.js) when their sound stops.

Each is a socket with a real DTLS-SRTP association and no decoder, so that fifty-five of them fit into
a test. What they know of trouble is what a page knows: no packet comes any more, or the server says,
when asked, that the session is over. The times are those of the scripts.
"""

import asyncio
import random
import struct
from collections.abc import Awaitable, Callable
from typing import Self

from bench.forwarding_peer import Peer, Remote
from fedispace.errors import FedispaceError
from fedispace.media.live.opus import Encoder

ASK_EVERY = 3.0
ASK_EVERY_ON_STAGE = 1.0
_STALLED = 0.7
_FIRST_PAUSE = 0.4
_LONGEST_PAUSE = 8.0
_FRAME = 0.02
_CONSENT = 2.5

Join = Callable[[str], Awaitable[tuple[str, str]]]
"""Takes an offer; returns the answer and the session's name."""

IsOver = Callable[[str], Awaitable[bool]]
"""Tells whether the session of that name is over."""


class Wire(Peer):
    """The light client of the benchmarks, saying something that can be decoded."""

    _SAID = Encoder().encode(struct.pack("<960h", *(6000 if n % 96 < 48 else -6000 for n in range(960))))

    def speak(self, payload: bytes | None = None, *, level: int = 20) -> None:
        super().speak(payload or self._SAID, level=level)


class Line:
    """One participant; inside the block it is connected, and connects again by itself."""

    def __init__(self, join: Join, is_over: IsOver, *, speaks: bool) -> None:
        self.name = ""
        self.began: list[float] = []
        """When each connection brought its first packet (a speaker's: when it was connected)."""
        self.heard_at = 0.0
        self._join = join
        self._is_over = is_over
        self._speaks = speaks
        self._wanted = True
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._wanted = False
        while not self._task.done():  # a handshake may swallow one cancellation
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1)

    async def began_after(self, moment: float, within: float) -> float:
        """Return how long after `moment` a new connection was there."""
        loop = asyncio.get_running_loop()
        while not (later := [at for at in self.began if at > moment]):
            assert loop.time() < moment + within, "the line did not come back"
            assert self._task is not None
            if self._task.done():
                self._task.result()
            await asyncio.sleep(_FRAME)
        return later[0] - moment

    async def hears_after(self, moment: float, within: float) -> float:
        """Return how long after `moment` packets came."""
        loop = asyncio.get_running_loop()
        while self.heard_at <= moment:
            assert loop.time() < moment + within, "nothing was heard any more"
            await asyncio.sleep(_FRAME)
        return self.heard_at - moment

    async def _run(self) -> None:
        tries = 0
        while self._wanted:
            wire = Wire("127.0.0.1")
            try:
                answer, self.name = await self._join(wire.sdp("sendonly" if self._speaks else "recvonly"))
                async with asyncio.timeout(8):
                    await wire.connect(Remote(answer), as_server=False)
                tries = 0
                await self._hold(wire)
            except (FedispaceError, TimeoutError, AssertionError):
                pass
            finally:
                self.name = ""
                wire.close()
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries) * (1 + random.random() * 0.3)
            tries += 1
            await asyncio.sleep(pause)

    async def _hold(self, wire: Wire) -> None:
        """Speak or hear until the server says that it is over."""
        loop = asyncio.get_running_loop()
        every = ASK_EVERY_ON_STAGE if self._speaks else ASK_EVERY
        now = loop.time()
        ask_at, prove_at, since, asked = now + random.random() * every, now, now, now
        if self._speaks:
            self.began.append(now)
        while True:
            await asyncio.sleep(_FRAME)
            now = loop.time()
            if self._speaks:
                wire.speak()
            first = not wire.received
            if wire.count():
                since = self.heard_at = now
                if first and not self._speaks:
                    self.began.append(now)
            if now >= prove_at:
                prove_at = now + _CONSENT
                wire.keep_alive()
            stalled = not self._speaks and wire.received and _STALLED < now - since < ASK_EVERY
            if now >= ask_at or (stalled and now - asked > _STALLED):
                if now >= ask_at:
                    ask_at = now + every
                asked = now
                if await self._is_over(self.name):
                    return
