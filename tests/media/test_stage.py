"""Who sits on stage, and what each hears of it: three others, in three streams that go on."""

import itertools
import random

from fedispace.media.live.continuity import Place
from fedispace.media.live.slots import Ear
from fedispace.media.live.stage import SLOTS, Stage

_LOUD, _SILENT = 107.0, 0.0


class _Room:
    """A stage in virtual time: everybody sends a packet every 20 ms."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.now = 0.0

    def go_on(self, seconds: float, **loudness: float) -> dict[str, list[int | None]]:
        """Let it go on; return for each who sends the chairs his packets were carried by."""
        chairs: dict[str, list[int | None]] = {name: [] for name in loudness}
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            for name, loud in loudness.items():
                chairs[name].append(self.stage.hear(name, f"person {name}", loud, self.now))
        return chairs

    @property
    def seated(self) -> list[str | None]:
        people = [self.stage.participant(chair) for chair in range(SLOTS + 1)]
        return [person and person.removeprefix("person ") for person in people]


def test_three_who_speak_at_once_sit_in_three_chairs() -> None:
    room = _Room()
    chairs = room.go_on(5, anna=_LOUD, bert=_LOUD, cleo=_LOUD)

    assert room.seated[:3] == ["anna", "bert", "cleo"]
    assert all(len(set(found)) == 1 for found in chairs.values()), "and every packet is carried"


def test_who_speaks_keeps_the_chair_whoever_else_wants_one() -> None:
    room = _Room()
    room.go_on(1, anna=_LOUD, bert=_LOUD, cleo=_LOUD)
    chairs = room.go_on(10, anna=80.0, bert=80.0, cleo=80.0, dora=127.0, emil=127.0)

    assert room.seated == ["anna", "bert", "cleo", "dora"]
    assert set(chairs["emil"]) == {None}


def test_a_fourth_takes_the_chair_of_who_is_silent_longest() -> None:
    room = _Room()
    room.go_on(1, anna=_LOUD, bert=_LOUD, cleo=_LOUD)
    room.go_on(1, anna=_LOUD, bert=_SILENT, cleo=_LOUD)
    room.go_on(1, anna=_SILENT, bert=_SILENT, cleo=_LOUD)
    chairs = room.go_on(1, anna=_SILENT, bert=_SILENT, cleo=_LOUD, dora=_LOUD)

    assert room.seated[:3] == ["anna", "dora", "cleo"]
    assert chairs["dora"].index(1) <= 3, "within 60 ms of his first word"


def test_a_pause_costs_nobody_the_chair_and_a_cough_takes_none() -> None:
    room = _Room()
    room.go_on(1, anna=_LOUD, bert=_LOUD, cleo=_LOUD)
    for _ in range(20):
        room.go_on(0.3, anna=_SILENT, bert=_LOUD, cleo=_LOUD, dora=_SILENT)
        room.go_on(0.02, anna=_SILENT, bert=_LOUD, cleo=_LOUD, dora=_LOUD)
        room.go_on(0.2, anna=_LOUD, bert=_LOUD, cleo=_LOUD, dora=_SILENT)

    assert room.seated[:3] == ["anna", "bert", "cleo"]


def test_who_waits_in_the_last_chair_moves_up_when_somebody_pauses() -> None:
    room = _Room()
    room.go_on(1, anna=_LOUD, bert=_LOUD, cleo=_LOUD)
    room.go_on(1, anna=_LOUD, bert=_LOUD, cleo=_LOUD, dora=_LOUD)
    assert room.seated[3] == "dora"

    chairs = room.go_on(1, anna=_LOUD, bert=_SILENT, cleo=_LOUD, dora=_LOUD)

    assert room.seated == ["anna", "dora", "cleo", None]
    assert None not in chairs["dora"]


def test_who_leaves_frees_the_chair_at_once() -> None:
    room = _Room()
    room.go_on(1, anna=_LOUD, bert=_LOUD, cleo=_LOUD)
    room.stage.leave("bert")

    assert room.seated == ["anna", None, "cleo", None]
    room.go_on(0.02, dora=_SILENT)
    assert room.seated[1] == "dora", "a free chair is anybody's"


def test_nobody_ever_sits_twice_and_everybody_who_speaks_is_seated_while_there_is_a_chair() -> None:
    chance = random.Random(8)
    room, names = _Room(), ["a", "b", "c", "d", "e", "f"]
    loud = dict.fromkeys(names, _SILENT)
    for _ in range(3000):
        name = chance.choice(names)
        if chance.random() < 0.05:
            room.stage.leave(name)
        loud[name] = _LOUD if sum(level > 0 for level in loud.values()) < 3 and loud[name] == 0 else _SILENT
        room.go_on(chance.choice((0.02, 0.1, 0.6)), **loud)
        seated = [one for one in room.seated if one]
        assert len(set(seated)) == len(seated)
    room.go_on(1, **loud)
    assert {name for name, level in loud.items() if level} <= set(room.seated[:3])


def _ear() -> Ear:
    return Ear(slot=None, participant="", slots=3, payload_type=96)  # type: ignore[arg-type]


def test_a_slots_numbers_go_on_by_one_and_with_the_time_whichever_chair_is_heard() -> None:
    chance = random.Random(6)
    ear, now, numbers = _ear(), 100.0, []
    lines = {chair: [chance.randrange(50_000), chance.getrandbits(32)] for chair in (0, 3)}
    for _ in range(200):
        heard = chance.choice((0, 3))
        for _ in range(chance.randrange(1, 30)):
            now += 0.02
            for chair, line in lines.items():
                line[0] += 1
                line[1] = (line[1] + 960) & 0xFFFFFFFF
                if chair == heard:
                    numbers.append((now, ear.number(chair, Place(line[0], line[1], False), now)))

    first = numbers[0][1]
    assert first is not None
    assert first[0] == 0
    for (before, one), (after, two) in itertools.pairwise(numbers):
        assert one is not None
        assert two is not None
        assert two[0] == one[0] + 1
        passed = (two[1] - one[1]) & 0xFFFFFFFF
        assert abs(passed - (after - before) * 48_000) <= 960


def test_a_late_packet_keeps_its_place_in_a_turn_and_is_dropped_before_it() -> None:
    ear = _ear()
    ear.number(0, Place(10, 9600, False), 0.2)
    ear.number(3, Place(50, 0, False), 0.22)
    latest = ear.number(3, Place(53, 2880, False), 0.28)
    late = ear.number(3, Place(52, 1920, False), 0.281)

    assert latest is not None
    assert late is not None
    assert (latest[0] - late[0], latest[1] - late[1]) == (1, 960)
    assert ear.number(3, Place(49, 0, False), 0.282) is None
