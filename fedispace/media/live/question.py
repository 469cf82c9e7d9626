"""The operator's question to the audio port: does what I send arrive?

    doctor --STUN Binding request, "SOFTWARE: fedispace doctor"--> the port
           <--Binding success, XOR-MAPPED-ADDRESS-----------------

A session's checks are authenticated and everything else is dropped, so whether a firewall or a router
lets datagrams through could only be found out by entering a Space. This one question is answered to
anybody, a few times a second in all. It is padded to be longer than its answer, so nobody can use us to
send more to somebody else than he sends himself; and it is ours, not any STUN client's, so we are no
public STUN server.
"""

import ipaddress
import struct
from functools import lru_cache

_HEAD = struct.Struct("!HHI12s")
_ADDRESS = struct.Struct("!HHBBH")
_COOKIE = 0x2112A442
_REQUEST, _SUCCESS = 0x0001, 0x0101
_SOFTWARE, _XOR_MAPPED_ADDRESS, _PADDING = 0x8022, 0x0020, 0x0026
_NAME = b"fedispace doctor"
_ASIDE = struct.pack("!HH", _SOFTWARE, len(_NAME)) + _NAME + struct.pack("!HH", _PADDING, 20) + bytes(20)
_OPENING = struct.pack("!HHI", _REQUEST, len(_ASIDE), _COOKIE)
_LENGTH = _HEAD.size + len(_ASIDE)


def ask(transaction: bytes) -> bytes:
    """Return the question; `transaction` is twelve random bytes."""
    assert len(transaction) == 12
    return _OPENING + transaction + _ASIDE


def is_question(data: bytes) -> bool:
    """Tell whether this is the question, byte for byte."""
    return len(data) == _LENGTH and data[:8] == _OPENING and data[20:] == _ASIDE


def answer(question: bytes, source: tuple[str, int]) -> bytes:
    """Return the answer to a question that came from `source`."""
    transaction = question[8:20]
    attribute = mapped_address(source, transaction)
    return _HEAD.pack(_SUCCESS, len(attribute), _COOKIE, transaction) + attribute


def mapped_address(source: tuple[str, int], transaction: bytes) -> bytes:
    """Write the attribute that tells somebody from where he was seen to come (RFC 8489, section 14.2)."""
    packed = _packed(source[0])
    mask = int.from_bytes(_mask(transaction)[: len(packed)], "big")
    hidden = (int.from_bytes(packed, "big") ^ mask).to_bytes(len(packed), "big")
    family = 1 if len(packed) == 4 else 2
    port = source[1] ^ (_COOKIE >> 16)
    return _ADDRESS.pack(_XOR_MAPPED_ADDRESS, 4 + len(packed), 0, family, port) + hidden


@lru_cache(maxsize=8192)
def _packed(host: str) -> bytes:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.packed


def read_answer(data: bytes, transaction: bytes) -> tuple[str, int] | None:
    """Return from where the question was seen to come; None if this does not answer it."""
    if len(data) not in (32, 44) or data[:2] != _SUCCESS.to_bytes(2, "big") or data[8:20] != transaction:
        return None
    kind, size, _, family, port = _ADDRESS.unpack_from(data, 20)
    hidden = data[28:]
    if kind != _XOR_MAPPED_ADDRESS or size != 4 + len(hidden) or family != (1 if len(hidden) == 4 else 2):
        return None
    packed = bytes(a ^ b for a, b in zip(hidden, _mask(transaction), strict=False))
    return str(ipaddress.ip_address(packed)), port ^ (_COOKIE >> 16)


def _mask(transaction: bytes) -> bytes:
    return _COOKIE.to_bytes(4, "big") + transaction
