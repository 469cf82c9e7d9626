"""RTCP, read from strangers and written for them: checked against aiortc's own reader and writer."""

import random
import struct

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)

from fedispace.media.live import rtcp
from fedispace.media.live.rtcp import Clock, SenderInfo
from tests.media.test_rtp import reception_with_losses

_STREAMS = [SenderInfo(ssrc=ssrc, timestamp=77, packets=3, octets=240) for ssrc in (9, 10, 11)]


def test_a_sender_report_is_what_a_stock_reader_understands() -> None:
    parts = RtcpPacket.parse(rtcp.sender_report(_STREAMS, at=1.5, cname="x"))

    reports, descriptions = parts[:3], parts[3:]
    for description, ssrc in zip(descriptions, (9, 10, 11), strict=True):
        assert isinstance(description, RtcpSdesPacket)
        assert [(chunk.ssrc, chunk.items) for chunk in description.chunks] == [(ssrc, [(1, b"x")])]
    for report, ssrc in zip(reports, (9, 10, 11), strict=True):
        assert isinstance(report, RtcpSrPacket)
        assert report.ssrc == ssrc
        assert (report.sender_info.rtp_timestamp, report.sender_info.packet_count) == (77, 3)
        assert report.sender_info.ntp_timestamp == (2_208_988_801 << 32) | (1 << 31)


def test_a_receiver_report_counts_what_was_lost() -> None:
    data = rtcp.receiver_report(ssrc=5, block=reception_with_losses().block(2.0), cname="x")
    report = RtcpPacket.parse(data)[0]

    assert isinstance(report, RtcpRrPacket)
    (block,) = report.reports
    assert (block.ssrc, block.packets_lost, block.fraction_lost) == (1234, 2, 51)
    assert (block.highest_sequence, block.lsr, block.dlsr) == (65_539, 0xABCD, 65_536)
    assert block.jitter == 0


def test_a_goodbye_is_what_a_stock_reader_understands() -> None:
    first, *descriptions, bye = RtcpPacket.parse(rtcp.goodbye([9, 10], "name"))

    assert isinstance(first, RtcpRrPacket)
    assert all(isinstance(description, RtcpSdesPacket) for description in descriptions)
    assert isinstance(bye, RtcpByePacket)
    assert bye.sources == [9, 10]


def _told() -> bytes:
    """Return what a stock writer makes of a sender report with a block, and a goodbye."""
    info = RtcpSenderInfo(ntp_timestamp=0x1234_5678_9ABC_DEF0, rtp_timestamp=5, packet_count=1, octet_count=2)
    block = RtcpReceiverInfo(
        ssrc=99, fraction_lost=64, packets_lost=-3, highest_sequence=70_000, jitter=480, lsr=1, dlsr=2
    )
    sender = RtcpSrPacket(ssrc=7, sender_info=info, reports=[block])
    receiver = RtcpRrPacket(ssrc=7, reports=[block])
    return bytes(sender) + bytes(receiver) + bytes(RtcpByePacket(sources=[7, 8]))


def test_what_a_stock_writer_says_is_understood() -> None:
    told = rtcp.read(_told())

    assert told is not None
    assert told.clocks == (Clock(7, 0x5678_9ABC),)
    assert told.goodbyes == (7, 8)
    assert len(told.blocks) == 2
    block = told.blocks[0]
    assert (block.ssrc, block.fraction_lost, block.lost, block.jitter) == (99, 64, -3, 480)


def test_a_reduced_packet_of_any_kind_is_read() -> None:
    bye = rtcp.read(bytes(RtcpByePacket(sources=[7])))
    feedback = rtcp.read(struct.pack("!BBHII", 0x81, 205, 2, 1, 2))

    assert bye is not None
    assert bye.goodbyes == (7,)
    assert feedback is not None
    assert feedback.blocks == ()


@pytest.mark.attack(100)
def test_nothing_that_is_received_raises_and_what_is_malformed_is_refused() -> None:
    chance = random.Random(5)
    whole = _told()
    for size in range(len(whole)):
        rtcp.read(whole[:size])
    for _ in range(20_000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        rtcp.read(bytes(data))
    for data in (b"", bytes(8), b"\x9f\xc8\x00\x01" + bytes(4), b"\x9f\xcb\x00\x01" + bytes(4), whole * 20):
        assert rtcp.read(data) is None


def test_reports_of_many_do_not_fall_together() -> None:
    assert [rtcp.interval(chance) for chance in (0.0, 0.5, 1.0)] == [2.5, 5.0, 7.5]
