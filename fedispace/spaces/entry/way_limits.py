"""How often strangers may have us ask or write to other servers, so that nobody is bothered through us.

Counted in memory: by the asker's network, by the server that is asked, and all together. How often one
account is written to is counted in rows (`entry_links.py`), because that must hold across restarts.
"""

import ipaddress
from datetime import timedelta
from typing import Final

from fedispace.accounts.attempts import Attempts
from fedispace.clock import Clock

_WINDOW: Final = timedelta(minutes=10)
_ALL: Final = "all"


class WayLimits:
    """Raises `RateLimited` for what is too much."""

    def __init__(self, clock: Clock) -> None:
        self._by_asker = Attempts(clock, limit=10, window=_WINDOW)
        self._by_server = Attempts(clock, limit=30, window=_WINDOW)
        self._all = Attempts(clock, limit=300, window=_WINDOW)
        self._openings = Attempts(clock, limit=30, window=_WINDOW)

    def ask(self, address: str) -> None:
        """Count a stranger's wish to be known, whatever server they name."""
        if _is_counted(address):
            self._by_asker.count(network_of(address))
        self._all.count(_ALL)

    def server(self, host: str) -> None:
        """Count that somebody's server is asked or written to for a stranger."""
        self._by_server.count(host)

    def open(self, address: str) -> None:
        """Count a try to open a link or to come back."""
        if _is_counted(address):
            self._openings.count(network_of(address))


def network_of(address: str) -> str:
    """Return what is one asker: an IPv4 address, or the /64 that a line has in IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _is_counted(address: str) -> bool:
    """Tell whether it names a client; a proxy that names none gives every visitor a loopback address."""
    try:
        return not ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
