"""An operator shuts a server out, sees it listed, and lets it in again, by the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedispace.cli.main import cli
from fedispace.config_text import config_text
from fedispace.errors import FedispaceError, NotFound


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(config_text({"database.url": "sqlite:///fedispace.sqlite3"}))
    assert run("migrate", "--config", str(file)).exit_code == 0
    return file


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_a_server_is_shut_out_listed_and_let_in_again(config: Path) -> None:
    at = ("--config", str(config))
    assert run("domain", "suspend", "Spam.Example", "--comment", "floods", *at).exit_code == 0
    listed = run("domain", "list", *at)
    assert listed.output.split("\n")[0].split("\t") == ["spam.example", "suspend", "floods"]
    assert run("domain", "restore", "spam.example", *at).exit_code == 0
    assert run("domain", "list", *at).output == ""


def test_a_server_is_silenced_and_heard_again(config: Path) -> None:
    at = ("--config", str(config))
    assert run("domain", "silence", "Loud.Example", "--comment", "shouts", *at).exit_code == 0
    listed = run("domain", "list", *at)
    assert listed.output.split("\n")[0].split("\t") == ["loud.example", "silence", "shouts"]
    assert run("domain", "restore", "loud.example", *at).exit_code == 0
    assert run("domain", "list", *at).output == ""


def test_what_was_never_shut_out_cannot_be_let_in(config: Path) -> None:
    outcome = run("domain", "restore", "good.example", "--config", str(config))
    assert isinstance(outcome.exception, NotFound)


def test_what_is_no_host_name_is_refused(config: Path) -> None:
    outcome = run("domain", "suspend", "not a host", "--config", str(config))
    assert isinstance(outcome.exception, FedispaceError)
