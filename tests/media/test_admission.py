"""Who may begin to join: bounds on the queue, and nobody new while the loop is late."""

import json
from pathlib import Path

import pytest
import structlog

from fedispace.api.dialects import refusal
from fedispace.api.routing import Dialect
from fedispace.clock import ManualClock
from fedispace.errors import Busy
from fedispace.media.live import messages, protocol
from fedispace.media.live.admission import Admission
from fedispace.media.live.sparing import Sparing
from tests.media.peers import Listener
from tests.media.studio import Studio


def test_a_queue_that_is_full_takes_nobody_and_says_when_to_come_back() -> None:
    admission = Admission(joining=10, each=6)
    for room in ("one", "two"):
        for _ in range(5):
            admission.check(room)
            admission.begin(room)
    with pytest.raises(Busy) as refusal:
        admission.check("three")
    assert refusal.value.retry_after > 0

    admission.end("one")
    admission.check("three")
    assert (admission.joining, admission.refused) == (9, {"queue": 1})


def test_one_rooms_crowd_leaves_place_for_another_room() -> None:
    admission = Admission(joining=10, each=6)
    for _ in range(6):
        admission.begin("crowded")
    with pytest.raises(Busy):
        admission.check("crowded")
    admission.check("quiet")


def test_while_the_loop_is_late_nobody_new_comes_in() -> None:
    admission = Admission(late=0.1)
    for _ in range(3):
        admission.note(0.3)
        admission.check("room")  # a few ticks alone may be chance
    admission.note(0.3)
    with pytest.raises(Busy):
        admission.check("room")
    admission.note(0.001)
    admission.check("room")


def test_who_has_come_in_or_given_up_waits_no_more() -> None:
    admission = Admission(joining=2)
    for _ in range(100):
        admission.check("room")
        admission.begin("room")
        admission.end("room")
    assert admission.joining == 0
    assert not admission._of_room


def test_whoever_is_refused_reads_503_and_when_to_come_back() -> None:
    refused = Busy("too many", retry_after=3)
    travelled = protocol.heard_by_client(protocol.frame(protocol.failure(7, refused))[4:])
    assert isinstance(travelled, messages.Failed)

    told = refusal(Dialect.NATIVE, protocol.raised(travelled))
    assert (told.status, told.headers["Retry-After"]) == (503, "3")


async def test_those_who_join_are_counted_until_they_are_in(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio, Listener(studio) as listener:
        answer = await studio.client.subscribe(studio.grant("subscribe"), await listener.offer_to_listen())
        assert (await studio.client.status()).joining == 1

        await listener.accept(answer.sdp)
        await listener.connected()
        status = await studio.client.status()
        assert (status.joining, status.rooms) == (0, {"room": (0, 1)})
        assert status.lateness < 1


def test_no_more_than_ten_lines_a_minute_are_logged() -> None:
    clock = ManualClock()
    sparing, told = Sparing(clock), []
    for second in range(180):
        for level in ("info", "warning", "error"):
            try:
                told.append((second, sparing(None, level, {"event": json.dumps(second)})))
            except structlog.DropEvent:
                continue
        clock.advance(seconds=1)

    for start in range(180):
        assert sum(start <= second < start + 60 for second, _ in told) <= 10
    assert told[-1][1]["lines_left_out"] > 0


def test_a_flood_of_ordinary_lines_does_not_hide_an_error() -> None:
    sparing = Sparing(ManualClock())
    for _ in range(1000):
        try:
            sparing(None, "info", {"event": "somebody left"})
        except structlog.DropEvent:
            continue

    assert sparing(None, "error", {"event": "broken"})["lines_left_out"] == 993
