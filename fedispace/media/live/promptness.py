"""How soon we run when there is something to do: a beat of 20 ms may not wait, everything else may.

    LimitRTPRIO=1 (systemd)       real time: before all else
    CAP_SYS_NICE, LimitNICE=      a niceness of -10: a larger share
    nothing                       short turns: who wants little at a time need not wait for long ones

The last is no privilege. Linux (6.12 and later) lets a process ask for turns of 0.1 ms instead of three; it
gets no more of the processor by that, but when it wakes up it comes before those whose turns are long.
Earlier kernels take the wish and do nothing.
"""

import contextlib
import os
import platform
import resource
import struct
import sys

from cffi import FFI

_NICE = -10
_REAL_TIME_LIMIT = 14  # RLIMIT_RTPRIO, which `resource` does not name
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""sched_setattr(2), for which the C library has no function yet."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_OTHER = 0
_TURN_NANOSECONDS = 100_000


def go_first() -> None:
    """Ask for all of that which we may have; without any of it we go on as we are."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        if resource.getrlimit(_REAL_TIME_LIMIT)[0] != 0:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            return
        if os.getpriority(os.PRIO_PROCESS, 0) > _NICE:
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    _take_short_turns()


def _take_short_turns() -> bool:
    """Tell whether the kernel took the wish."""
    number = _SET_ATTRIBUTES.get(platform.machine())
    if number is None:
        return False
    ffi = FFI()
    ffi.cdef("long syscall(long number, ...);")
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wish = _ATTRIBUTES.pack(_ATTRIBUTES.size, _OTHER, 0, nice, 0, _TURN_NANOSECONDS, 0, 0)
    arguments = ffi.cast("int", 0), ffi.from_buffer(wish), ffi.cast("unsigned int", 0)
    return bool(ffi.dlopen(None).syscall(number, *arguments) == 0)
