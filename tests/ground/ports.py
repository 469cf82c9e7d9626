"""Ports nobody holds."""

import random
import socket

_PORTS = range(20_000, 32_768)
"""Below those the kernel gives to clients (Linux from 32768, others from 49152), for one of these could
take the port between being found free and being listened at, or while a server is stopped for a moment."""
_given: set[tuple[str, socket.SocketKind, int]] = set()


def free_port(address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of `address` that is free, and that no other caller of this run is given."""
    while True:
        port = random.choice(_PORTS)
        if (address, kind, port) not in _given and _is_free(address, kind, port):
            _given.add((address, kind, port))
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
