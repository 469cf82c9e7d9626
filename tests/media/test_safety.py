"""The safety buffer: what was just heard can be had for a report, and nothing else is kept anywhere."""

import asyncio
from pathlib import Path

import pytest

from fedispace.errors import NotFound
from fedispace.media.live.clip import Clip, clip_of
from fedispace.media.live.messages import KeptPacket
from fedispace.media.live.protocol import MAX_FRAME, frame
from fedispace.media.live.repacketizer import Sound as Spoken
from fedispace.media.live.safety import Ring, SafetyBuffer, Store
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import Samples
from tests.media.peers import Listener, Sound, Speaker
from tests.media.playing import played
from tests.media.studio import Studio
from tests.media.talking import strength

_VOICE = b"\xf8" + bytes(79)


def _spoken(number: int, size: int = 80) -> Spoken:
    return Spoken(_VOICE[:1] + bytes(size - 1), marker=False, sequence=number, timestamp=960 * number)


def _whole(ring: Ring, seconds: float, now: float) -> list[KeptPacket]:
    packets: list[KeptPacket] = []
    while True:
        piece = ring.piece(seconds, packets[-1].number if packets else 0, now)
        packets += piece.packets
        if piece.is_last:
            return packets


def test_a_ring_holds_the_last_seconds_and_no_more() -> None:
    ring = Ring(10.0, Store(), 0.0)
    for number in range(3000):
        ring.put(_spoken(number), number / 50)

    kept = _whole(ring, 60, 59.98)

    assert len(kept) == 501
    assert (kept[0].sequence, kept[-1].sequence) == (2499, 2999)


def test_a_ring_forgets_although_nobody_speaks() -> None:
    buffer = SafetyBuffer(10.0)
    ring = buffer.room_opens("hall", 0.0)
    assert ring is not None
    ring.put(_spoken(1), 1.0)

    buffer.tick(11.5)

    assert len(ring) == 0
    assert buffer.octets == 0


def test_every_piece_fits_a_frame_and_together_they_are_whole() -> None:
    ring = Ring(60.0, Store(), 0.0)
    for number in range(3000):
        ring.put(_spoken(number, size=1200), number / 50)

    after, found = 0, list[int]()
    while True:
        piece = ring.piece(60, after, 60.0)
        assert len(frame(piece)) < MAX_FRAME
        found += [packet.sequence for packet in piece.packets]
        after = piece.packets[-1].number
        if piece.is_last:
            break

    assert found == list(range(found[0], 3000))
    assert len(found) > 2900


def test_rooms_together_are_bounded_and_the_one_that_speaks_pays() -> None:
    store = Store(octets=(128 << 20) - 3000)
    ring = Ring(60.0, store, 0.0)

    for number in range(50):
        ring.put(_spoken(number, size=1000), number / 50)

    assert store.octets <= 128 << 20
    assert [packet.sequence for packet in _whole(ring, 60, 1.0)] == [48, 49]


def test_nothing_is_left_of_a_room_that_is_over() -> None:
    buffer = SafetyBuffer(60.0)
    ring = buffer.room_opens("hall", 0.0)
    assert ring is not None
    ring.put(_spoken(1), 0.1)

    buffer.room_closes("hall")
    ring.put(_spoken(2), 0.2)

    assert buffer.octets == 0
    with pytest.raises(NotFound):
        buffer.piece("hall", 60, 0, 0.3)


def test_with_no_seconds_nothing_is_kept() -> None:
    assert SafetyBuffer(0).room_opens("hall", 0.0) is None


def test_a_clip_lasts_as_long_as_it_took_pauses_included() -> None:
    packets = [KeptPacket(n, n, 960 * n, 100 + n / 50, _VOICE) for n in range(50)]

    clip = clip_of(packets, now=105.0, seconds=8.0)

    assert clip.seconds == pytest.approx(8.0, abs=0.05)
    assert "sound" not in repr(clip)


@pytest.mark.privacy("P-09")
async def test_a_clip_of_a_real_room_holds_what_was_heard_without_the_muted_and_the_disk_holds_nothing(
    tmp_path: Path,
) -> None:
    async with (
        Studio(tmp_path, safety_seconds=3.0) as studio,
        Speaker(studio) as anna,
        Speaker(studio) as bert,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        await anna.publish(Sound.tone(440))
        await bert.publish(Sound.tone(880), participant="bert")
        await studio.client.mute("room", "bert", True)
        await listener.listen(4.5)
        clip = await studio.client.clip("room", 2.0)
        held = (await studio.client.status()).safety_bytes
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        await studio.client.close_room("room")
        with pytest.raises(NotFound):
            await studio.client.clip("room", 2.0)
        after = (await studio.client.status()).safety_bytes

    sound = _played(tmp_path, clip)
    assert clip.seconds == pytest.approx(2.0, abs=0.1)
    assert strength(sound[RATE // 4 :], 440) > 4000
    assert strength(sound[RATE // 4 :], 880) < 400
    assert 0 < held < 200_000
    assert after == 0
    assert files == []


async def test_both_who_speak_at_once_are_in_the_clip_though_nobody_listens(tmp_path: Path) -> None:
    async with (
        Studio(tmp_path, safety_seconds=10.0) as studio,
        Speaker(studio) as anna,
        Speaker(studio) as bert,
    ):
        await asyncio.gather(anna.publish(Sound.tone(440)), bert.publish(Sound.tone(880)))
        clip = await eventually(
            "three seconds are kept",
            lambda: studio.client.clip("room", 3.0),
            lambda found: found.seconds >= 2.9,
        )
        clip = await studio.client.clip("room", 1.5)

    sound = _played(tmp_path, clip)
    assert strength(sound[RATE // 4 :], 440) > 4000
    assert strength(sound[RATE // 4 :], 880) > 4000


async def test_without_a_safety_buffer_there_is_no_clip(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Speaker(studio) as anna:
        await anna.publish(Sound.tone(440))
        with pytest.raises(NotFound):
            await studio.client.clip("room", 10.0)


def _played(directory: Path, clip: Clip) -> Samples:
    path = directory / "clip.opus"
    path.write_bytes(clip.sound)
    return played(path)
