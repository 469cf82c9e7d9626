"""The doctor finds what operators get wrong, says what to do, and is quiet about what is right."""

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from fedispace.cli.doctor import examine
from fedispace.cli.main import cli
from fedispace.config import Bus, Config, Database, Federation, Instance, Media, Rtc, Server
from fedispace.doctor import instance, machine, sound
from fedispace.doctor.findings import Finding, State, exit_code
from tests.api.site import Site
from tests.ground.ports import free_port
from tests.media.studio import Studio


def _config(directory: Path, rtc: Rtc, url: str = "http://localhost:8080") -> Config:
    return Config(
        instance=Instance(url=url),
        database=Database(url=f"sqlite:///{directory}/fedispace.sqlite3"),
        media=Media(directory=str(directory / "media"), recordings=str(directory / "recordings")),
        rtc=rtc,
    )


def _of(findings: Sequence[Finding], check: str) -> list[Finding]:
    found = [finding for finding in findings if finding.check == check]
    assert found, f"nothing about {check} in {findings}"
    return found


def _states(findings: Sequence[Finding], check: str) -> set[State]:
    return {finding.state for finding in _of(findings, check)}


async def test_a_running_audio_server_is_heard_by_udp_and_tcp(tmp_path: Path, studio: Studio) -> None:
    findings = await sound.look(_config(tmp_path, Rtc(listen=f"127.0.0.1:{studio.process.port}")))

    assert [finding.state for finding in findings] == [State.OK] * 4
    assert "runs" in _of(findings, "audio server")[0].detail
    assert _states(findings, "audio UDP") == _states(findings, "audio TCP") == {State.OK}


async def test_a_stopped_one_is_stood_in_for(tmp_path: Path) -> None:
    findings = await sound.look(_config(tmp_path, Rtc(listen=f"[::]:{free_port()}")))

    assert "does not run" in _of(findings, "audio server")[0].detail
    assert _states(findings, "audio UDP") == _states(findings, "audio TCP") == {State.OK}


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_another_program_at_the_port_is_found(tmp_path: Path, kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        findings = await sound.look(_config(tmp_path, Rtc(listen=f"127.0.0.1:{other.getsockname()[1]}")))

    (finding,) = _of(findings, "audio server")
    assert finding.state is State.FAULT
    assert "another program" in finding.advice


async def test_an_address_of_another_machine_to_listen_on_is_found(tmp_path: Path) -> None:
    findings = await sound.look(_config(tmp_path, Rtc(listen=f"192.0.2.99:{free_port()}")))

    assert _states(findings, "audio server") == {State.FAULT}


async def test_a_public_instance_that_tells_private_addresses_is_found(tmp_path: Path) -> None:
    rtc = Rtc(listen=f"127.0.0.1:{free_port()}")

    findings = await sound.look(_config(tmp_path, rtc, url="https://social.example"))

    (finding,) = _of(findings, "audio addresses")
    assert finding.state is State.FAULT
    assert "rtc.public_addresses" in finding.advice


async def test_an_address_of_the_family_that_is_not_listened_on_is_found(tmp_path: Path) -> None:
    rtc = Rtc(listen=f"127.0.0.1:{free_port()}", public_addresses=["127.0.0.1", "::1"])

    findings = await sound.look(_config(tmp_path, rtc))

    assert _states(findings, "audio addresses") == {State.OK, State.FAULT}


async def test_silence_of_what_is_behind_a_router_proves_nothing(tmp_path: Path) -> None:
    port = free_port()
    rtc = Rtc(listen=f"127.0.0.1:{port}", public_addresses=["127.77.0.1"])

    findings = await sound.look(_config(tmp_path, rtc))

    for check in ("audio UDP", "audio TCP"):
        (finding,) = _of(findings, check)
        assert finding.state is State.WARNING
        assert f"--audio 127.77.0.1:{port}" in finding.advice


async def test_from_elsewhere_the_port_is_asked_and_silence_is_a_fault(studio: Studio) -> None:
    there = await sound.ask_elsewhere(f"127.0.0.1:{studio.process.port}")
    closed = await sound.ask_elsewhere(f"127.0.0.1:{free_port()}")

    assert [finding.state for finding in there] == [State.OK, State.OK]
    assert [finding.state for finding in closed] == [State.FAULT, State.FAULT]
    assert [finding.state for finding in await sound.ask_elsewhere("nonsense")] == [State.FAULT]


def test_what_cannot_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file")

    findings = machine.look(_config(tmp_path, Rtc()))

    assert _states(findings, "media.directory") == {State.FAULT}
    assert _states(findings, "media.recordings") == {State.OK}
    _of(findings, "disk")
    _of(findings, "clock")


def test_a_secret_that_others_may_read_is_found(tmp_path: Path) -> None:
    secret = tmp_path / "sfu.secret"
    secret.write_bytes(b"s" * 32)
    secret.chmod(0o644)
    config = _config(tmp_path, Rtc(secret_file=str(secret)))

    assert _states(machine.look(config), "rtc.secret_file") == {State.WARNING}
    secret.chmod(0o600)
    assert _states(machine.look(config), "rtc.secret_file") == {State.OK}


async def test_the_database_is_looked_at(tmp_path: Path) -> None:
    missing = await instance.database(_config(tmp_path, Rtc()))
    (tmp_path / "fedispace.sqlite3").touch()
    empty = await instance.database(_config(tmp_path, Rtc()))

    assert [finding.state for finding in missing + empty] == [State.FAULT, State.FAULT]
    assert "fedispace migrate" in empty[0].advice


async def test_a_bus_that_is_away_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as redis:
        port = redis.getsockname()[1]
        there = await instance.bus(Config(bus=Bus(url=f"redis://127.0.0.1:{port}/0")))
    away = await instance.bus(Config(bus=Bus(url=f"redis://127.0.0.1:{port}/0")))

    assert [finding.state for finding in there] == [State.OK]
    assert [finding.state for finding in away] == [State.WARNING]
    assert await instance.bus(Config()) == []


def test_settings_for_trials_are_found_on_a_public_instance() -> None:
    plain = Config(instance=Instance(url="http://social.example"))
    trial = Config(instance=Instance(url="https://social.example"), federation=Federation(allow_http=True))
    open_figures = Config(server=Server(metrics_listen="0.0.0.0:9180"))

    assert _states(instance.settings(plain), "instance.url") == {State.FAULT}
    assert _states(instance.settings(trial), "federation.allow_http") == {State.WARNING}
    assert _states(instance.settings(open_figures), "server.metrics_listen") == {State.WARNING}
    assert instance.settings(Config()) == []


async def test_the_instance_is_reached_by_its_own_address(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        there = await instance.web(Config(instance=Instance(url=site.origin)))
    gone = await instance.web(Config(instance=Instance(url=site.origin)))

    assert [finding.state for finding in there] == [State.OK]
    assert [finding.state for finding in gone] == [State.WARNING]


async def test_everything_is_looked_at_once_and_a_sound_instance_has_no_fault(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        config = msgspec.structs.replace(
            site.app.config, rtc=Rtc(listen=f"127.0.0.1:{free_port()}"), media=Media(directory=str(tmp_path))
        )
        findings = await examine(config)

    assert [finding for finding in findings if finding.state is State.FAULT] == []
    assert exit_code(findings) == 0


def test_scripts_read_json_and_the_exit_code(tmp_path: Path) -> None:
    missing = CliRunner().invoke(cli, ["doctor", "--json", "--config", str(tmp_path / "none.toml")])
    people = CliRunner().invoke(cli, ["doctor", "--config", str(tmp_path / "none.toml")])

    assert missing.exit_code == people.exit_code == 1
    (finding,) = json.loads(missing.output)
    assert finding["check"] == "configuration"
    assert finding["state"] == "fault"
    assert "FAULT" in people.output
    assert "->" in people.output
    assert os.listdir(tmp_path) == []
