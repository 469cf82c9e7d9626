"""RTCP: what is told about a stream beside it (RFC 3550, section 6; RFC 5506).

    we to receivers:   SR for each stream + SDES        they to us:  RR (loss and jitter)
    we to publishers:  RR + SDES                         they to us:  SR (their clock), BYE
    both ways:         BYE in the end

We write compound packets. We read those and reduced ones, from strangers who already hold a
session's keys and may still send anything: lengths first, a bounded number of parts, and of the many
kinds only the three that concern us.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_NTP_EPOCH = 2_208_988_800
_MOST_PARTS = 16
_SECONDS = 5.0

SENDER_REPORT = 200
RECEIVER_REPORT = 201
DESCRIPTION = 202
GOODBYE = 203

_HEAD = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")
_INFO = struct.Struct("!IIIIII")


def interval(chance: float) -> float:
    """Return the seconds to the next report: five, more or less a random half, so that reports of many
    do not fall together (section 6.2). `chance` is from 0 to 1."""
    return _SECONDS * (0.5 + chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """How a source is received (section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderInfo:
    """How much of a stream was sent, and which of its timestamps is now."""

    ssrc: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A source's own time, from its sender report: the middle 32 bits, which a report block echoes."""

    ssrc: int
    middle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What concerns us of one packet."""

    clocks: tuple[Clock, ...]
    blocks: tuple[ReportBlock, ...]
    goodbyes: tuple[int, ...]


def read(data: bytes) -> Told | None:
    """Parse a decrypted packet; None when any part of it is malformed."""
    clocks: list[Clock] = []
    blocks: list[ReportBlock] = []
    goodbyes: list[int] = []
    at, parts = 0, 0
    while at < len(data):
        if at + 8 > len(data) or parts == _MOST_PARTS:
            return None
        first, kind, words = _HEAD.unpack_from(data, at)
        start, at = at, at + 4 * (words + 1)
        if first >> 6 != 2 or at > len(data):
            return None
        body, count = data[start + 4 : at], first & 0x1F
        parts += 1
        if kind == SENDER_REPORT:
            if len(body) < _INFO.size + count * _BLOCK.size:
                return None
            ssrc, seconds, fraction = struct.unpack_from("!III", body)
            clocks.append(Clock(ssrc, (seconds & 0xFFFF) << 16 | fraction >> 16))
            blocks += _blocks(body, _INFO.size, count)
        elif kind == RECEIVER_REPORT:
            if len(body) < 4 + count * _BLOCK.size:
                return None
            blocks += _blocks(body, 4, count)
        elif kind == GOODBYE:
            if len(body) < 4 * count:
                return None
            goodbyes += struct.unpack_from(f"!{count}I", body)
    if not parts:
        return None
    return Told(clocks=tuple(clocks), blocks=tuple(blocks), goodbyes=tuple(goodbyes))


def _blocks(body: bytes, start: int, count: int) -> list[ReportBlock]:
    found: list[ReportBlock] = []
    for number in range(count):
        ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, start + number * _BLOCK.size)
        lost = loss & 0xFFFFFF
        found.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=loss >> 24,
                lost=lost - 0x1000000 if lost & 0x800000 else lost,
                highest=highest,
                jitter=jitter,
                last_report=last,
                delay=delay,
            )
        )
    return found


def ntp(unix: float) -> tuple[int, int]:
    """Return a time as NTP seconds and fraction (section 4)."""
    whole = int(unix)
    return (whole + _NTP_EPOCH) & 0xFFFFFFFF, int((unix - whole) * (1 << 32)) & 0xFFFFFFFF


def sender_report(streams: Sequence[SenderInfo], *, at: float, cname: str) -> bytes:
    """Write an SR for each stream and the SDES of all in one compound packet."""
    seconds, fraction = ntp(at)
    reports = [
        _HEAD.pack(0x80, SENDER_REPORT, 6)
        + _INFO.pack(
            stream.ssrc,
            seconds,
            fraction,
            stream.timestamp & 0xFFFFFFFF,
            stream.packets & 0xFFFFFFFF,
            stream.octets & 0xFFFFFFFF,
        )
        for stream in streams
    ]
    return b"".join(reports) + _description([stream.ssrc for stream in streams], cname)


def receiver_report(*, ssrc: int, block: ReportBlock, cname: str) -> bytes:
    """Write RR and SDES in one compound packet."""
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    report = _HEAD.pack(0x81, RECEIVER_REPORT, 7) + struct.pack(
        "!IIIIIII",
        ssrc,
        block.ssrc,
        (block.fraction_lost << 24) | lost,
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        block.delay & 0xFFFFFFFF,
    )
    return report + _description([ssrc], cname)


def goodbye(ssrcs: Sequence[int], cname: str) -> bytes:
    """Write that these sources send no more: an empty RR, SDES and BYE (section 6.6)."""
    empty = _HEAD.pack(0x80, RECEIVER_REPORT, 1) + struct.pack("!I", ssrcs[0])
    bye = _HEAD.pack(0x80 | len(ssrcs), GOODBYE, len(ssrcs)) + struct.pack(f"!{len(ssrcs)}I", *ssrcs)
    return empty + _description(ssrcs, cname) + bye


def _description(ssrcs: Sequence[int], cname: str) -> bytes:
    """Write an SDES packet for each source: not every reader finds the second chunk of one."""
    name = cname.encode()[:255]
    items = bytes((1, len(name))) + name + b"\0"
    items += bytes(-len(items) % 4)
    head = _HEAD.pack(0x81, DESCRIPTION, 1 + len(items) // 4)
    return b"".join(head + struct.pack("!I", ssrc) + items for ssrc in ssrcs)
