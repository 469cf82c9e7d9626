"""Brings the SFU into the world again when it was killed, in milliseconds.

To load what an SFU needs takes half a second, and several on a busy machine, while a room full of
people hears nothing. So the process that the supervisor starts loads everything, binds the port,
and then only forks: the child is the SFU, and its parent sleeps until the child ends. The port stays
bound meanwhile, and the parent's memory is the child's, shared until one of them writes to it. A pipe
tells the child when its parent dies: it ends then, and makes room for another pair.

Nothing that threads or an event loop hold may exist before the fork.
"""

import gc
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

import structlog

log = structlog.get_logger()

_PAUSE_SECONDS = 0.02
_PAUSE_SECONDS_MAX = 5.0
_STEADY_SECONDS = 10.0
DELIBERATE = (0, 2)
"""Exit codes of an SFU that was told to end, or that cannot serve as it is configured."""


def keep(life: Callable[[int], int]) -> int:
    """Live `life` in a child, and again whenever it ends unasked; return the last exit code.

    It returns twice, like fork: in the child with what `life` returned. `life` is given the end of a
    pipe that closes when we die.
    """
    lifeline, ours = os.pipe()
    pause = _PAUSE_SECONDS
    nurse = _Nurse()
    gc.collect()
    gc.freeze()  # a collection would write to what parent and child share
    while True:
        began = time.monotonic()
        nurse.child = os.fork()
        if nurse.child == 0:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.close(ours)
            return life(lifeline)
        _, status = os.waitpid(nurse.child, 0)
        nurse.child = 0
        code = os.waitstatus_to_exitcode(status)
        if code in DELIBERATE or nurse.is_dismissed:
            return code
        if time.monotonic() - began > _STEADY_SECONDS:
            pause = _PAUSE_SECONDS
        log.error("sfu.died", exit_code=code, restart_in=pause)
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE_SECONDS_MAX)


class _Nurse:
    """Passes on the request to end. An interrupt from the terminal is for the supervisor to judge."""

    def __init__(self) -> None:
        self.child = 0
        self.is_dismissed = False
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.is_dismissed = True
        if self.child:
            os.kill(self.child, number)
