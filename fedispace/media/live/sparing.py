"""Ten log lines a minute, whatever comes: nobody outside can fill the disk, or hide in the noise."""

import logging
from collections import deque
from collections.abc import MutableMapping
from typing import Any

import structlog

from fedispace.clock import Clock

_LINES = 10
_ORDINARY_LINES = 7
_SECONDS = 60.0

Event = MutableMapping[str, Any]

log = structlog.get_logger()


class Sparing:
    """A structlog processor that drops lines above the limit, and says with the next how many.

    The last places of a minute are for warnings and errors.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: deque[float] = deque(maxlen=_LINES)
        self._unsaid = 0

    def __call__(self, logger: object, level: str, event: Event) -> Event:
        now = self._clock.monotonic()
        while self._told and now - self._told[0] >= _SECONDS:
            self._told.popleft()
        if len(self._told) >= (_ORDINARY_LINES if level == "info" else _LINES):
            self._unsaid += 1
            raise structlog.DropEvent
        self._told.append(now)
        if self._unsaid:
            event["lines_left_out"], self._unsaid = self._unsaid, 0
        return event


class Bridge(logging.Handler):
    """Hands what libraries log to our log, and so to the limit."""

    def emit(self, record: logging.LogRecord) -> None:
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        problem = repr(record.exc_info[1])[:300] if record.exc_info else None
        log.log(level, "sfu.library", logger=record.name, said=record.getMessage()[:300], problem=problem)
