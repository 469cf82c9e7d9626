"""STUN as an ICE-lite server hears it, and as its own client speaks it (RFC 8489, RFC 8445 section 2.5).

Three steps, cheapest first: does it look like a binding request for a user name we gave out, may
its source ask again already, and does its MESSAGE-INTEGRITY prove the password of that session.
"""

import ipaddress
import struct
from collections.abc import Collection
from dataclasses import dataclass

from aioice import stun

_COOKIE = struct.pack("!I", stun.COOKIE)
_BINDING_REQUEST = b"\x00\x01"
_USERNAME = 0x0006
_LONGEST = 1024
_PRIORITY = (110 << 24) | (65535 << 8) | 255
_MALFORMED = (ValueError, IndexError, KeyError, struct.error)


@dataclass(frozen=True, slots=True)
class Check:
    """An authenticated connectivity check. `nominates`: the peer chose this path (USE-CANDIDATE)."""

    transaction: bytes
    nominates: bool


def user_name(data: bytes) -> tuple[str, str] | None:
    """Return (our ufrag, theirs) of what may be a binding request, without trusting any of it."""
    if not 28 <= len(data) <= _LONGEST or data[0:2] != _BINDING_REQUEST or data[4:8] != _COOKIE:
        return None
    if int.from_bytes(data[2:4], "big") != len(data) - 20:
        return None
    at = 20
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        if kind == _USERNAME:
            name = data[at + 4 : at + 4 + size]
            ours, colon, theirs = name.partition(b":")
            if len(name) != size or not colon or not name.isascii():
                return None
            return ours.decode(), theirs.decode()
        at += 4 + size + (-size % 4)
    return None


def check(data: bytes, password: str) -> Check | None:
    """Return the check if its integrity holds under `password`."""
    try:
        message = stun.parse_message(data)
        if not message.check_message_integrity(password.encode()):
            return None
    except _MALFORMED:
        return None
    return Check(message.transaction_id, "USE-CANDIDATE" in message.attributes)


def success(transaction: bytes, source: tuple[str, int], password: str) -> bytes:
    """Write the answer to a check that came from `source`."""
    address = ipaddress.ip_address(source[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=transaction,
        attributes={"XOR-MAPPED-ADDRESS": (str(mapped or address), source[1])},
    )
    message.add_message_integrity(password.encode())
    return bytes(message)


def request(transaction: bytes, name: str, password: str) -> bytes:
    """Write a check of a client, which chooses the path it goes by (USE-CANDIDATE)."""
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=transaction,
        attributes={"USERNAME": name, "PRIORITY": _PRIORITY, "ICE-CONTROLLING": 1, "USE-CANDIDATE": None},
    )
    message.add_message_integrity(password.encode())
    return bytes(message)


def is_success(data: bytes, transactions: Collection[bytes], password: str) -> bool:
    """Tell whether this answers one of our checks, by the holder of `password`."""
    try:
        message = stun.parse_message(data)
        return (
            message.message_class == stun.Class.RESPONSE
            and message.transaction_id in transactions
            and message.check_message_integrity(password.encode())
        )
    except _MALFORMED:
        return False
