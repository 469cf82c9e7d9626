"""RTP and RTCP as far as a forwarder looks into them (RFC 3550, RFC 8285, RFC 6464)."""

import struct
from dataclasses import dataclass

HEADER = 12
_RTP = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000
_NTP_EPOCH = 2_208_988_800

SENDER_REPORT = 200
RECEIVER_REPORT = 201


def is_rtcp(packet: bytes) -> bool:
    """Tell RTCP from RTP on one port (RFC 5761, section 4)."""
    return len(packet) > 1 and 192 <= packet[1] <= 223


@dataclass(slots=True)
class Packet:
    """One RTP packet, not frozen for speed's sake: twenty-five thousand are made a second."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    level: int | None
    payload: bytes


def ssrc_of(packet: bytes) -> int:
    """Return the source of a packet of at least `HEADER` bytes."""
    return int.from_bytes(packet[8:12], "big")


def read(data: bytes, level_extension: int | None) -> Packet | None:
    """Parse a decrypted packet; None when it is malformed or has nothing to play."""
    if len(data) < HEADER:
        return None
    first, second, sequence, timestamp, ssrc = _RTP.unpack_from(data)
    if first >> 6 != 2:
        return None
    start = HEADER + 4 * (first & 0x0F)
    level = None
    if first & 0x10:
        if len(data) < start + 4:
            return None
        profile, words = _EXTENSION.unpack_from(data, start)
        end = start + 4 + 4 * words
        if len(data) < end:
            return None
        if level_extension is not None:
            level = _level(data, start + 4, end, profile, level_extension)
        start = end
    end = len(data)
    if first & 0x20 and end > start:
        end -= data[-1]
    if end <= start:
        return None
    return Packet(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, level, data[start:end])


def _level(data: bytes, at: int, end: int, profile: int, wanted: int) -> int | None:
    """Find the audio level among the extension elements: 0 is loudest, 127 is silence."""
    if profile == _ONE_BYTE:
        while at < end:
            number, size = data[at] >> 4, (data[at] & 0x0F) + 1
            if number == 0:
                at += 1
                continue
            if number == 15:
                return None
            if number == wanted and at + 1 < end:
                return data[at + 1] & 0x7F
            at += 1 + size
    elif profile & 0xFFF0 == _TWO_BYTE:
        while at + 1 < end:
            number, size = data[at], data[at + 1]
            if number == 0:
                at += 1
                continue
            if number == wanted and size and at + 2 < end:
                return data[at + 2] & 0x7F
            at += 2 + size
    return None


def header(*, payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Write a header without sources or extensions."""
    return _RTP.pack(0x80, payload_type | (0x80 if marker else 0), sequence, timestamp, ssrc)


def ntp(unix: float) -> tuple[int, int]:
    """Return a time as NTP seconds and fraction (RFC 3550, section 4)."""
    whole = int(unix)
    return (whole + _NTP_EPOCH) & 0xFFFFFFFF, int((unix - whole) * (1 << 32)) & 0xFFFFFFFF


def sender_report(*, ssrc: int, at: float, timestamp: int, packets: int, octets: int, cname: str) -> bytes:
    """Write SR and SDES in one compound packet (RFC 3550, sections 6.1, 6.4.1 and 6.5)."""
    seconds, fraction = ntp(at)
    report = struct.pack(
        "!BBHIIIIII",
        0x80,
        SENDER_REPORT,
        6,
        ssrc,
        seconds,
        fraction,
        timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    return report + _source_description(ssrc, cname)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """How a source is received (RFC 3550, section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


def receiver_report(*, ssrc: int, block: ReportBlock, cname: str) -> bytes:
    """Write RR and SDES in one compound packet."""
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    report = struct.pack(
        "!BBHIIIIIII",
        0x81,
        RECEIVER_REPORT,
        7,
        ssrc,
        block.ssrc,
        (block.fraction_lost << 24) | lost,
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        block.delay & 0xFFFFFFFF,
    )
    return report + _source_description(ssrc, cname)


def _source_description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    items = bytes((1, len(name))) + name + b"\0"
    items += bytes(-len(items) % 4)
    return struct.pack("!BBHI", 0x81, 202, 1 + len(items) // 4, ssrc) + items


def sender_report_time(data: bytes) -> int | None:
    """Return the middle 32 bits of the NTP time in a decrypted sender report, for `last_report`."""
    if len(data) < 20 or data[0] >> 6 != 2 or data[1] != SENDER_REPORT:
        return None
    seconds, fraction = struct.unpack_from("!II", data, 8)
    return int((seconds & 0xFFFF) << 16 | fraction >> 16)
