"""Whose turn it is, where the time on the clock is what is measured.

A browser that waits for the processor plays what is not there yet and counts it as invented: on a machine
that does other things too, that would be said of the server. So who takes part goes before all else, if
the system allows it, for as long as something is measured. Not while they start: two cores full of
browsers that start and go before all else leave nothing to anybody, for seconds.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PRIORITY = 10


@contextmanager
def first_in_line() -> Iterator[bool]:
    """Let this process, and those it has started, go before all else meanwhile; tell whether they do."""
    may = _set(os.SCHED_RR, _PRIORITY)
    try:
        yield may
    finally:
        if may:
            _set(os.SCHED_OTHER, 0)


def _set(policy: int, priority: int) -> bool:
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except PermissionError:
        return False
    for thread in _threads():
        try:
            os.sched_setscheduler(thread, policy, os.sched_param(priority))
        except ProcessLookupError:
            continue  # it ended meanwhile
    return True


def _threads() -> Iterator[int]:
    """Yield the threads of this process and of all below it."""
    processes = [os.getpid()]
    for process in processes:
        try:
            threads = [int(path.name) for path in Path(f"/proc/{process}/task").iterdir()]
            for thread in threads:
                children = Path(f"/proc/{process}/task/{thread}/children").read_text()
                processes += map(int, children.split())
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield from threads
