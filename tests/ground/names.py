"""Names without a name server, and without touching the machine's own files.

Each process that must know `a.test` is started in a mount namespace of its own in which a file
of the run stands in for /etc/hosts. Where the system forbids namespaces (most containers), a marked
block is added to /etc/hosts for the run and taken out again.
"""

import fcntl
import ipaddress
import os
import secrets
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult

_HOSTS = Path("/etc/hosts")
_ENTER = 'mount --bind "$0" /etc/hosts && exec "$@"'


class Names:
    """Hands out addresses of this run's network and makes its names resolve."""

    def __init__(self, directory: Path) -> None:
        self.network = _a_free_network()
        self._addresses = self.network.hosts()
        self._hidden = _next_network(self.network).hosts()
        self._known: dict[str, str] = {}
        self._hosts = directory / "hosts"
        self._namespaces = _namespaces_work(directory)
        self._mark = f"# fedispace tests {self.network}"
        self._write()

    def address_of(self, *names: str) -> str:
        """Return the address of a new host called `names`."""
        address = str(next(self._addresses))
        for name in names:
            self._known[name] = address
        self._write()
        return address

    def hidden_address_of(self, name: str) -> str:
        """Return the address of a host outside the run's network, which no server may connect to."""
        if name not in self._known:
            self._known[name] = str(next(self._hidden))
            self._write()
        return self._known[name]

    def lookup(self, name: str) -> str | None:
        return self._known.get(name)

    def wrap(self, command: Sequence[str]) -> list[str]:
        """Return `command` so that it resolves the run's names; it keeps its process id."""
        if not self._namespaces:
            return list(command)
        return ["unshare", "--mount", "--", "sh", "-c", _ENTER, str(self._hosts), *command]

    def chromium_rules(self) -> str:
        """Return the value of Chromium's --host-resolver-rules."""
        return ",".join(f"MAP {name} {address}" for name, address in sorted(self._known.items()))

    def close(self) -> None:
        """Leave /etc/hosts as it was found."""
        if not self._namespaces:
            self._replace_block([])

    def _write(self) -> None:
        lines = [f"{address} {name}" for name, address in sorted(self._known.items())]
        if self._namespaces:
            # In place: a new file would not be the one that running processes have mounted.
            self._hosts.write_text("127.0.0.1 localhost\n::1 localhost\n" + "\n".join(lines) + "\n")
        else:
            self._replace_block(lines)

    def _replace_block(self, lines: list[str]) -> None:
        with _HOSTS.open("r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = [line for line in file.read().splitlines() if not line.endswith(self._mark)]
            file.seek(0)
            file.truncate()
            file.write("\n".join([*kept, *(f"{line} {self._mark}" for line in lines)]) + "\n")


class RunResolver(AbstractResolver):
    """Lets a client inside the test process reach the run's names; knows no others."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._names.lookup(host)
        if address is None:
            raise OSError(f"{host} is not a host of this run")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        return None


def _a_free_network() -> ipaddress.IPv4Network:
    """Pick a /24 of 127/8 at random: a lingering process of an earlier run holds other addresses."""
    return ipaddress.IPv4Network(f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(254) + 1}.0/24")


def _next_network(network: ipaddress.IPv4Network) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((int(network.network_address) + network.num_addresses, network.prefixlen))


def _namespaces_work(directory: Path) -> bool:
    if os.geteuid() != 0:
        return False
    probe = directory / "hosts.probe"
    probe.write_text("127.0.0.1 localhost\n")
    command = ["unshare", "--mount", "--", "sh", "-c", _ENTER, str(probe), "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
