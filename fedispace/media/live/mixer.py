"""The mixer: from the talkers' packets to one packet, every 20 ms.

    packets -> jitter buffer -> decoder -> frame of 20 ms --+
    packets -> jitter buffer -> decoder -> frame of 20 ms --+--> limiter -> encoder -> one packet
    ...

A talker joins with the packets of a moment ago: those before them warm his decoder up and are not
heard, so that he begins without a click. The encoder is warmed up likewise with what the listeners
heard last, and the first packet it gives out leans on no other, because their decoders remember
somebody else's. Packets that do not decode count as lost. What anybody sends concerns his own voice
only.

This module needs numpy and libopus and is loaded when a room first may need them (`mixers`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedispace.media.live import opus_packets, rtp
from fedispace.media.live.jitter import FRAME, JitterBuffer, Piece, What
from fedispace.media.live.mixing import FULL, Limiter, Samples, crossfaded
from fedispace.media.live.opus import Decoder, Encoder, Undecodable, ffi
from fedispace.media.live.programme import Heard, MixerCounts

_NOTHING: Samples = np.zeros(0, dtype=np.float32)
# Not left to the encoder's DTX, which takes a held note for a silence.
_SILENT_TICKS = 25
_PIECES_EACH = 24
# Among many voices at once nobody hears what a careful search would have gained.
_MANY = 5
_CAREFUL, _QUICK = 5, 1
_FIRST_ROWS = 16
_PARTS_OF_A_CUT = FRAME + FRAME // 2


@dataclass(frozen=True, slots=True)
class Row:
    """Where a talker's frame goes: as an array, and as what libopus writes to."""

    samples: Samples
    pointer: Any


def _rows(frames: Samples) -> list[Row]:
    return [Row(row, ffi.from_buffer("float[]", row)) for row in frames]


class Talker:
    """One publisher in the mix."""

    def __init__(self, warmth: Iterable[rtp.Packet], counts: MixerCounts) -> None:
        self._counts = counts
        self._decoder = Decoder()
        self._buffer = JitterBuffer()
        self._ssrc: int | None = None
        self._ready: Samples = _NOTHING
        self._cuts = 0
        self.last = bytes(2 * FRAME)
        for packet in warmth:
            self.last = self._decoded(packet.payload)[-2 * FRAME :]
            self._ssrc = packet.ssrc

    def hear(self, packet: rtp.Packet, now: float) -> None:
        """Take in a packet."""
        samples = opus_packets.duration(packet.payload)
        if samples is None:
            self._counts.undecodable += 1
            return
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._buffer = JitterBuffer()
            self._decoder.reset()
        self._buffer.put(packet.sequence, packet.timestamp, packet.payload, samples, now)

    def go_on_after(self, packet: rtp.Packet) -> None:
        """Begin with what follows `packet`: the listeners have heard so far."""
        samples = opus_packets.duration(packet.payload) or FRAME
        self._buffer.start_after(packet.sequence, packet.timestamp, samples)

    def fill(self, row: Row, now: float) -> bool:
        """Write the next 20 ms into `row`; False for silence."""
        piece = None
        if not self._cuts and not len(self._ready):
            payload = self._buffer.take_usual(now)
            if payload is not None:
                if self._decoder.decode_into(payload, row.pointer, FRAME):
                    return True
                piece = Piece(What.PLAY, FRAME, payload)
        frame = self._pieced(piece, now)
        if frame is None:
            return False
        row.samples[:] = frame
        return True

    def _pieced(self, piece: Piece | None, now: float) -> Samples | None:
        """Return the next 20 ms of pieces of any length, of which `piece` was taken already."""
        ready = self._ready
        for _ in range(_PIECES_EACH):
            wanted = FRAME + (_PARTS_OF_A_CUT if self._cuts else 0)
            if len(ready) >= wanted:
                break
            piece = piece or self._buffer.take(now)
            if piece.what is What.SILENCE and not len(ready):
                self._cuts = 0
                return None
            sound = np.frombuffer(self._sound(piece), dtype=np.int16).astype(np.float32) / np.float32(FULL)
            ready = np.concatenate([ready, sound]) if len(ready) else sound
            self._cuts += piece.cut
            piece = None
        if self._cuts and len(ready) >= wanted:
            ready = crossfaded(ready, FRAME)
            self._cuts -= 1
        self._ready = ready[FRAME:]
        return ready[:FRAME]

    def _sound(self, piece: Piece) -> bytes:
        match piece.what:
            case What.PLAY:
                return self._decoded(piece.payload)
            case What.REPAIR:
                self._counts.repaired += 1
                return self._repaired(piece)
            case What.CONCEAL:
                self._counts.concealed += 1
                return self._decoder.conceal(piece.samples)
            case What.SILENCE:
                return bytes(2 * piece.samples)

    def _decoded(self, payload: bytes) -> bytes:
        try:
            return self._decoder.decode(payload)
        except Undecodable:
            self._counts.undecodable += 1
            return self._decoder.conceal(opus_packets.duration(payload) or FRAME)

    def _repaired(self, piece: Piece) -> bytes:
        try:
            return self._decoder.repair(piece.payload, piece.samples)
        except Undecodable:
            return self._decoder.conceal(piece.samples)


class Mixer:
    """A room's talkers, limiter and encoder."""

    def __init__(self, counts: MixerCounts) -> None:
        self._counts = counts
        self._talkers: dict[str, Talker] = {}
        self._limiter = Limiter()
        self._sound = ffi.from_buffer("float[]", self._limiter.sum)
        self._frames: Samples = np.zeros((_FIRST_ROWS, FRAME), dtype=np.float32)
        self._rows = _rows(self._frames)
        self._encoder = Encoder(loss_percent=10, complexity=_CAREFUL)
        self._complexity = _CAREFUL
        self._silence = 0
        self._is_first = True

    def __contains__(self, publisher: str) -> bool:
        return publisher in self._talkers

    def __len__(self) -> int:
        return len(self._talkers)

    def join(self, publisher: str, kept: list[Heard], heard_until: int | None) -> None:
        """Add a talker. `kept` are his last packets; up to the timestamp `heard_until` listeners heard
        them, or they heard none and the newest few are played."""
        fresh = kept[-3:] if heard_until is None else [k for k in kept if _is_later(k.packet, heard_until)]
        before = kept[: len(kept) - len(fresh)]
        talker = self._talkers[publisher] = Talker([k.packet for k in before], self._counts)
        if heard_until is not None and before:
            talker.go_on_after(before[-1].packet)
            self._encoder.encode(talker.last.rjust(2 * FRAME, b"\0"))
        for heard in fresh:
            talker.hear(heard.packet, heard.at)
        if len(self._talkers) > len(self._rows):
            self._frames = np.zeros((2 * len(self._rows), FRAME), dtype=np.float32)
            self._rows = _rows(self._frames)

    def hear(self, publisher: str, packet: rtp.Packet, now: float) -> None:
        """Take in a talker's packet."""
        self._talkers[publisher].hear(packet, now)

    def leave(self, publisher: str) -> None:
        """Remove a talker, at once."""
        self._talkers.pop(publisher, None)

    def tick(self, now: float) -> bytes | None:
        """Return the next 20 ms of everybody; None while there is nothing worth sending."""
        rows, count = self._rows, 0
        for talker in self._talkers.values():
            count += talker.fill(rows[count], now)
        if count:
            self._silence = 0
        else:
            self._silence += 1
            if self._silence > _SILENT_TICKS:
                return None
        self._limiter.mix(self._frames[:count])
        complexity = _QUICK if count >= _MANY else _CAREFUL
        if complexity != self._complexity:
            self._complexity = complexity
            self._encoder.try_hard(complexity)
        if self._is_first:
            self._encoder.lean_on_the_past(False)
        payload = self._encoder.encode_from(self._sound)
        if self._is_first:
            self._is_first = False
            self._encoder.lean_on_the_past(True)
        return payload


def _is_later(packet: rtp.Packet, timestamp: int) -> bool:
    return 0 < (packet.timestamp - timestamp) & 0xFFFFFFFF < 1 << 31
