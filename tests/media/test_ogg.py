"""Pages: their checksum, that they come back as they went, and that nothing unsound is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.media.live import ogg

_PACKETS = st.lists(st.binary(max_size=1300), max_size=30).map(tuple)


def _slow_checksum(data: bytes) -> int:
    """The CRC as RFC 3533 describes it, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


@given(st.binary(max_size=2000))
def test_the_checksum_is_that_of_the_rfc(data: bytes) -> None:
    assert ogg.checksum(data) == _slow_checksum(data)


@given(
    _PACKETS,
    st.integers(0, 2**62),
    st.integers(0, 2**32 - 1),
    st.sampled_from((0, ogg.BEGINS, ogg.ENDS)),
    st.binary(max_size=20),
)
def test_a_page_comes_back_as_it_went(
    packets: tuple[bytes, ...], granule: int, serial: int, flags: int, after: bytes
) -> None:
    page = ogg.Page(flags=flags, granule=granule, serial=serial, number=3, packets=packets)

    data = ogg.write(page)

    assert ogg.read(data + after) == (page, len(data))


@given(_PACKETS, st.data())
def test_a_page_with_a_wrong_bit_is_no_page(packets: tuple[bytes, ...], data: st.DataObject) -> None:
    whole = bytearray(ogg.write(ogg.Page(flags=0, granule=1, serial=2, number=3, packets=packets)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))

    assert ogg.read(bytes(whole)) is None


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    ogg.read(b"OggS" + data)
    ogg.find(data)


def test_a_page_is_found_behind_what_is_none() -> None:
    page = ogg.write(ogg.Page(flags=0, granule=1, serial=2, number=3, packets=(b"sound",)))

    assert ogg.find(b"OggS" + bytes(40) + page) == 44


def test_a_page_holds_no_more_than_its_255_segments() -> None:
    page = ogg.Page(flags=0, granule=0, serial=0, number=0, packets=(bytes(100),) * 256)

    with pytest.raises(AssertionError):
        ogg.write(page)
