"""Redundant audio (RFC 2198): a packet that carries copies of earlier ones beside its own frame.

    F PT  offset  length     one header of four bytes for each copy, the oldest first
    ...
    0 PT                     one of a single byte for the frame itself
    copies, then the frame

Browsers send it when the answer names it first. It comes from strangers: lengths are checked before
anything is cut, and the number of copies is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_COPIES = 4
_HEAD = 4
_LONGEST = 0x3FF
_OLDEST = 0x3FFF


@dataclass(frozen=True, slots=True)
class Block:
    """One frame; `age` is how long before the packet's own it was made, in timestamp units.

    `back` is how many packets before: a sender repeats its last packets without leaving one out.
    """

    payload: bytes
    age: int
    back: int


@dataclass(frozen=True, slots=True)
class Redundant:
    """What was in a packet: the frame itself and the copies, oldest first."""

    primary: bytes
    copies: tuple[Block, ...]


def write(payload_type: int, primary: bytes, copies: Sequence[tuple[bytes, int]]) -> bytes:
    """Write a frame with copies of earlier ones, each with its age, the oldest first."""
    heads = b"".join(
        ((0x80 | payload_type) << 24 | age << 10 | len(copy)).to_bytes(_HEAD, "big") for copy, age in copies
    )
    return b"".join((heads, bytes((payload_type,)), *(copy for copy, _ in copies), primary))


def fits(copy: bytes, age: int) -> bool:
    """Tell whether a copy can be named: ten bits for its length, fourteen for its age."""
    return len(copy) <= _LONGEST and 0 < age <= _OLDEST


def read(payload: bytes, payload_type: int) -> Redundant | None:
    """Parse; None when it is malformed or its own frame is of another type than `payload_type`.

    Copies of another type, and empty ones, are left out.
    """
    heads: list[tuple[int, int, int]] = []
    at, end = 0, len(payload)
    while at < end and payload[at] & 0x80:
        if at + _HEAD > end or len(heads) == _MOST_COPIES:
            return None
        word = int.from_bytes(payload[at : at + _HEAD], "big")
        heads.append((word >> 24 & 0x7F, word >> 10 & 0x3FFF, word & 0x3FF))
        at += _HEAD
    if at >= end or payload[at] != payload_type:
        return None
    at += 1
    copies: list[Block] = []
    for index, (kind, age, length) in enumerate(heads):
        if at + length > end:
            return None
        if kind == payload_type and length and age:
            copies.append(Block(payload[at : at + length], age, len(heads) - index))
        at += length
    if at >= end:
        return None
    return Redundant(payload[at:], tuple(copies))
