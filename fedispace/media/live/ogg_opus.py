"""Opus in Ogg whose time is wall time (RFC 7845): a recording, or a stream that goes on.

    page 0: OpusHead   page 1: OpusTags   page 2...: packets, at most a second of them, or less if so wanted

A player knows no pauses: packet follows packet. Whatever was not sent (losses, DTX, nobody speaking,
a process that was gone) must therefore be written. For a short gap RFC 7845, section 4.1 says how:
frames of no bytes in the mode of the packet before, at which every decoder conceals, as a listener's
did. Longer ones get frames that say silence outright, six to a packet: 120 bytes a second.

Nothing here trusts a packet to be as long as its timestamp says. Who plays too long is left out until
time has caught up; a recording can be no longer than the time it took.
"""

import struct

from fedispace.media.live import ogg, opus_packets
from fedispace.media.live.continuity import RATE

PRE_SKIP = 3840
_CHANNELS = 2
_VENDOR = b"fedispace"
_PAGE_SAMPLES = RATE
_UNIT = 120
_FRAME = 960
_CONCEALED_AT_MOST = 5 * _FRAME
_DTX_AT_MOST = RATE
_OVERLAP_AT_MOST = 3 * _FRAME
_SILENT_FRAME = b"\xff\xfe"
_SILENT_20_MS = 31 << 3
_SILENT_UNITS = 28 << 3
_CODE_THREE = 3
_TAGS_AT_MOST = 60_000


def head() -> bytes:
    """Return the packet OpusHead (section 5.1): two channels, in which one plays as well."""
    return struct.pack("<8sBBHIhB", b"OpusHead", 1, _CHANNELS, PRE_SKIP, RATE, 0, 0)


def tags(comments: dict[str, str]) -> bytes:
    """Return the packet OpusTags (section 5.2)."""
    parts = [b"OpusTags", struct.pack("<I", len(_VENDOR)), _VENDOR, struct.pack("<I", len(comments))]
    for name, value in comments.items():
        comment = f"{name}={value}".encode()
        parts += [struct.pack("<I", len(comment)), comment]
    written = b"".join(parts)
    assert len(written) <= _TAGS_AT_MOST, "what we say of a recording is short"
    return written


def read_tags(packet: bytes) -> dict[str, str] | None:
    """Return the comments of an OpusTags packet; None when it is none."""
    found: dict[str, str] = {}
    try:
        if packet[:8] != b"OpusTags":
            return None
        at = 12 + struct.unpack_from("<I", packet, 8)[0]
        (count,) = struct.unpack_from("<I", packet, at)
        at += 4
        for _ in range(min(count, 64)):
            (size,) = struct.unpack_from("<I", packet, at)
            name, _, value = packet[at + 4 : at + 4 + size].decode().partition("=")
            found[name] = value
            at += 4 + size
    except (struct.error, UnicodeDecodeError):
        return None
    return found


def silence(samples: int) -> list[bytes]:
    """Return packets that play `samples` (a multiple of 120) of silence."""
    frames, rest = divmod(samples, _FRAME)
    packets: list[bytes] = []
    while frames:
        count = min(frames, opus_packets.LONGEST // _FRAME)
        packets.append(bytes((_SILENT_20_MS | _CODE_THREE, count)) + _SILENT_FRAME * count)
        frames -= count
    if rest:
        count = rest // _UNIT
        packets.append(bytes((_SILENT_UNITS | _CODE_THREE, count)) + _SILENT_FRAME * count)
    return packets


def concealed(samples: int, toc: int) -> list[bytes]:
    """Return packets of empty frames in the mode of `toc`, as many as fit in `samples`."""
    each = opus_packets.frame_samples(bytes((toc,)))
    frames = samples // each
    packets: list[bytes] = []
    while frames:
        count = min(frames, opus_packets.LONGEST // each)
        packets.append(bytes((toc & 0xFC | _CODE_THREE, count)))
        frames -= count
    return packets


class OpusStream:
    """Writes one logical stream. Positions are samples since the recording began.

    What its methods return is to be appended to the file, whole pages always.
    """

    def __init__(
        self, serial: int, *, number: int = 0, granule: int = 0, page_samples: int = _PAGE_SAMPLES
    ) -> None:
        self._serial = serial
        self._page_samples = page_samples
        self._number = number
        self._granule = granule
        self._packets: list[bytes] = []
        self._segments = 0
        self._written = granule
        self._toc: int | None = None
        self._was_dtx = False
        self.left_out = 0

    @property
    def granule(self) -> int:
        """The granule position that the next page begins at, once all is flushed."""
        return self._granule

    @property
    def number(self) -> int:
        """The number of the next page."""
        return self._number

    @property
    def end(self) -> int:
        """The position up to which there is sound, or silence."""
        return self._granule - PRE_SKIP

    def begin(self, comments: dict[str, str]) -> bytes:
        """Return the headers, and the silence that a decoder skips while it finds its feet."""
        pages = self._page((head(),), ogg.BEGINS) + self._page((tags(comments),), 0)
        self._packets, self._granule = silence(PRE_SKIP), PRE_SKIP
        self._segments = len(self._packets)
        return pages

    def put(self, position: int, payload: bytes) -> bytes:
        """Add a packet at its place."""
        samples = opus_packets.duration(payload)
        if samples is None or position - self.end < -_OVERLAP_AT_MOST:
            self.left_out += 1
            return b""
        pages = self._fill(position - self.end) if position > self.end else b""
        self._toc, self._was_dtx = payload[0], opus_packets.is_dtx(payload)
        return pages + self._add(payload, samples)

    def pass_time(self, position: int) -> bytes:
        """Be silent up to `position`."""
        if position <= self.end:
            return b""
        pages = self._fill(position - self.end)
        self._toc = None
        return pages

    def flush(self) -> bytes:
        """Return the page that was being filled."""
        if not self._packets:
            return b""
        packets, self._packets, self._segments = tuple(self._packets), [], 0
        return self._page(packets, 0)

    def finish(self) -> bytes:
        """Return the last page, which says that it is the last."""
        if not self._packets:
            self._add(silence(_FRAME)[0], _FRAME)
        return self._page(tuple(self._packets), ogg.ENDS)

    def _fill(self, gap: int) -> bytes:
        most = _DTX_AT_MOST if self._was_dtx else _CONCEALED_AT_MOST
        gap -= gap % _UNIT
        is_short = self._toc is not None and gap <= most
        packets = concealed(gap, self._toc or 0) if is_short else silence(gap)
        return b"".join(self._add(packet, opus_packets.duration(packet) or 0) for packet in packets)

    def _add(self, packet: bytes, samples: int) -> bytes:
        segments = ogg.segments_of(packet)
        full = self._segments + segments > ogg.SEGMENTS
        full = full or self._granule + samples - self._written > self._page_samples
        pages = self.flush() if full else b""
        self._packets.append(packet)
        self._segments += segments
        self._granule += samples
        return pages

    def _page(self, packets: tuple[bytes, ...], flags: int) -> bytes:
        page = ogg.Page(
            flags=flags, granule=self._granule, serial=self._serial, number=self._number, packets=packets
        )
        self._number += 1
        self._written = self._granule
        return ogg.write(page)
