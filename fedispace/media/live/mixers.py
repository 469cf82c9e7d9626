"""Where mixers come from.

A mixer needs numpy and libopus: a tenth of a second to load and twenty megabytes, which a server that
only forwards never pays. They are loaded when a room first has a second publisher, before anybody
can interrupt anybody, and in a thread, so that no other room hears it. Until then, and where they
cannot be loaded, there are no mixers, and the floor decides who is heard.
"""

import asyncio
import importlib
from collections.abc import Callable
from typing import cast

import structlog

from fedispace.errors import Unavailable
from fedispace.media.live import opus
from fedispace.media.live.programme import Mixer, MixerCounts

log = structlog.get_logger()


class Mixers:
    """Makes mixers once what they need is loaded."""

    def __init__(self, *, on_loaded: Callable[[], None] | None = None) -> None:
        self.counts = MixerCounts()
        self._on_loaded = on_loaded
        self._new: Callable[[MixerCounts], Mixer] | None = None
        self._loading: asyncio.Task[None] | None = None

    def wish(self) -> None:
        """Say that one may be needed soon."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="mixers")

    def make(self) -> Mixer | None:
        """Return a new one, or None while there are none."""
        return None if self._new is None else self._new(self.counts)

    async def loaded(self) -> bool:
        """Wait until it is known whether there are mixers."""
        self.wish()
        assert self._loading is not None
        await asyncio.wait([self._loading])
        return self._new is not None

    async def close(self) -> None:
        if self._loading is not None:
            await asyncio.wait([self._loading])

    async def _load(self) -> None:
        try:
            self._new = await asyncio.to_thread(_import)
        except (ImportError, Unavailable) as error:
            log.error("sfu.no_mixer", detail=str(error))
            return
        if self._on_loaded is not None:
            self._on_loaded()


def _import() -> Callable[[MixerCounts], Mixer]:
    """Import what is heavy. Also makes and drops a mixer, so that the first real one meets warm code."""
    opus.library()
    module = importlib.import_module("fedispace.media.live.mixer")
    new = cast(Callable[[MixerCounts], Mixer], module.Mixer)
    new(MixerCounts()).tick(0.0)
    return new
