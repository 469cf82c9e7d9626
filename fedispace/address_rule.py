"""Which addresses we may connect to: an allow-list of public unicast.

`ipaddress.is_global` is not used: it takes NAT64, 6to4, site-local and several v4-in-v6 forms for
public, each of which can be 127.0.0.1 in disguise. What the operator configures is the only exemption.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from fedispace.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


class AddressRule:
    """Says why an address may not be connected to, or None when it may."""

    def __init__(self, exempt: Iterable[str] = (), *, allow_http: bool = False) -> None:
        try:
            self._exempt = tuple(ipaddress.ip_network(network, strict=False) for network in exempt)
        except ValueError as error:
            raise ConfigError(f"federation.allow_private_addresses: {error}") from error
        self._ports = frozenset({443, 80} if allow_http else {443})
        self._judged = lru_cache(maxsize=4096)(self._judge)

    def refusal(self, address: str, port: int) -> str | None:
        """Return `addr_private`, `port` or None.

        An exempt network is the operator's own ground: any port is allowed there. Every connection asks
        two or three times, of the name's addresses and of the socket's.
        """
        return self._judged(address, port)

    def _judge(self, address: str, port: int) -> str | None:
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return "addr_private"
        if any(ip.version == network.version and ip in network for network in self._exempt):
            return None
        if not is_public(ip):
            return "addr_private"
        return None if port in self._ports else "port"


def is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is global unicast by the IANA special-purpose registries."""
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_V4)
    return ip in _PUBLIC_V6 and not any(ip in network for network in _NOT_PUBLIC_V6)
