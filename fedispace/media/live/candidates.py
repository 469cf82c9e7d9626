"""Which addresses answers tell browsers to send to."""

import ipaddress

import ifaddr

from fedispace.config import address_of

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def candidate_addresses(listen: str, public_addresses: list[str]) -> tuple[str, ...]:
    """Return the public addresses, else the one we listen on, else (when that is all of them) every
    address of the machine, the loopback last."""
    if public_addresses:
        return tuple(public_addresses)
    listening = ipaddress.ip_address(address_of(listen)[0])
    if not listening.is_unspecified:
        return (str(listening),)
    found = [address for address in machine_addresses() if address.version == 4 or listening.version == 6]
    return tuple(str(address) for address in found) or ("127.0.0.1",)


def machine_addresses() -> list[Address]:
    """Return the machine's addresses, the public ones first, the loopback last."""
    found: list[Address] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            address = ipaddress.ip_address(text)
            if not address.is_link_local:
                found.append(address)
    return sorted(found, key=lambda address: (address.is_loopback, address.is_private, address.version))
