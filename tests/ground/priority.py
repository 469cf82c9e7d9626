"""Whose turn it is, where the time on the clock is what a test is about."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PRIORITY = 10


@contextmanager
def first_in_line() -> Iterator[None]:
    """Let what is started meanwhile run before anything else, if the system allows it.

    A browser that waits for the processor plays what is not there yet and counts it as invented: on a
    machine that runs other tests too, that would be said of the server.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
