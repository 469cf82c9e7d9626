"""Who is shown to be speaking: what the audio server hears within half a second, nothing of the muted."""

import asyncio
from typing import Any

import numpy as np

from fedispace.media.live.messages import SessionEvent
from fedispace.spaces.sound.speaking import Speaking
from tests.ground.ear import RATE
from tests.media.peers import Sound, Speaker
from tests.media.studio import Studio

ROOM = 77


def event(kind: str, session: str, account: int, level: int = 127) -> SessionEvent:
    return SessionEvent(
        kind=kind,
        session=session,
        room=str(ROOM),
        participant=f"account {account}",
        role="publish",
        level=level,
    )


def test_all_who_speak_are_told_each_time_and_only_when_they_change() -> None:
    told: list[tuple[int, dict[str, Any]]] = []
    speaking = Speaking(lambda room, message: told.append((room, message)))
    speaking.note(event("connected", "a", 1))
    speaking.note(event("speaking", "a", 1, 20))
    speaking.note(event("speaking", "a", 1, 30))
    speaking.note(event("speaking", "b", 2, 20))
    assert speaking.in_room(ROOM) == {1, 2}
    speaking.note(event("speaking", "a", 1))
    speaking.note(event("disconnected", "b", 2))
    assert speaking.in_room(ROOM) == frozenset()
    assert [message["ids"] for _, message in told] == [["1"], ["1", "2"], ["2"], []]


def test_nobody_without_an_account_is_named() -> None:
    speaking = Speaking(lambda *_: None)
    stranger = event("speaking", "a", 1, 20)
    for participant in ("anonymous x", "account", "account x", "upstream"):
        speaking.note(
            SessionEvent(
                kind=stranger.kind,
                session="a",
                room=str(ROOM),
                participant=participant,
                role="publish",
                level=20,
            )
        )
    assert speaking.in_room(ROOM) == frozenset()


async def test_speaking_begins_and_stops_within_half_a_second(tmp_path: Any) -> None:
    second = Sound.tone(440)._samples
    sound = Sound(np.concatenate([second, second, np.zeros(2 * RATE, dtype=np.int16)]))
    async with Studio(tmp_path) as studio, studio.events() as events, Speaker(studio) as speaker:
        await speaker.publish(sound, participant="account 1")
        assert sound._started is not None
        late: list[float] = []
        async with asyncio.timeout(20):
            while len(late) < 4:
                told = await events.get()
                if told.kind == "speaking":
                    since = asyncio.get_running_loop().time() - sound._started
                    late.append(since % 4 if told.level < 127 else (since - 2) % 4)
        print("speaking events were late by", late)
        assert max(late[1:]) < 0.6, late  # half a second, and what a busy machine adds


async def test_a_muted_speaker_is_not_shown_to_be_speaking(tmp_path: Any) -> None:
    async with Studio(tmp_path) as studio, studio.events() as events, Speaker(studio) as speaker:
        await speaker.publish(Sound.tone(440), participant="account 1")
        levels = []
        async with asyncio.timeout(5):
            while not levels:
                told = await events.get()
                levels += [told.level] if told.kind == "speaking" else []
        await studio.client.mute("room", "account 1", True)
        async with asyncio.timeout(1):
            while (told := await events.get()).kind != "speaking":
                pass
        assert (levels[0] < 127, told.level) == (True, 127)
        await asyncio.sleep(0.5)
        assert events.empty()
        await studio.client.mute("room", "account 1", False)
        async with asyncio.timeout(2):
            assert (await events.get()).level < 127
