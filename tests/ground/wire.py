"""A network of the test's own: a namespace with one address that is not the loopback's.

Browsers and libnice do not send from a loopback address, and packets can be lost here without anybody
else losing any. The namespace belongs to the thread, so what the test's own process and its children
open meanwhile is inside.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ground.ground import Missing

_CLONE_NEWNET = 0x40000000
_SETUP = (
    "ip link set lo up",
    # libnice leaves an interface alone that is called veth.
    "ip link add eth0 type veth peer name eth1",
    "ip addr add 10.77.0.1/24 dev eth0",
    # No address of IPv6: it could not be bound for the first second.
    "ip link set eth0 addrgenmode none",
    "ip link set eth1 addrgenmode none",
    "ip link set eth0 up",
    "ip link set eth1 up",
    # Firefox speaks from the address of the default route alone.
    "ip route add default via 10.77.0.2",
)


@dataclass(frozen=True, slots=True)
class Wire:
    """Where servers listen, and what befalls packets on the way."""

    host: str = "10.77.0.1"

    def lose(self, share: float, *ports: str, up: bool = True, down: bool = True) -> None:
        """Drop this share of the media to (`up`) and from (`down`) a server's ports, at random, from now on.

        `ports` are numbers or ranges, as `20000:29999`. Only media are lost (the first byte is 128 to 191):
        what is measured is not how fast a connection comes about. 0 drops nothing any more.
        """
        rules = ["*raw", ":PREROUTING ACCEPT [0:0]"]
        is_media = '-m u32 --u32 "0>>22&0x3C@8>>30=2"'
        chance = f"-m statistic --mode random --probability {share:.3f}"
        for port in ports if share else ():
            for side, is_hit in (("dport", up), ("sport", down)):
                if is_hit:
                    rules.append(f"-A PREROUTING -p udp --{side} {port} {is_media} {chance} -j DROP")
        subprocess.run(
            ["iptables-restore"], input="\n".join([*rules, "COMMIT", ""]), text=True, check=True, timeout=20
        )


@contextmanager
def own_network() -> Iterator[Wire]:
    """Be in a namespace of one's own for as long as the block lasts."""
    if os.geteuid() != 0 or not Path("/proc/self/ns/net").exists():
        raise Missing("a network of our own needs root (a container will do)")
    for program, package in (("ip", "iproute2"), ("iptables-restore", "iptables")):
        if shutil.which(program) is None:
            raise Missing(f"there is no {program} (Debian: {package})")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise Missing(f"this system gives us no network of our own ({os.strerror(ctypes.get_errno())})")
        try:
            for command in _SETUP:
                subprocess.run(command.split(), check=True, timeout=20)
            yield Wire()
        finally:
            if libc.setns(before, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "the way back to the network is lost")
    finally:
        os.close(before)
