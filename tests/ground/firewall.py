"""A firewall before one server's audio port, for as long as a block lasts.

What a browser calls offline does not touch WebRTC, so packets are dropped for true: those to and from this
one address and port, and nobody else's.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.ground.ground import Missing


@contextmanager
def closed(address: str, port: int, *protocols: str, spared: Iterable[int] = ()) -> Iterator[None]:
    """Let nothing through to or from a port, by `udp`, `tcp` or both, but what goes on with the `spared`."""
    if os.geteuid() != 0 or shutil.which("iptables") is None:
        raise Missing("to block a port takes root and iptables (Debian: iptables)")
    rules = [
        ["INPUT", "-p", protocol, way, address, end, str(port), "-j", "DROP"]
        for protocol in protocols
        for way, end in (("-d", "--dport"), ("-s", "--sport"))
    ]
    rules += [
        ["INPUT", "-p", protocol, "--sport", str(one), "--dport", str(other), "-j", "ACCEPT"]
        for protocol in protocols
        for spare in spared
        for one, other in ((spare, port), (port, spare))
    ]
    done: list[list[str]] = []
    try:
        for rule in rules:
            try:
                subprocess.run(["iptables", "-w", "-I", *rule], check=True, capture_output=True, timeout=20)
            except subprocess.CalledProcessError as error:
                raise Missing(f"this system lets us block no port ({error.stderr.decode()[-200:]})") from None
            done.append(rule)
        yield
    finally:
        for rule in done:
            subprocess.run(["iptables", "-w", "-D", *rule], check=True, capture_output=True, timeout=20)
