"""A publisher's incoming stream: policed, decrypted, parsed, repaired. Identity is the transport's,
never a field of a packet, so no SSRC, MID or contributing source that a sender writes can make him
look like another.

What leaves here is plain Opus whose structure was checked, each number once, at most as many packets
and bytes a second as anybody who speaks needs. Everything else is counted and dropped, the cheapest
tests first, so that a flood costs its sender's room next to nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fedispace.media.live import opus_packets, red, rtcp, rtp
from fedispace.media.live.continuity import RATE
from fedispace.media.live.dtls import DtlsTransport
from fedispace.media.live.fanout import LARGEST_PAYLOAD
from fedispace.media.live.feedback import SHARES, Told
from fedispace.media.live.limits import Bucket
from fedispace.media.live.reception import Reception
from fedispace.media.live.repair import Repair
from fedispace.media.live.sdp import Audio

_PACKETS_PER_SECOND = 200.0
_BYTES_PER_SECOND = 32_000.0
_REPORTS_PER_SECOND = 10.0
_SOURCES = 16

_NOTHING: tuple[rtp.Packet, ...] = ()


@dataclass(slots=True)
class UplinkCounts:
    """Of all publishers: packets that carried copies, and packets that were made of copies."""

    redundant: int = 0
    repaired: int = 0


class Publisher:
    """Turns encrypted packets into `rtp.Packet`s, or drops them with a reason."""

    def __init__(
        self,
        audio: Audio,
        keys: DtlsTransport,
        refused: Counter[str],
        counts: UplinkCounts,
        now: float,
        *,
        on_goodbye: Callable[[], None],
    ) -> None:
        self.silent = False
        self.heard_at = now
        self.reception: Reception | None = None
        self.told: Told | None = None
        self._repair = Repair()
        self._opus = audio.payload_type
        self._red = audio.red_payload_type
        self._level = audio.level_extension
        self._keys = keys
        self._refused = refused
        self._counts = counts
        self._on_goodbye = on_goodbye
        self._packets = Bucket(rate=_PACKETS_PER_SECOND, burst=_PACKETS_PER_SECOND, now=now)
        self._bytes = Bucket(rate=_BYTES_PER_SECOND, burst=_BYTES_PER_SECOND, now=now)
        self._reports = Bucket(rate=_REPORTS_PER_SECOND, burst=2 * _REPORTS_PER_SECOND, now=now)
        self._sources: set[int] = set()

    def receive(self, data: bytes, now: float) -> tuple[rtp.Packet, ...]:
        """Return the packets to play because of this one, in order; mostly itself."""
        if rtp.is_rtcp(data):
            self._receive_rtcp(data, now)
            return _NOTHING
        if not self._packets.take(1, now) or not self._bytes.take(len(data), now):
            return self._refuse("publisher_rate")
        kind = data[1] & 0x7F
        if kind != self._opus and kind != self._red:
            return self._refuse("payload_type")
        ssrc = rtp.ssrc_of(data)
        if ssrc not in self._sources and len(self._sources) >= _SOURCES:
            # The C library keeps a context for each source it ever saw.
            return self._refuse("sources")
        plain = self._keys.open_rtp(data)
        if plain is None:
            return self._refuse("srtp")
        self._sources.add(ssrc)
        self.heard_at = now
        packet = rtp.read(plain, self._level)
        if packet is None:
            return self._refuse("rtp")
        self._count(packet, now)
        return self._played(packet, now)

    def report(self, ssrc: int, cname: str, now: float) -> bytes | None:
        """Return a receiver report, encrypted, when there is something to report on."""
        if self.reception is None:
            return None
        block = self.reception.block(now)
        self.told = Told(at=now, lost=block.fraction_lost / SHARES, jitter=block.jitter / RATE)
        return self._keys.seal_rtcp(rtcp.receiver_report(ssrc=ssrc, block=block, cname=cname))

    def _count(self, packet: rtp.Packet, now: float) -> None:
        if self.reception is None or self.reception.ssrc != packet.ssrc:
            self.reception = Reception(packet.ssrc, packet.sequence)
        self.reception.receive(packet.sequence, packet.timestamp, now)

    def _played(self, packet: rtp.Packet, now: float) -> tuple[rtp.Packet, ...]:
        """Return what to play of a packet, and before it of what it carries of others."""
        copies: tuple[red.Block, ...] = ()
        if packet.payload_type != self._opus:
            redundant = red.read(packet.payload, self._opus)
            if redundant is None:
                return self._refuse("red")
            packet.payload, copies = redundant.primary, redundant.copies
            packet.payload_type = self._opus
            self._counts.redundant += 1
        if not _is_playable(packet.payload):
            return self._refuse("opus")
        playable = tuple(copy for copy in copies if _is_playable(copy.payload)) if copies else ()
        packets = self._repair.take(packet, playable)
        # Who makes many packets out of few by leaving numbers out is policed by what comes out.
        if len(packets) > 1 and not self._packets.take(len(packets) - 1, now):
            self._refused["publisher_rate"] += len(packets) - 1
            packets = packets[-1:]
        if len(packets) > 1:
            self._counts.repaired += len(packets) - 1
        return _NOTHING if self.silent else packets

    def _refuse(self, reason: str) -> tuple[rtp.Packet, ...]:
        self._refused[reason] += 1
        return _NOTHING

    def _receive_rtcp(self, data: bytes, now: float) -> None:
        if not self._reports.take(1, now) or not self._bytes.take(len(data), now):
            self._refused["publisher_rate"] += 1
            return
        plain = self._keys.open_rtcp(data)
        if plain is None:
            self._refused["srtp"] += 1
            return
        self.heard_at = now
        told = rtcp.read(plain)
        reception = self.reception
        if told is None or reception is None:
            return
        for clock in told.clocks:
            if clock.ssrc == reception.ssrc:
                reception.note_report(clock.middle, now)
        if reception.ssrc in told.goodbyes:
            self.reception = None
            self._on_goodbye()


def _is_playable(payload: bytes) -> bool:
    return len(payload) <= LARGEST_PAYLOAD and opus_packets.duration(payload) is not None
