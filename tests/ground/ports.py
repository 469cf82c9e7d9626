"""Ports nobody holds, and nobody else is given: not by this run, nor by another process that runs tests."""

import errno
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

_PORTS = range(20_000, 32_768)
"""Below those the kernel gives to clients (Linux from 32768, others from 49152), for one of these could
take the port between being found free and being listened at, or while a server is stopped for a moment."""
_given: set[int] = set()


def free_port(address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of `address` that is free, and that no other caller is given while this process lives."""
    while True:
        port = random.choice(_PORTS)
        if port not in _given and _is_free(address, kind, port) and _is_ours(port):
            _given.add(port)
            return port


def is_listening(address: str, port: int) -> bool:
    """Tell whether something accepts connections there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def _is_free(address: str, kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def _is_ours(port: int) -> bool:
    """Take the port among all processes that run tests here: the system forgets who has it when one ends."""
    try:
        fcntl.lockf(_book(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


@cache
def _book() -> int:
    """Open the file of which a byte is locked for every port that was given."""
    book = Path(tempfile.gettempdir()) / "fedispace-tests.ports"
    return os.open(book, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
