"""A network namespace for one run: Janus gathers no loopback address, so there is a veth pair."""

import contextlib
import os
import shutil
import subprocess
import sys

HOST = "10.77.0.1"
_LOOPBACK = "127.0.0.1"
_INSIDE = "FEDISPACE_BENCH_NAMESPACE"
_NICE = -10
_COMMANDS = (
    "ip link set lo up",
    "ip link add veth0 type veth peer name veth1",
    f"ip addr add {HOST}/24 dev veth0",
    "ip link set veth0 up",
    "ip link set veth1 up",
)


def enter(module: str) -> str:
    """Return the address to measure on: in a namespace of our own if we may make one, else the loopback.

    The process gives way to one in the namespace, with the same arguments.
    """
    with contextlib.suppress(PermissionError):
        # The instrument must not be late, or it measures itself. Crowds step back again.
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    if os.environ.get(_INSIDE):
        for command in _COMMANDS:
            subprocess.run(command.split(), check=True)
        return HOST
    if os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"):
        command = ["unshare", "-n", sys.executable, "-m", module, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False, env={**os.environ, _INSIDE: "1"}).returncode)
    return _LOOPBACK


def has_janus(host: str) -> bool:
    """Tell whether Janus can take part."""
    return host != _LOOPBACK and shutil.which("janus") is not None
