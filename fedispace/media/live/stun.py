"""STUN as an ICE-lite server hears it, and as its own client speaks it (RFC 8489, RFC 8445 section 2.5).

Three steps, cheapest first: does it look like a binding request for a user name we gave out, may
its source ask again already, and does its MESSAGE-INTEGRITY prove the password of that session.

Every listener asks every few seconds, for as long as he listens. So of a check only what counts is read:
two hashes and a checksum are most of what it costs.
"""

import hashlib
import hmac
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass

from fedispace.media.live.question import mapped_address

_COOKIE = b"\x21\x12\xa4\x42"
_BINDING_REQUEST = b"\x00\x01"
_BINDING_SUCCESS = b"\x01\x01"
_HEAD = 20
_ATTRIBUTE = struct.Struct("!HH")
_USERNAME = 0x0006
_USE_CANDIDATE = 0x0025
_PRIORITY = 0x0024
_ICE_CONTROLLING = 0x802A
_MESSAGE_INTEGRITY = 0x0008
_INTEGRITY = _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, 20)
_INTEGRITY_BYTES = 24
_FINGERPRINT = 0x8028
_FINGERPRINT_BYTES = 8
_FINGERPRINT_MASK = 0x5354554E
_LONGEST = 1024
_PEER_REFLEXIVE_PRIORITY = (110 << 24) | (65535 << 8) | 255


@dataclass(frozen=True, slots=True)
class Check:
    """An authenticated connectivity check. `nominates`: the peer chose this path (USE-CANDIDATE)."""

    transaction: bytes
    nominates: bool


def user_name(data: bytes) -> tuple[str, str] | None:
    """Return (our ufrag, theirs) of what may be a binding request, without trusting any of it."""
    if not _is_message(data, _BINDING_REQUEST):
        return None
    at = _HEAD
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        if kind == _USERNAME:
            name = data[at + 4 : at + 4 + size]
            ours, colon, theirs = name.partition(b":")
            if len(name) != size or not colon or not name.isascii():
                return None
            return ours.decode(), theirs.decode()
        at += 4 + size + (-size % 4)
    return None


def check(data: bytes, password: str) -> Check | None:
    """Return the check if its integrity holds under `password`; what follows that is not read, except
    for the fingerprint (RFC 8489, sections 14.5 and 14.7)."""
    attributes = _proved(data, password) if _is_message(data, _BINDING_REQUEST) else None
    return None if attributes is None else Check(data[8:_HEAD], _USE_CANDIDATE in attributes)


def success(transaction: bytes, source: tuple[str, int], password: str) -> bytes:
    """Write the answer to a check that came from `source`."""
    return _signed(_BINDING_SUCCESS, transaction, mapped_address(source, transaction), password)


def request(transaction: bytes, name: str, password: str) -> bytes:
    """Write a check of a client, which chooses the path it goes by (USE-CANDIDATE)."""
    user = name.encode()
    attributes = (
        _ATTRIBUTE.pack(_USERNAME, len(user))
        + user
        + bytes(-len(user) % 4)
        + struct.pack("!HHI", _PRIORITY, 4, _PEER_REFLEXIVE_PRIORITY)
        + struct.pack("!HHQ", _ICE_CONTROLLING, 8, 1)
        + _ATTRIBUTE.pack(_USE_CANDIDATE, 0)
    )
    return _signed(_BINDING_REQUEST, transaction, attributes, password)


def is_success(data: bytes, transactions: Collection[bytes], password: str) -> bool:
    """Tell whether this answers one of our checks, by the holder of `password`."""
    return (
        _is_message(data, _BINDING_SUCCESS)
        and data[8:_HEAD] in transactions
        and _proved(data, password) is not None
    )


def _is_message(data: bytes, kind: bytes) -> bool:
    return (
        28 <= len(data) <= _LONGEST
        and data[0:2] == kind
        and data[4:8] == _COOKIE
        and int.from_bytes(data[2:4], "big") == len(data) - _HEAD
    )


def _proved(data: bytes, password: str) -> list[int] | None:
    """Return which attributes a message has before its MESSAGE-INTEGRITY, if that holds."""
    at = _HEAD
    kinds: list[int] = []
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        if kind == _MESSAGE_INTEGRITY:
            end = at + _INTEGRITY_BYTES
            if not hmac.compare_digest(data[at + 4 : end], _integrity(data[:at], password)):
                return None
            return kinds if _has_no_wrong_fingerprint(data, end) else None
        kinds.append(kind)
        at += 4 + size + (-size % 4)
    return None


def _signed(kind: bytes, transaction: bytes, attributes: bytes, password: str) -> bytes:
    size = len(attributes) + _INTEGRITY_BYTES + _FINGERPRINT_BYTES
    covered = kind + size.to_bytes(2, "big") + _COOKIE + transaction + attributes
    signed = covered + _INTEGRITY + _integrity(covered, password)
    return signed + struct.pack("!HHI", _FINGERPRINT, 4, zlib.crc32(signed) ^ _FINGERPRINT_MASK)


def _integrity(covered: bytes, password: str) -> bytes:
    """Hash a message up to its MESSAGE-INTEGRITY, as though that were the last of it."""
    size = len(covered) - _HEAD + _INTEGRITY_BYTES
    return hmac.digest(password.encode(), covered[:2] + size.to_bytes(2, "big") + covered[4:], hashlib.sha1)


def _has_no_wrong_fingerprint(data: bytes, at: int) -> bool:
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        if kind == _FINGERPRINT:
            said = int.from_bytes(data[at + 4 : at + _FINGERPRINT_BYTES], "big")
            return bool(said == zlib.crc32(data[:at]) ^ _FINGERPRINT_MASK)
        at += 4 + size + (-size % 4)
    return True
