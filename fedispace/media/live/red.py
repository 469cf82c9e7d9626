"""Opus with redundancy (RED, RFC 2198): the newest frame, and before it copies of older ones.

|1| type (7) | offset back in time (14) | size (10) |   a header of four bytes for each older block
|0| type (7) |                                          one byte for the newest
older blocks' data ..., the newest block's data
"""

from dataclasses import dataclass

_HEADER = 4
_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its payload type, by how much older than the packet's timestamp, and its data."""

    payload_type: int
    offset: int
    data: bytes


def read(payload: bytes) -> list[Block] | None:
    """Return the blocks, oldest first and the newest last; None for what is malformed."""
    heads: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & 0x80:
        if len(heads) == _BLOCKS or at + _HEADER > len(payload):
            return None
        word = int.from_bytes(payload[at : at + _HEADER], "big")
        heads.append((word >> 24 & 0x7F, word >> 10 & 0x3FFF, word & 0x3FF))
        at += _HEADER
    if at >= len(payload):
        return None
    newest = payload[at] & 0x7F
    at += 1
    found: list[Block] = []
    for payload_type, offset, size in heads:
        if at + size > len(payload):
            return None
        found.append(Block(payload_type, offset, payload[at : at + size]))
        at += size
    return [*found, Block(newest, 0, payload[at:])]
