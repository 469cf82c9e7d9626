"""An operator suspends, moves and deletes people by the command line. Refusals first."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedispace.cli.main import cli
from fedispace.config_text import config_text


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(config_text({"database.url": "sqlite:///fedispace.sqlite3"}))
    assert run("migrate", "--config", str(file)).exit_code == 0
    for name in ("alice", "second"):
        made = run(
            *("user", "create", name, "--email", f"{name}@mail.example", "--password-stdin"),
            *("--config", str(file)),
            typed="correct horse battery\n",
        )
        assert made.exit_code == 0, made.output
    return file


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=typed)


def test_nobody_is_suspended_moved_or_deleted_who_is_not_there(config: Path) -> None:
    at = ("--config", str(config))
    for command in (("suspend", "nobody"), ("delete", "nobody", "--yes"), ("move", "nobody", "second")):
        assert run("user", *command, *at).exit_code == 1
    assert run("user", "move", "alice", *at).exit_code == 1
    assert run("user", "move", "alice", "second", *at).exit_code == 1
    assert run("user", "delete", "alice", *at, typed="n\n").exit_code == 1
    assert run("user", "token", "alice", *at).exit_code == 0


def test_a_person_is_suspended_and_comes_back(config: Path) -> None:
    at = ("--config", str(config))
    assert run("user", "suspend", "alice", *at).output == "@alice is suspended.\n"
    assert run("user", "unsuspend", "alice", *at).output == "@alice is back.\n"


def test_a_person_moves_and_is_deleted_for_good(config: Path) -> None:
    at = ("--config", str(config))
    assert run("user", "alias", "add", "second", "@alice", *at).exit_code == 0
    (uri,) = run("user", "alias", "list", "second", *at).output.split()
    assert uri.endswith("/users/alice")
    assert run("user", "move", "alice", "second", *at).exit_code == 0
    assert run("user", "move", "alice", "--undo", *at).exit_code == 0
    assert run("user", "alias", "remove", "second", uri, *at).exit_code == 0
    assert run("user", "alias", "list", "second", *at).output == ""
    assert run("user", "delete", "alice", "--yes", *at).exit_code == 0
    assert run("user", "unsuspend", "alice", *at).exit_code == 1
    again = ("user", "create", "Alice", "--email", "a@mail.example", "--password-stdin", *at)
    assert run(*again, typed="correct horse battery\n").exit_code == 1


def test_somebody_gets_new_keys_and_the_old_ones_are_let_go_of(config: Path) -> None:
    at = ("--config", str(config))

    def keys() -> set[str]:
        with closing(sqlite3.connect(config.parent / "fedispace.sqlite3")) as db:
            rows = db.execute("SELECT public FROM actor_keys WHERE key_id LIKE '%/alice#%'").fetchall()
        return {str(row[0]) for row in rows}

    before = keys()
    assert run("user", "rotate-keys", "alice", *at).exit_code == 0
    assert len(keys() - before) == 2, "one for requests, one for proofs"
    assert run("user", "rotate-keys", "nobody", *at).exit_code == 1
