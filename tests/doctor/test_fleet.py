"""The doctor asks every audio server by its control socket: is it there, is it full, does it go?"""

from pathlib import Path

from fedispace.config import Config, Rtc
from fedispace.doctor import fleet
from fedispace.doctor.findings import State
from fedispace.media.live.messages import SfuStatus
from tests.media.peers import Listener
from tests.media.studio import Studio


def _status(**figures: int | bool) -> SfuStatus:
    counts = {"publishers": 0, "subscribers": 0, "packets_received": 0, "packets_forwarded": 0} | figures
    return SfuStatus(rooms={}, packets_refused={}, cpu_seconds=1, resident_bytes=1, port=1, **counts)  # type: ignore[arg-type]


def _config(directory: Path, studio: Studio) -> Config:
    (directory / "secret").write_bytes(studio.secret)
    return Config(rtc=Rtc(control=str(studio.process.control), secret_file=str(directory / "secret")))


async def test_a_server_says_how_full_it_is_and_that_it_goes(tmp_path: Path) -> None:
    async with Studio(tmp_path, secret=b"s" * 32) as studio, Listener(studio) as listener:
        await listener.subscribe()
        config = _config(tmp_path, studio)
        [there] = await fleet.look(config)
        await studio.client.drain(30)
        [going] = await fleet.look(config)

    assert (there.state, there.detail) == (State.OK, "1 rooms, 1 of 4000 sessions")
    assert going.state is State.WARNING
    assert "sends everybody away" in going.detail


async def test_one_that_does_not_answer_is_a_fault(tmp_path: Path) -> None:
    async with Studio(tmp_path, secret=b"s" * 32) as studio:
        config = _config(tmp_path, studio)
    [gone] = await fleet.look(config)
    assert gone.state is State.FAULT


async def test_a_child_of_the_server_is_not_asked(tmp_path: Path) -> None:
    assert await fleet.look(Config()) == []


def test_one_that_is_nearly_full_is_warned_about() -> None:
    assert fleet.judged("a", _status(subscribers=90, max_sessions=100)).state is State.WARNING
    assert fleet.judged("a", _status(subscribers=89, max_sessions=100)).state is State.OK
