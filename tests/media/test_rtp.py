"""RTP, read from strangers and written for them: checked against aiortc's own reader."""

import random
import struct

from aiortc.rtp import RtpPacket

from fedispace.media.live import rtp
from fedispace.media.live.reception import Reception


def _packet(*, level: int | None = None, two_byte: bool = False, padding: int = 0, sources: int = 0) -> bytes:
    first = 0x80 | sources | (0x10 if level is not None else 0) | (0x20 if padding else 0)
    data = struct.pack("!BBHII", first, 0x80 | 111, 7, 960, 1234) + bytes(4 * sources)
    if level is not None and two_byte:
        data += struct.pack("!HH", 0x1000, 2) + bytes((3, 1, 9, 0, 1, 1, level, 0))
    elif level is not None:
        data += struct.pack("!HH", 0xBEDE, 2) + bytes((0x30, 9, 0, 0x10, level, 0, 0, 0))
    return data + b"opus" + (bytes(padding - 1) + bytes((padding,)) if padding else b"")


def test_a_packet_is_read() -> None:
    packet = rtp.read(_packet(), None)

    assert packet is not None
    assert (packet.payload_type, packet.marker, packet.sequence, packet.timestamp) == (111, True, 7, 960)
    assert (packet.ssrc, packet.level, packet.payload) == (1234, None, b"opus")


def test_the_level_is_found_among_extensions_of_both_forms() -> None:
    for data in (_packet(level=0x80 | 30), _packet(level=0x80 | 30, two_byte=True)):
        packet = rtp.read(data, 1)
        assert packet is not None
        assert (packet.level, packet.payload) == (30, b"opus")


def test_sources_and_padding_are_taken_off() -> None:
    packet = rtp.read(_packet(sources=3, padding=8, level=5), 1)

    assert packet is not None
    assert packet.payload == b"opus"


def test_nothing_that_is_received_raises() -> None:
    chance = random.Random(7)
    whole = _packet(sources=2, padding=4, level=5)
    for size in range(len(whole)):
        rtp.read(whole[:size], 1)
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        rtp.read(bytes(data), 1)


def test_a_header_is_what_a_stock_reader_understands() -> None:
    data = rtp.header(payload_type=96, marker=True, sequence=65_535, timestamp=5, ssrc=9) + b"opus"
    packet = RtpPacket.parse(data)

    assert (packet.payload_type, packet.marker, packet.sequence_number) == (96, 1, 65_535)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (5, 9, b"opus")


def reception_with_losses() -> Reception:
    """Return what became of ten packets, two of which were lost, and of a report."""
    reception = Reception(1234, 65_530)
    for n in (0, 1, 2, 3, 5, 6, 7, 9):
        reception.receive((65_530 + n) & 0xFFFF, 960 * n, n * 0.02)
    reception.note_report(0xABCD, 1.0)
    return reception
