"""RTP as far as a forwarder looks into it (RFC 3550, RFC 8285, RFC 6464)."""

import struct
from dataclasses import dataclass

HEADER = 12
_RTP = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000


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
