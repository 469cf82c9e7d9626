"""The programme as a live Ogg stream, in virtual time: what each reader gets is a stream of its own."""

import itertools

from fedispace.media.live import ogg
from fedispace.media.live.broadcast import Broadcast, Copy, Cut
from fedispace.media.live.ogg import Page
from fedispace.media.live.ogg_opus import PRE_SKIP, head, tags
from fedispace.media.live.opus_packets import duration
from fedispace.media.live.tap import Tapped
from tests.media.playing import played
from tests.media.talking import RATE, packets_of, strength, tone

_STEP = 0.2
_AUDIBLE = 4000


def _pages(data: bytes) -> list[Page]:
    found, at = [], 0
    while at < len(data):
        read = ogg.read(data, at)
        assert read is not None, "every page is whole and has the right checksum"
        page, at = read
        found.append(page)
    return found


def _tapped(payloads: list[bytes], *, start: float, first: int = 7) -> list[Tapped]:
    return [
        Tapped(payload, False, 1, first + number, 960 * (first + number), start + number / 50)
        for number, payload in enumerate(payloads)
    ]


def _cuts(packets: list[Tapped], seconds: float) -> list[Cut]:
    broadcast, cuts, now = Broadcast(0.0), [], 0.0
    while now < seconds:
        before, now = now, now + _STEP
        cuts.append(broadcast.cut([packet for packet in packets if before <= packet.at < now], now))
    return cuts


def _samples(page: Page) -> int:
    return sum(duration(packet) or 0 for packet in page.packets)


def test_a_stream_begins_with_its_headers_and_goes_on_without_a_hole() -> None:
    cuts = _cuts(_tapped(packets_of(tone(440, 2.0)), start=0.5), 3.0)
    copy = Copy()

    pages = _pages(copy.begin() + b"".join(copy.next(cut) for cut in cuts) + copy.finish())

    assert pages[0].packets == (head(),)
    assert pages[0].flags == ogg.BEGINS
    assert pages[1].packets == (tags({}),)
    assert [page.number for page in pages] == list(range(len(pages)))
    assert len({page.serial for page in pages}) == 1
    assert pages[-1].flags == ogg.ENDS
    sounding = pages[2:]
    assert [page.granule for page in sounding] == list(itertools.accumulate(map(_samples, sounding)))
    assert max(map(_samples, sounding[1:])) <= RATE // 5
    assert strength(played(b"".join(ogg.write(page) for page in pages))[RATE:], 440) > _AUDIBLE


def test_whoever_comes_later_hears_what_is_said_from_then_on_and_begins_at_nought() -> None:
    packets = _tapped(packets_of(tone(440, 2.0)), start=0.0)
    packets += _tapped(packets_of(tone(990, 2.0)), start=2.0, first=107)
    late, early = Copy(), Copy()
    cuts = _cuts(packets, 4.0)
    said = [early.begin(), *(early.next(cut) for cut in cuts[:12])]
    heard = late.begin()
    for cut in cuts[12:]:
        said.append(early.next(cut))
        heard += late.next(cut)

    pages = _pages(heard)
    assert pages[3].granule == PRE_SKIP + _samples(pages[3])
    assert pages[3].serial != _pages(b"".join(said))[0].serial
    assert strength(played(heard), 990) > _AUDIBLE
    assert strength(played(b"".join(said))[:RATE], 440) > _AUDIBLE


def test_silence_is_written_while_nobody_speaks() -> None:
    seconds = 4.0
    copy = Copy()
    heard = copy.begin() + b"".join(copy.next(cut) for cut in _cuts([], seconds))

    assert seconds - 0.7 < len(played(heard)) / RATE < seconds


def test_what_was_left_out_is_no_hole_to_the_reader() -> None:
    cuts = _cuts(_tapped(packets_of(tone(440, 4.0)), start=0.0), 4.0)
    copy = Copy()
    heard = copy.begin() + b"".join(copy.next(cut) for cut in (*cuts[:5], *cuts[12:]))

    pages = _pages(heard)
    assert [page.number for page in pages] == list(range(len(pages)))
    assert pages[-1].granule == sum(map(_samples, pages[2:]))
    assert strength(played(heard), 440) > _AUDIBLE


def test_a_process_that_stood_still_does_not_make_up_for_it_by_hours_of_silence() -> None:
    broadcast = Broadcast(0.0)
    broadcast.cut([], 0.2)

    assert broadcast.cut([], 7200.0).samples < RATE
