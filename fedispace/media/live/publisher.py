"""A publisher's incoming stream: policed, decrypted, parsed. Identity is the transport's, never a
field of a packet, so no SSRC that a sender writes can make him look like another."""

from collections import Counter

from fedispace.media.live import red, rtp
from fedispace.media.live.dtls import DtlsTransport
from fedispace.media.live.fanout import LARGEST_PAYLOAD
from fedispace.media.live.limits import Bucket
from fedispace.media.live.reception import Reception
from fedispace.media.live.sdp import Offer

_PACKETS_PER_SECOND = 200.0
_BYTES_PER_SECOND = 32_000.0
_SOURCES = 16


class Publisher:
    """Turns encrypted packets into `rtp.Packet`s, or drops them with a reason."""

    def __init__(self, offer: Offer, keys: DtlsTransport, refused: Counter[str], now: float) -> None:
        self.silent = False
        self.heard_at = now
        self.reception: Reception | None = None
        self.reported_at = now
        self._offer = offer
        self._keys = keys
        self._refused = refused
        self._packets = Bucket(rate=_PACKETS_PER_SECOND, burst=_PACKETS_PER_SECOND, now=now)
        self._bytes = Bucket(rate=_BYTES_PER_SECOND, burst=_BYTES_PER_SECOND, now=now)
        self._sources: set[int] = set()

    def receive(self, data: bytes, now: float) -> rtp.Packet | None:
        """Return the packet to play, if this is one."""
        if rtp.is_rtcp(data):
            self._receive_rtcp(data, now)
            return None
        if not self._packets.take(1, now) or not self._bytes.take(len(data), now):
            self._refused["publisher_rate"] += 1
            return None
        if data[1] & 0x7F not in (self._offer.payload_type, self._offer.red_payload_type):
            self._refused["payload_type"] += 1
            return None
        ssrc = rtp.ssrc_of(data)
        if ssrc not in self._sources and len(self._sources) >= _SOURCES:
            # The C library keeps a context for each source it ever saw.
            self._refused["sources"] += 1
            return None
        plain = self._keys.open_rtp(data)
        if plain is None:
            self._refused["srtp"] += 1
            return None
        self._sources.add(ssrc)
        self.heard_at = now
        packet = rtp.read(plain, self._offer.level_extension)
        if packet is not None and packet.payload_type == self._offer.red_payload_type:
            packet = self._newest(packet)
        if packet is None or len(packet.payload) > LARGEST_PAYLOAD:
            self._refused["rtp"] += 1
            return None
        if self.reception is None or self.reception.ssrc != ssrc:
            self.reception = Reception(ssrc, packet.sequence)
        self.reception.receive(packet.sequence, packet.timestamp, now)
        return None if self.silent else packet

    def report(self, ssrc: int, cname: str, now: float) -> bytes | None:
        """Return a receiver report, encrypted, when there is something to report on."""
        self.reported_at = now
        if self.reception is None:
            return None
        block = self.reception.block(now)
        return self._keys.seal_rtcp(rtp.receiver_report(ssrc=ssrc, block=block, cname=cname))

    def _newest(self, packet: rtp.Packet) -> rtp.Packet | None:
        """Return the Opus frame that a packet with redundancy is for."""
        blocks = red.read(packet.payload)
        if not blocks or blocks[-1].payload_type != self._offer.payload_type:
            return None
        packet.payload_type, packet.payload = self._offer.payload_type, blocks[-1].data
        return packet

    def _receive_rtcp(self, data: bytes, now: float) -> None:
        if self.reception is None or not self._packets.take(1, now):
            return
        plain = self._keys.open_rtcp(data)
        middle = rtp.sender_report_time(plain) if plain is not None else None
        if middle is not None:
            self.heard_at = now
            self.reception.note_report(middle, now)
