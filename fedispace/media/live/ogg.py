"""Pages of an Ogg stream (RFC 3533, section 6): written, and read back with suspicion.

    "OggS" | version | flags | granule | serial | number | CRC | lengths of segments | segments

A page is the unit that survives: it has a checksum of its own, so a file that was cut anywhere is good
up to its last whole page. Packets never go over from one page to the next here; nothing that comes
from a room is long enough to need it.

The checksum is the CRC of 0x04C11DB7 without reflection. `zlib.crc32` has the same polynomial with
every bit order turned round; turning the bytes before and the result after costs two passes in C.
"""

import struct
import zlib
from dataclasses import dataclass

BEGINS = 0x02
ENDS = 0x04
_CONTINUED = 0x01
_CAPTURE = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
_CRC_AT = 22
SEGMENTS = 255
LARGEST = _HEADER.size + SEGMENTS + SEGMENTS * 255
_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`granule` is the position at its end; what that counts is the codec's affair."""

    flags: int
    granule: int
    serial: int
    number: int
    packets: tuple[bytes, ...]


def checksum(data: bytes) -> int:
    """Return the CRC of a page whose CRC field is zero."""
    reflected = zlib.crc32(data.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_MIRROR), "big")


def segments_of(packet: bytes) -> int:
    """Return how many of a page's 255 segments a packet takes."""
    return len(packet) // 255 + 1


def write(page: Page) -> bytes:
    """Return the page's bytes. Its packets must fit."""
    lengths = b"".join(
        b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in page.packets
    )
    assert len(lengths) <= SEGMENTS, "packets do not go over to another page"
    head = _HEADER.pack(
        _CAPTURE, 0, page.flags, page.granule, page.serial, page.number & 0xFFFFFFFF, 0, len(lengths)
    )
    data = b"".join((head, lengths, *page.packets))
    return data[:_CRC_AT] + checksum(data).to_bytes(4, "little") + data[_CRC_AT + 4 :]


def renumbered(pages: bytes, *, serial: int, number: int, later: int) -> tuple[bytes, int]:
    """Return the same pages as part of another stream, and the number that follows theirs.

    `later` is added to their positions. They must be ours, whole and one after the other.
    """
    found: list[bytes] = []
    at = 0
    while at < len(pages):
        _, _, flags, granule, _, _, _, count = _HEADER.unpack_from(pages, at)
        body = at + _HEADER.size
        end = body + count + sum(pages[body : body + count])
        head = _HEADER.pack(_CAPTURE, 0, flags, granule + later, serial, number & 0xFFFFFFFF, 0, count)
        data = head + pages[body:end]
        found.append(data[:_CRC_AT] + checksum(data).to_bytes(4, "little") + data[_CRC_AT + 4 :])
        at, number = end, number + 1
    return b"".join(found), number


def read(data: bytes, at: int = 0) -> tuple[Page, int] | None:
    """Return the page that begins at `at` and where it ends; None if there is no whole, sound one.

    Pages that continue a packet are not ours.
    """
    if len(data) - at < _HEADER.size:
        return None
    capture, version, flags, granule, serial, number, crc, count = _HEADER.unpack_from(data, at)
    if capture != _CAPTURE or version or flags & _CONTINUED:
        return None
    body = at + _HEADER.size + count
    lengths = data[at + _HEADER.size : body]
    end = body + sum(lengths)
    if len(lengths) != count or end > len(data) or (lengths and lengths[-1] == 255):
        return None
    plain = data[at : at + _CRC_AT] + bytes(4) + data[at + _CRC_AT + 4 : end]
    if checksum(plain) != crc:
        return None
    packets: list[bytes] = []
    size, start = 0, body
    for length in lengths:
        size += length
        if length < 255:
            packets.append(data[start : start + size])
            start, size = start + size, 0
    return Page(flags=flags, granule=granule, serial=serial, number=number, packets=tuple(packets)), end


def find(data: bytes, at: int = 0) -> int | None:
    """Return where the next whole, sound page begins."""
    while (at := data.find(_CAPTURE, at)) >= 0:
        if read(data, at) is not None:
            return at
        at += 1
    return None
