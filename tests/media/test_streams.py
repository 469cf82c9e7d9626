"""Listening over plain HTTP at the real audio server: who may, what is heard, and what ends it."""

import asyncio
import socket
from pathlib import Path

import pytest

from fedispace.clock import SystemClock
from fedispace.errors import Forbidden, NotFound, Unavailable
from fedispace.media.live import grants, ogg
from fedispace.media.live.messages import SfuStatus
from fedispace.media.live.stream_client import introduce
from tests.ground.eventually import eventually
from tests.ground.ports import free_port
from tests.media.peers import Listener, Sound, Speaker
from tests.media.playing import played
from tests.media.reading import Reading
from tests.media.studio import Studio
from tests.media.talking import strength

_AUDIBLE, _INAUDIBLE = 2500, 250


async def test_two_readers_hear_the_speaker_each_in_a_stream_of_their_own_and_are_counted(
    tmp_path: Path,
) -> None:
    async with Studio(tmp_path) as studio, Speaker(studio) as speaker:
        async with Reading(studio) as anna, Reading(studio) as bert:
            await speaker.publish(Sound.tone(440))
            await anna.hears(1.0)
            sounds = [(await reading.hears(2.0)) for reading in (anna, bert)]
            status = await studio.client.status()
            assert status.rooms == {"room": (1, 2)}
            assert status.streams == 2

        for sound in sounds:
            assert strength(sound, 440) > _AUDIBLE
        first, second = (ogg.read(bytes(reading.received)) for reading in (anna, bert))
        assert first is not None
        assert second is not None
        assert first[0].serial != second[0].serial
        await eventually("nobody reads", studio.client.status, lambda seen: seen.rooms == {"room": (1, 0)})


async def test_readers_and_listeners_hear_the_same_mix_and_of_a_muted_speaker_nothing(tmp_path: Path) -> None:
    async with (
        Studio(tmp_path, safety_seconds=5.0) as studio,
        Speaker(studio) as anna,
        Speaker(studio) as bert,
        Reading(studio) as reading,
    ):
        await anna.publish(Sound.tone(440))
        await bert.publish(Sound.tone(990), participant="bert")
        await reading.hears(3.0)
        both = await reading.hears(2.0)
        await studio.client.mute("room", "bert", True)
        await reading.hears(1.5)
        after = await reading.hears(2.0)
        clip = await studio.client.clip("room", 1.0)

    assert strength(both, 440) > _AUDIBLE
    assert strength(both, 990) > _AUDIBLE
    assert strength(after, 440) > _AUDIBLE
    assert strength(after, 990) < _INAUDIBLE
    assert strength(played(clip.sound), 440) > _AUDIBLE, "the safety buffer holds what only readers heard"


async def test_a_grant_opens_one_stream_once_and_a_publishers_none(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        async with Reading(studio) as reading:
            with pytest.raises(Forbidden):
                await studio.client.stream(reading.grant)
        await eventually("it is over", studio.client.status, lambda seen: not seen.rooms)
        for grant in (reading.grant, studio.grant("publish"), "nonsense"):
            with pytest.raises(Forbidden):
                await studio.client.stream(grant)
        assert (await studio.client.status()).streams == 0


async def test_a_reader_has_no_ice_to_restart(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        stream = await studio.client.stream(studio.grant("subscribe", session="reader"))
        with pytest.raises(NotFound):
            await studio.client.patch("reader", ["*"], "a=ice-ufrag:abcd\r\na=ice-pwd:" + "x" * 24)
        await stream.close()


@pytest.mark.parametrize("order", ["ban", "end", "hang up", "drain"])
async def test_what_ends_sessions_ends_a_reader(tmp_path: Path, order: str) -> None:
    async with Studio(tmp_path) as studio, Speaker(studio) as speaker, Reading(studio) as other:
        await speaker.publish(Sound.tone(440))
        async with Reading(studio, participant="carl") as reading:
            await reading.hears(0.5)
            match order:
                case "ban":
                    await studio.client.expel("room", "carl", banned=True)
                case "end":
                    await studio.client.close_room("room")
                case "hang up":
                    grant = grants.read(reading.grant, studio.secret, SystemClock().now())
                    await studio.client.hang_up(grant.session)
                case "drain":
                    await studio.client.drain(0.1)
            async with asyncio.timeout(1):
                await reading.is_over.wait()
            if order == "ban":
                with pytest.raises(Forbidden):
                    await studio.client.stream(studio.grant("subscribe", participant="carl"))
            if order in ("ban", "hang up"):
                assert not other.is_over.is_set()

        pages, at = [], 0
        while (found := ogg.read(bytes(reading.received), at)) is not None:
            pages.append(found[0])
            at = found[1]
        assert at == len(reading.received)
        assert pages[-1].flags == ogg.ENDS


async def test_a_reader_who_stops_reading_costs_no_memory_and_nobody_else_their_sound(tmp_path: Path) -> None:
    async with (
        Studio(tmp_path, idle_seconds=4.0) as studio,
        Speaker(studio) as speaker,
        Reading(studio) as good,
    ):
        await speaker.publish(Sound.tone(440))
        await good.hears(0.5)
        asleep = await studio.client.stream(studio.grant("subscribe"))
        transport = asleep._writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def is_behind(seen: SfuStatus) -> bool:
            return seen.stream_pages_left_out > 3

        await eventually("pages are left out", studio.client.status, is_behind, within=90)
        sound = await good.hears(1.0)
        await eventually("he is gone", studio.client.status, lambda seen: seen.streams == 1, within=30)
        await asleep.close()

    assert strength(sound, 440) > _AUDIBLE


async def test_a_reader_takes_a_place_like_everybody(tmp_path: Path) -> None:
    async with Studio(tmp_path, max_sessions=1) as studio, Reading(studio), Listener(studio) as listener:
        with pytest.raises(Unavailable, match="full"):
            await listener.subscribe()


async def test_a_stranger_at_the_door_gets_no_stream(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        with pytest.raises((OSError, ConnectionError)):
            await introduce(studio.settings.control, b"another secret of thirty-two bytes or so")


async def test_a_stream_comes_from_another_machine_too(tmp_path: Path) -> None:
    async with (
        Studio(tmp_path, control=f"tcp://127.0.0.1:{free_port()}") as studio,
        Speaker(studio) as speaker,
        Reading(studio) as reading,
    ):
        await speaker.publish(Sound.tone(440))
        await reading.hears(1.0)
        assert strength(await reading.hears(1.0), 440) > _AUDIBLE


async def test_many_who_come_at_once_all_get_their_stream(tmp_path: Path) -> None:
    """What the audio server tells of the first does not confuse the others."""
    async with Studio(tmp_path) as studio:
        opened = await asyncio.gather(*(studio.client.stream(studio.grant("subscribe")) for _ in range(40)))
        assert [await stream.next() for stream in opened].count(b"") == 0
        assert (await studio.client.status()).streams == 40
        for stream in opened:
            await stream.close()
