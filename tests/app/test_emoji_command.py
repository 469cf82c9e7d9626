"""An operator keeps an emoji, sees it listed, and forgets it again, by the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedispace.cli.main import cli
from fedispace.config_text import config_text
from fedispace.errors import Invalid, NotFound


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(config_text({"database.url": "sqlite:///fedispace.sqlite3", "media.directory": "media"}))
    assert run("migrate", "--config", str(file)).exit_code == 0
    return file


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_an_emoji_is_kept_listed_and_forgotten(config: Path, tmp_path: Path) -> None:
    at = ("--config", str(config))
    picture = tmp_path / "fox.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 32)
    added = run("emoji", "add", "fox", str(picture), "--category", "Animals", *at)
    assert added.exit_code == 0, added.output
    shortcode, category, address = run("emoji", "list", *at).output.rstrip().split("\t")
    assert (shortcode, category) == ("fox", "Animals")
    assert (tmp_path / "media" / "emojis" / address.rpartition("/")[2]).is_file()
    assert run("emoji", "remove", "fox", *at).exit_code == 0
    assert run("emoji", "list", *at).output == ""


def test_what_is_no_picture_is_refused(config: Path, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("<svg/>")
    outcome = run("emoji", "add", "fox", str(tmp_path / "x.png"), "--config", str(config))
    assert isinstance(outcome.exception, Invalid)
    assert isinstance(run("emoji", "remove", "fox", "--config", str(config)).exception, NotFound)
