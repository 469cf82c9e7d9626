"""A moderator reads reports of rooms and hears what came with them, by the command line. Refusals first."""

import stat
from pathlib import Path

import pytest

from fedispace.app import App
from fedispace.federation.vocab.uri import Uri
from fedispace.moderation.evidence import Heard
from fedispace.moderation.reports import Scene
from tests.app.test_space_commands import config, on, open_space, run  # noqa: F401

_SOUND = b"OggS and what was said"


async def _reported(app: App) -> int:
    await app.start(worker=False, web=False)  # makes the instance's own actor, whose key seals
    space_id = await open_space(app, "A loud evening")
    alice, bob = await app.lookup.known("alice"), await app.lookup.known("bob")
    room = f"http://localhost:8080/spaces/{space_id}"
    scene = Scene(space_id=space_id, uri=Uri(room), url=room, host_id=alice.id, moment=754)
    heard = Heard(media_type="audio/ogg", seconds=60, sound=_SOUND)
    report = await app.reporting.report(bob, alice.id, comment="threats", scene=scene, heard=heard)
    return report.id


@pytest.mark.parametrize("command", ["show", "sound", "resolve"])
def test_a_report_that_is_not_there_is_refused(config: Path, tmp_path: Path, command: str) -> None:  # noqa: F811
    more = ("--out", str(tmp_path / "x.opus")) if command == "sound" else ()
    assert run("report", command, "1", *more, "--config", str(config)).exit_code == 1
    assert not (tmp_path / "x.opus").exists()


def test_a_report_of_a_room_is_listed_shown_and_heard_once(config: Path, tmp_path: Path) -> None:  # noqa: F811
    at = ("--config", str(config))
    number, out = str(on(config, _reported)), tmp_path / "heard.opus"
    listed = run("report", "list", *at).output
    assert "at 12:34, 60 s of sound" in listed
    shown = run("report", "show", number, *at).output
    for words in ("A loud evening", "12:34 after its beginning", "60 seconds", "threats"):
        assert words in shown
    assert run("report", "sound", number, "--out", str(out), *at).exit_code == 0
    assert out.read_bytes() == _SOUND
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert run("report", "sound", number, "--out", str(out), *at).exit_code == 1
