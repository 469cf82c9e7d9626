"""How long something took, without the time for which the processor was with others.

A machine that runs other tests too lets everybody wait. Linux keeps account of that for each thread, so
what we are asked to do within a second can be told from what the machine did not let us do.
"""

import time
from pathlib import Path

_NANOSECONDS = 1e-9


class Stopwatch:
    """Runs from the moment it is made. `processes` are those that there are already, and are waited for."""

    def __init__(self, *processes: int) -> None:
        self._began = time.monotonic()
        self._before = {process: _kept_waiting(process) for process in (0, *processes)}

    def seconds(self, *processes: int) -> float:
        """Return what has passed, less what this process and `processes` waited for their turn meanwhile.

        They are taken to have waited one after another, as who asks and who answers do.
        """
        passed = time.monotonic() - self._began
        return passed - sum(
            _kept_waiting(process) - self._before.get(process, 0.0) for process in {0, *processes}
        )


def _kept_waiting(process: int) -> float:
    """Return for how many seconds the main thread of a process (0: this thread) was ready and did not run."""
    try:
        text = Path(f"/proc/{process}/schedstat" if process else "/proc/thread-self/schedstat").read_text()
        return int(text.split()[1]) * _NANOSECONDS
    except (OSError, IndexError):
        return 0.0
