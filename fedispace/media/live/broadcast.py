"""The programme as a live Ogg/Opus stream: pages of 200 ms that every reader of a room gets at the same time.

    packets of the tap --Timeline, OpusStream--> Cut, once a room --numbered anew--> Copy, once a reader

What costs is done once: packets are put in order and in their place, and silence is written where there
is nothing (a player that is sent nothing stops). A reader's own part is cheap: his stream begins with headers
and at position 0 whenever he comes, so the pages get his serial number, numbers, positions and checksum
(RFC 3533, section 6). Whoever is too slow is not sent some of them; what he is sent later follows without
a gap, so to him the room has only jumped.

Silence is written `_LAG` behind the present, so that packets which come late still find their place.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from fedispace.media.live import ogg
from fedispace.media.live.continuity import RATE
from fedispace.media.live.ogg_opus import PRE_SKIP, OpusStream, silence
from fedispace.media.live.tap import Tapped
from fedispace.media.live.timeline import Timeline

MEDIA_TYPE: Final = "audio/ogg; codecs=opus"
PAGE_SECONDS: Final = 0.2
_PAGE_SAMPLES: Final = RATE // 5
_LAG: Final = 0.4
_STOOD_STILL: Final = 5.0
_LAST: Final = 960


@dataclass(frozen=True, slots=True)
class Cut:
    """Whole pages of the room's stream, which begin at a granule position and last so many samples."""

    pages: bytes
    granule: int
    samples: int


class Broadcast:
    """One room's stream. Pure: packets and time are arguments."""

    def __init__(self, now: float) -> None:
        self._stream = OpusStream(0, page_samples=_PAGE_SAMPLES)
        self._stream.begin({})
        self._stream.flush()
        self._timeline = Timeline(now)
        self._cut_at = now
        self._turn = 0
        self._sequence = -1

    def cut(self, packets: list[Tapped], now: float) -> Cut:
        """Return what was said since the last cut, or silence."""
        stream = self._stream
        if now - self._cut_at > _STOOD_STILL:  # so did the process: nobody waits for that silence
            self._timeline = Timeline(now - stream.end / RATE)
        self._cut_at = now
        before = stream.granule
        pages: list[bytes] = []
        for packet in sorted(packets, key=lambda packet: (packet.turn, packet.sequence)):
            if packet.turn == self._turn and packet.sequence <= self._sequence:
                continue
            position = self._timeline.place(packet.turn, packet.timestamp, packet.at)
            self._turn, self._sequence = packet.turn, packet.sequence
            pages.append(stream.put(position, packet.payload))
        pages.append(stream.pass_time(self._timeline.position(now - _LAG)))
        pages.append(stream.flush())
        return Cut(b"".join(pages), before, stream.granule - before)


class Copy:
    """One reader's stream."""

    def __init__(self) -> None:
        self._serial = secrets.randbits(32)
        self._number = 0
        self._granule = 0

    def begin(self) -> bytes:
        """Return the headers, and the silence that a decoder skips."""
        own = OpusStream(self._serial)
        pages = own.begin({}) + own.flush()
        self._number, self._granule = own.number, PRE_SKIP
        return pages

    def next(self, cut: Cut) -> bytes:
        """Return a cut's pages as they follow what came before."""
        later = self._granule - cut.granule
        pages, self._number = ogg.renumbered(cut.pages, serial=self._serial, number=self._number, later=later)
        self._granule += cut.samples
        return pages

    def finish(self) -> bytes:
        """Return the last page, which says that it is the last."""
        last = ogg.Page(
            flags=ogg.ENDS,
            granule=self._granule + _LAST,
            serial=self._serial,
            number=self._number,
            packets=tuple(silence(_LAST)),
        )
        return ogg.write(last)
