"""An operator sees the Spaces of the server, ends one and bans people, by the command line."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from fedispace.app import App
from fedispace.cli.main import cli
from fedispace.cli.offline import with_app
from fedispace.config_text import config_text
from fedispace.errors import Forbidden
from fedispace.spaces import access, queries

T = TypeVar("T")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(config_text({"database.url": "sqlite:///fedispace.sqlite3"}))
    assert run("migrate", "--config", str(file)).exit_code == 0
    for name in ("alice", "bob"):
        made = run(
            *("user", "create", name, "--email", f"{name}@mail.example", "--password-stdin"),
            *("--config", str(file)),
            typed="correct horse battery\n",
        )
        assert made.exit_code == 0, made.output
    return file


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=typed)


def on(config: Path, act: Callable[[App], Awaitable[T]]) -> T:
    return with_app(config, act)


async def open_space(app: App, title: str = "An open floor") -> int:
    alice = await app.lookup.known("alice")
    space = await app.hosting.create(alice, title=title)
    await app.hosting.open(alice, space.id)
    return space.id


def test_what_is_not_there_is_refused(config: Path) -> None:
    at = ("--config", str(config))
    for command in (
        ("show", "1"),
        ("end", "1"),
        ("ban", "nobody"),
        ("ban", "bob", "--undo"),
        ("ban", "alice", "--host", "alice"),
        ("ban", "bob", "--host", "nobody"),
    ):
        assert run("space", *command, *at).exit_code == 1, command


def test_live_and_scheduled_spaces_are_listed_in_numbers(config: Path) -> None:
    at = ("--config", str(config))
    space_id = on(config, open_space)
    (line,) = run("space", "list", *at).output.splitlines()
    assert line.split("\t")[:2] == [str(space_id), "live"]
    assert line.split("\t")[3:] == ["@alice@localhost:8080", "0 speak, 0 listen", "An open floor"]
    shown = run("space", "show", str(space_id), *at).output
    assert "stage      1 people" in shown
    assert "hands up   0" in shown


def test_a_space_is_ended_once(config: Path) -> None:
    at = ("--config", str(config))
    space_id = on(config, open_space)
    assert "is ended" in run("space", "end", str(space_id), *at).output
    assert run("space", "end", str(space_id), *at).exit_code == 1
    assert run("space", "list", *at).output == ""


def test_who_is_banned_from_hosting_hosts_nothing_until_it_is_lifted(config: Path) -> None:
    at = ("--config", str(config))
    on(config, open_space)
    assert "1 Spaces of theirs are over" in run("space", "ban", "alice", *at).output
    assert run("space", "list", *at).output == ""
    with pytest.raises(Forbidden):
        on(config, open_space)
    assert run("space", "ban", "alice", "--undo", *at).exit_code == 0
    on(config, open_space)


def test_who_is_banned_from_a_hosts_spaces_is_out_of_them(config: Path) -> None:
    at = ("--config", str(config))
    space_id = on(config, open_space)
    assert run("space", "ban", "bob", "--host", "alice", *at).exit_code == 0

    async def enter(app: App) -> None:
        bob = await app.lookup.known("bob")
        async with app.db.reading() as tx:
            space = await queries.space(tx, space_id, bob.id)
            standing = await queries.standing(tx, space, bob.id)
        access.require_presence(access.parse_access(space.access), standing)

    with pytest.raises(Forbidden, match="You can't join with this account"):
        on(config, enter)
    assert run("space", "ban", "bob", "--host", "alice", "--undo", *at).exit_code == 0
    on(config, enter)
