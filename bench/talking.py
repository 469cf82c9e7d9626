"""Talkers who send real speech, all of them every 20 ms, some of them aloud."""

import asyncio
import time
from functools import cache
from typing import Self

from bench.forwarding_peer import Peer
from bench.speech import packets

_FRAME = 0.02
_CONSENT_SECONDS = 5.0
_SECONDS = 8
_ALOUD, _SILENT = 20, 127
_SILENCE = b"\xf8\xff\xfe"


@cache
def _said(seed: int) -> list[bytes]:
    return [packet.payload for packet in packets(_SECONDS, seed)]


class Talking:
    """Everybody's microphone is open; the first `speaking` of them are heard, the others send silence:
    never, with every frame (1), or with one frame in so many, as browsers do that may pause (DTX)."""

    def __init__(self, talkers: list[Peer], *, silence_every: int = 0) -> None:
        self.talkers = talkers
        self.speaking = 0
        self.late = 0.0
        self._silence_every = silence_every
        self._said = [_said(seed) for seed in range(len(talkers))]
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def _talk(self) -> None:
        began, number = time.monotonic(), 0
        renewed = began
        while True:
            number += 1
            pause = began + number * _FRAME - time.monotonic()
            self.late = max(self.late, -pause)
            await asyncio.sleep(max(0.0, pause))
            for at, talker in enumerate(self.talkers):
                if at < self.speaking:
                    talker.speak(self._said[at][number % len(self._said[at])], level=_ALOUD)
                elif self._silence_every and (number + at) % self._silence_every == 0:
                    talker.speak(_SILENCE, level=_SILENT)
                else:
                    talker.pause()
            if time.monotonic() - renewed > _CONSENT_SECONDS:
                renewed = time.monotonic()
                for talker in self.talkers:
                    talker.count()
                    talker.keep_alive()
