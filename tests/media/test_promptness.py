"""What the audio server asks of the scheduler."""

import platform
import struct
import subprocess
import sys

import pytest

_TURN = """
import ctypes, os, struct
from fedispace.media.live import promptness
promptness.go_first()
def told(pid):
    room = ctypes.create_string_buffer(64)
    assert ctypes.CDLL(None).syscall({get}, pid, room, 64, 0) == 0
    return struct.unpack_from("=IIQiIQ", room)
if os.fork():
    os.wait()
print(told(0)[1], told(0)[5], os.getpriority(os.PRIO_PROCESS, 0) == told(0)[3])
"""
_GET_ATTRIBUTES = {"x86_64": 315, "aarch64": 275}
_SHORT_SINCE = (6, 12)
_TURN_NANOSECONDS = 100_000


def _release() -> tuple[int, int]:
    first, second = platform.release().split(".")[:2]
    return int(first), int(second)


@pytest.mark.skipif(sys.platform != "linux" or _release() < _SHORT_SINCE, reason="Linux 6.12 has it first")
def test_turns_are_short_and_a_child_has_them_too() -> None:
    get = _GET_ATTRIBUTES[platform.machine()]
    ran = subprocess.run([sys.executable, "-c", _TURN.format(get=get)], capture_output=True, text=True)

    assert ran.stdout.splitlines() == [f"0 {_TURN_NANOSECONDS} True"] * 2, ran.stderr


def test_the_wish_has_the_size_that_the_kernel_knows() -> None:
    assert struct.calcsize("=IIQiIQQQ") == 48
